# SPDX-License-Identifier: Apache-2.0
# One archive holds every module except the two main programs, so the daemon,
# the tools, the tests and the fuzz targets all link the same objects.
noinst_LIBRARIES += libstagewire.a
libstagewire_a_SOURCES =

include src/base/local.mk
include src/io/local.mk
include src/model/local.mk
include src/store/local.mk
include src/travis/local.mk
include src/backstage/local.mk
include src/audit/local.mk
include src/secret/local.mk
include src/sink/local.mk
include src/relay/local.mk
include src/conf/local.mk
include src/doctor/local.mk
include src/daemon/local.mk
include src/ctl/local.mk
