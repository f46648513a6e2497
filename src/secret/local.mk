# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += src/secret/.may_include

libstagewire_a_SOURCES += \
	src/secret/aws.c \
	src/secret/aws.h \
	src/secret/aws_credentials.c \
	src/secret/aws_credentials.h \
	src/secret/aws_read.c \
	src/secret/aws_read.h \
	src/secret/json_secret.c \
	src/secret/json_secret.h \
	src/secret/keyring.c \
	src/secret/keyring.h \
	src/secret/path.c \
	src/secret/path.h \
	src/secret/provider.h \
	src/secret/ref.c \
	src/secret/ref.h \
	src/secret/safe.c \
	src/secret/safe.h \
	src/secret/safe_entry.c \
	src/secret/safe_impl.h \
	src/secret/session.c \
	src/secret/session.h \
	src/secret/vault.c \
	src/secret/vault.h \
	src/secret/vault_read.c \
	src/secret/vault_read.h
