# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/doctor/.may_include

libstagewire_a_SOURCES += \
	src/doctor/doctor_libraries.c \
	src/doctor/doctor_packages.c \
	src/doctor/doctor_report.c \
	src/doctor/doctor_report.h
