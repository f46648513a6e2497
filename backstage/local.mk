# SPDX-License-Identifier: Apache-2.0
# The module for Backstage: built and tested by its own tools, see tests/peers/test_module.py.
EXTRA_DIST += \
	backstage/.eslintrc.js \
	backstage/.npmrc \
	backstage/CHANGELOG.md \
	backstage/LICENSE \
	backstage/README.md \
	backstage/config.d.ts \
	backstage/package-lock.json \
	backstage/package.json \
	backstage/src/__testUtils__/tables.ts \
	backstage/src/bell.ts \
	backstage/src/changes.test.ts \
	backstage/src/changes.ts \
	backstage/src/database.ts \
	backstage/src/index.ts \
	backstage/src/keys.test.ts \
	backstage/src/keys.ts \
	backstage/src/lane.ts \
	backstage/src/limit.test.ts \
	backstage/src/limit.ts \
	backstage/src/module.test.ts \
	backstage/src/module.ts \
	backstage/src/options.test.ts \
	backstage/src/options.ts \
	backstage/src/outbox.ts \
	backstage/src/publisher.test.ts \
	backstage/src/publisher.ts \
	backstage/src/ways.test.ts \
	backstage/src/ways.ts \
	backstage/tsconfig.json
