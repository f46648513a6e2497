# SPDX-License-Identifier: Apache-2.0
STATIC = \
	scripts/check-includes.sh \
	tests/static/check-conf.sh \
	tests/static/check-man.sh \
	tests/static/check-style.sh \
	tests/static/check-unit.sh
TESTS += $(STATIC)
dist_check_SCRIPTS += $(STATIC)

# Prints the option table, or what a configuration comes to.
check_PROGRAMS += tests/tools/describe_conf
tests_tools_describe_conf_SOURCES = tests/tools/describe_conf.c
tests_tools_describe_conf_LDADD = libstagewire.a $(DEPS_LIBS)

style:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(STATIC)"
