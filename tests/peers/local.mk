# SPDX-License-Identifier: Apache-2.0
# Real programs that the system tests run against.
EXTRA_DIST += \
	tests/peers/backstage/app-config.yaml \
	tests/peers/backstage/entities.yaml \
	tests/peers/backstage/index.js \
	tests/peers/backstage/package-lock.json \
	tests/peers/backstage/package.json \
	tests/peers/backstage/probe.js \
	tests/peers/backstage/run-peer.sh \
	tests/peers/oidc/package-lock.json \
	tests/peers/oidc/package.json \
	tests/peers/oidc/provider.js \
	tests/peers/openapi/package-lock.json \
	tests/peers/openapi/package.json \
	tests/peers/peer.py \
	tests/peers/signal_listener.js \
	tests/peers/secrets/drive.js \
	tests/peers/secrets/drive.py \
	tests/peers/secrets/package-lock.json \
	tests/peers/secrets/package.json \
	tests/peers/tlog/verify.go \
	tests/peers/travis-card/app.js \
	tests/peers/travis-card/browser.js \
	tests/peers/travis-card/button.js \
	tests/peers/travis-card/card.js \
	tests/peers/travis-card/package-lock.json \
	tests/peers/travis-card/package.json \
	tests/peers/travis-card/press.js \
	tests/peers/travis-card/render.js \
	tests/peers/webhooks/package-lock.json \
	tests/peers/webhooks/package.json \
	tests/peers/webhooks/sign.js \
	tests/peers/webhooks/verify.js
dist_noinst_SCRIPTS += $(PEERS)
