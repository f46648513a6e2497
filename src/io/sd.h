/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_SD_H
#define IO_SD_H

#include <stddef.h>
#include <stdint.h>

/* Talks to systemd where it is there (sd_notify(3), sd_listen_fds(3)); else does nothing. */

void sd_ready(void);
void sd_stopping(void);

/* Begin and end a reload, as Type=notify-reload of systemd 253 wants it and 252 allows. */
void sd_reloading(void);
void sd_status(const char *text);
void sd_watchdog_feed(void);

/* Milliseconds between two feeds that keep the watchdog quiet; 0: there is none. */
int64_t sd_watchdog_interval_ms(void);

/* Descriptors passed by socket activation under a name; returns how many were stored. */
size_t sd_sockets(const char *name, int *fds, size_t max);

#endif
