# SPDX-License-Identifier: Apache-2.0
# configure would leave $${prefix} unexpanded in a unit; make expands it.
nodist_systemdsystemunit_DATA = systemd/stagewired.service
dist_systemdsystemunit_DATA = \
	systemd/stagewired-admin.socket \
	systemd/stagewired.socket
dist_sysusers_DATA = systemd/sysusers.d/stagewire.conf
dist_tmpfiles_DATA = systemd/tmpfiles.d/stagewire.conf
dist_doc_DATA += systemd/credentials.conf
EXTRA_DIST += systemd/stagewired.service.in
CLEANFILES += systemd/stagewired.service
systemd/stagewired.service: systemd/stagewired.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/systemd/stagewired.service.in >$@
