// SPDX-License-Identifier: Apache-2.0
import { createBackendModule } from '@backstage/backend-plugin-api';
import {
  mockServices,
  startTestBackend,
  TestBackend,
} from '@backstage/backend-test-utils';
import catalogPlugin from '@backstage/plugin-catalog-backend';
import {
  catalogProcessingExtensionPoint,
  EntityProvider,
  EntityProviderConnection,
} from '@backstage/plugin-catalog-node';
import { eventsServiceRef } from '@backstage/plugin-events-node';
import { createServiceFactory } from '@backstage/backend-plugin-api';
import { Knex } from 'knex';
import { createDatabases, waitUntil } from './__testUtils__/tables';
import catalogModuleStagewire from '.';

jest.setTimeout(60_000);

// Entities by their name and owner, put into the catalog as an integration does.
class Provider implements EntityProvider {
  #connection: EntityProviderConnection | undefined;

  getProviderName() {
    return 'test';
  }

  async connect(connection: EntityProviderConnection) {
    this.#connection = connection;
  }

  async put(owners: Record<string, string>) {
    const entities = Object.entries(owners).map(([name, owner]) => ({
      entity: {
        apiVersion: 'backstage.io/v1alpha1',
        kind: 'Component',
        metadata: {
          name,
          annotations: {
            'backstage.io/managed-by-location': 'url:http://test/',
            'backstage.io/managed-by-origin-location': 'url:http://test/',
          },
        },
        spec: { type: 'service', lifecycle: 'production', owner },
      },
    }));
    await this.#connection!.applyMutation({ type: 'full', entities });
  }
}

const databases = createDatabases();

describe.each(databases.eachSupportedId())('the module on %s', id => {
  let knex: Knex;
  let provider: Provider;
  let backend: TestBackend;
  let published: any[];

  async function start() {
    provider = new Provider();
    const events = { publish: jest.fn(), subscribe: jest.fn() };
    published = [];
    events.publish.mockImplementation(async event => published.push(event));
    backend = await startTestBackend({
      features: [
        catalogPlugin,
        catalogModuleStagewire,
        createBackendModule({
          pluginId: 'catalog',
          moduleId: 'test-provider',
          register: reg =>
            reg.registerInit({
              deps: { catalog: catalogProcessingExtensionPoint },
              init: async ({ catalog }) => catalog.addEntityProvider(provider),
            }),
        }),
        mockServices.database.factory({ knex }),
        createServiceFactory({
          service: eventsServiceRef,
          deps: {},
          factory: () => events,
        }),
        mockServices.rootConfig.factory({
          data: {
            catalog: {
              processingInterval: { seconds: 1 },
              rules: [{ allow: ['Component', 'Location'] }],
            },
            events: { useEventBus: 'always' },
          },
        }),
      ],
    });
    await waitUntil(() => published.length > 0, 'the first resync');
  }

  function ofParcels() {
    return published
      .map(({ eventPayload }) => eventPayload)
      .filter(payload => payload.entityRef === 'component:default/parcels');
  }

  beforeEach(async () => {
    knex = await databases.init(id);
    if (id === 'SQLITE_3') {
      await knex.raw('PRAGMA foreign_keys = ON');
    }
    await start();
  });

  afterEach(async () => {
    await backend.stop();
  });

  it('tells of a life in the real catalog as its API has it', async () => {
    await provider.put({ parcels: 'payments' });
    await waitUntil(() => ofParcels().length > 0, 'the creation');
    await provider.put({ parcels: 'user:alice' });
    await waitUntil(
      () => ofParcels().at(-1).data.owner === 'user:default/alice',
      'the new owner',
    );
    const [entity] = await knex('final_entities')
      .where('entity_ref', 'component:default/parcels')
      .select('final_entity');
    const { uid, etag } = JSON.parse(entity.final_entity).metadata;
    expect(ofParcels().at(-1)).toEqual({
      type: 'entity.updated',
      id: expect.stringMatching(/^[0-9a-f-]{36}-\d+$/),
      timestamp: expect.stringMatching(/Z$/),
      entityRef: 'component:default/parcels',
      data: {
        entityRef: 'component:default/parcels',
        uid,
        etag,
        owner: 'user:default/alice',
        owners: ['user:default/alice'],
      },
    });
    await provider.put({});
    await waitUntil(
      () => ofParcels().at(-1).type === 'entity.deleted',
      'the deletion',
    );
    expect(ofParcels()[0]).toMatchObject({
      type: 'entity.created',
      data: { uid, owner: 'group:default/payments' },
    });
    expect(ofParcels().at(-1).data).toMatchObject({ uid, etag });
    expect(published.every(({ topic }) => topic === 'stagewire.catalog')).toBe(
      true,
    );
  });
});

describe('the module', () => {
  it('does not start with a configuration that makes no sense', async () => {
    const starting = startTestBackend({
      features: [
        catalogPlugin,
        catalogModuleStagewire,
        mockServices.database.factory({ knex: {} as Knex }),
        mockServices.rootConfig.factory({
          data: { stagewire: { push: { url: 'https://relay/', signing: [] } } },
        }),
      ],
    });
    await expect(starting).rejects.toThrow(/stagewire\.push\.signing/);
  });
});
