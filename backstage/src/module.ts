// SPDX-License-Identifier: Apache-2.0
import {
  coreServices,
  createBackendModule,
} from '@backstage/backend-plugin-api';
import { eventsServiceRef } from '@backstage/plugin-events-node';
import { Way } from './outbox';
import { readOptions } from './options';
import { Publisher } from './publisher';
import { busWay, pushWay, Tell } from './ways';

/**
 * Publishes what is created, updated and deleted in the catalog.
 *
 * @public
 */
export const catalogModuleStagewire = createBackendModule({
  pluginId: 'catalog',
  moduleId: 'stagewire',
  register(reg) {
    reg.registerInit({
      deps: {
        config: coreServices.rootConfig,
        database: coreServices.database,
        events: eventsServiceRef,
        lifecycle: coreServices.lifecycle,
        logger: coreServices.logger,
        rootLifecycle: coreServices.rootLifecycle,
      },
      async init({ config, database, events, lifecycle, logger, ...deps }) {
        const options = readOptions(config);
        const ways = new Map<Way, Tell>();
        if (options.topic !== undefined) {
          ways.set('bus', busWay(events, options.topic));
        }
        if (options.push) {
          ways.set('push', pushWay(options.push));
        }
        // In other modes one 404 of a starting events backend ends it for good, silently.
        if (
          options.topic !== undefined &&
          config.getOptionalString('events.useEventBus') !== 'always'
        ) {
          logger.warn(
            'events.useEventBus is not "always": changes may not reach the event bus',
          );
        }

        const publisher = new Publisher(
          await database.getClient(),
          logger.child({ module: 'stagewire' }),
          ways,
        );
        // Modules come before their plugin, so the catalog's tables may not be there yet.
        deps.rootLifecycle.addStartupHook(() => publisher.start());
        lifecycle.addShutdownHook(() => publisher.stop());
      },
    });
  },
});
