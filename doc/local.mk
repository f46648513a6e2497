# SPDX-License-Identifier: Apache-2.0
dist_man_MANS += \
	doc/man/stagewirectl.1 \
	doc/man/stagewired.8
dist_doc_DATA += \
	NEWS.md \
	README.md \
	SECURITY.md \
	doc/openapi.json
EXTRA_DIST += \
	HACKING.md \
	LICENSE \
	doc/status-page-dark.png \
	doc/status-page.png \
	doc/adr
