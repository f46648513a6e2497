// SPDX-License-Identifier: Apache-2.0
'use strict';

// A real Backstage backend with the plugins that the relay talks to, and those in PEER_LOADS.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();
if (!process.env.PEER_WITHOUT_EVENTS) backend.add(import('@backstage/plugin-events-backend'));
backend.add(import('@backstage/plugin-catalog-backend'));
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(import('@backstage/plugin-notifications-backend'));
backend.add(import('@backstage/plugin-signals-backend'));
backend.add(import('@backstage/plugin-proxy-backend'));
backend.add(import('@backstage/plugin-permission-backend'));
backend.add(import('@backstage/plugin-permission-backend-module-allow-all-policy'));
for (const name of (process.env.PEER_LOADS || '').split(' ').filter(Boolean))
	backend.add(import(name));
backend.start();
