// SPDX-License-Identifier: Apache-2.0

/**
 * Tells of changes in the catalog, on the event bus and by a signed webhook.
 *
 * @packageDocumentation
 */
export { catalogModuleStagewire as default } from './module';
