# SPDX-License-Identifier: Apache-2.0
# Debian's Chromium, driven by playwright-core; axe-core looks at what it shows.
EXTRA_DIST += \
	tests/browser/browser.js \
	tests/browser/browser.py \
	tests/browser/package-lock.json \
	tests/browser/package.json
dist_noinst_SCRIPTS += \
	tests/browser/screenshot.py \
	$(BROWSER)
