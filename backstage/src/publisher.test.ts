// SPDX-License-Identifier: Apache-2.0
import { mockServices } from '@backstage/backend-test-utils';
import { Knex } from 'knex';
import {
  createDatabases,
  dropEntity,
  makeCatalogTables,
  putEntity,
  waitUntil,
} from './__testUtils__/tables';
import { Bell } from './bell';
import { CHANNEL, OUTBOX_MAX } from './database';
import { Way } from './outbox';
import { Publisher } from './publisher';
import { Later, Refused, Tell } from './ways';

jest.setTimeout(60_000);

const PAYMENTS = 'group:default/payments';
const A = 'component:default/a';
const B = 'component:default/b';

// What was told one way, and what answer it gets.
class Ear {
  readonly heard: any[] = [];
  answer: (payload: any, signal: AbortSignal) => Promise<void> = async () => {};

  readonly tell: Tell = async (payload, signal) => {
    await this.answer(payload, signal);
    this.heard.push(payload);
  };

  types() {
    return this.heard.map(({ type, entityRef }) => `${type} ${entityRef}`);
  }
}

const databases = createDatabases();

describe.each(databases.eachSupportedId())('a publisher on %s', id => {
  let knex: Knex;
  let bus: Ear;
  let started: Publisher[];
  const logger = mockServices.logger.mock();

  function start(ways: Record<string, Ear> = { bus }) {
    const publisher = new Publisher(
      knex,
      logger,
      new Map(Object.entries(ways).map(([way, ear]) => [way as Way, ear.tell])),
    );
    publisher.start();
    started.push(publisher);
    return publisher;
  }

  // Started, and what its first start has to say is said.
  async function startAfresh(ways: Record<string, Ear> = { bus }) {
    const publisher = start(ways);
    for (const ear of Object.values(ways)) {
      await waitUntil(() => ear.heard.length > 0, 'the first resync');
      ear.heard.length = 0;
    }
    return publisher;
  }

  async function rowsLeft() {
    return (await knex('stagewire_outbox').select('seq')).length;
  }

  async function emptied() {
    await waitUntil(async () => (await rowsLeft()) === 0, 'an empty outbox');
  }

  beforeEach(async () => {
    jest.clearAllMocks();
    knex = await databases.init(id);
    await makeCatalogTables(knex);
    bus = new Ear();
    started = [];
  });

  afterEach(async () => {
    await Promise.all(started.map(publisher => publisher.stop()));
  });

  it('asks for one look at everything at first, not for each entity there is', async () => {
    for (let i = 0; i < 50; i++) {
      await putEntity(knex, `component:default/c${i}`, `uid-${i}`, PAYMENTS);
    }
    start();
    await waitUntil(() => bus.heard.length > 0, 'something');
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => bus.heard.length > 1, 'the new entity');
    expect(bus.heard).toEqual([
      expect.objectContaining({ type: 'catalog.resync', resync: true }),
      expect.objectContaining({ type: 'entity.created', entityRef: A }),
    ]);
    await emptied();
  });

  it('tells of an entity that is created, updated and deleted', async () => {
    await startAfresh();
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => bus.heard.length === 1, 'the creation');
    await putEntity(knex, A, 'uid-a', 'user:default/bob');
    await waitUntil(() => bus.heard.length === 2, 'the update');
    await dropEntity(knex, 'uid-a');
    await waitUntil(() => bus.heard.length === 3, 'the deletion');

    const ofBob = {
      entityRef: A,
      uid: 'uid-a',
      etag: 'etag-of-user:default/bob',
      owner: 'user:default/bob',
      owners: ['user:default/bob'],
    };
    expect(bus.heard).toMatchObject([
      { type: 'entity.created', entityRef: A, data: { owner: PAYMENTS } },
      { type: 'entity.updated', entityRef: A, data: ofBob },
      { type: 'entity.deleted', entityRef: A, data: ofBob },
    ]);
    expect(new Set(bus.heard.map(payload => payload.id)).size).toBe(3);
  });

  it('says nothing where the catalog wrote the same again', async () => {
    await startAfresh();
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => bus.heard.length === 1, 'the creation');
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await putEntity(knex, B, 'uid-b', PAYMENTS);
    await waitUntil(() => bus.heard.length >= 2, 'both');
    expect(bus.types()).toEqual([`entity.created ${A}`, `entity.created ${B}`]);
  });

  it('tells of texts that only JSON can have', async () => {
    await startAfresh();
    await putEntity(knex, A, 'uid-a', PAYMENTS, { title: 'a\u0000b\ud800' });
    await waitUntil(() => bus.heard.length === 1, 'the creation');
    expect(bus.types()).toEqual([`entity.created ${A}`]);
  });

  it('tells at the next start what changed meanwhile', async () => {
    const publisher = await startAfresh();
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => bus.heard.length === 1, 'the creation');
    await publisher.stop();
    await dropEntity(knex, 'uid-a');
    await putEntity(knex, A, 'uid-new', PAYMENTS);
    await putEntity(knex, A, 'uid-new', 'user:default/bob');
    start();
    await waitUntil(() => bus.heard.length === 3, 'what changed');
    expect(bus.heard.slice(1)).toMatchObject([
      { type: 'entity.deleted', entityRef: A, data: { uid: 'uid-a' } },
      {
        type: 'entity.created',
        entityRef: A,
        data: { uid: 'uid-new', owner: 'user:default/bob' },
      },
    ]);
  });

  it('asks for a look at everything if somebody took the triggers away', async () => {
    const publisher = await startAfresh();
    await publisher.stop();
    await knex.raw(
      id === 'SQLITE_3'
        ? 'DROP TRIGGER stagewire_note_insert'
        : 'DROP TRIGGER stagewire_note ON final_entities',
    );
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    start();
    await waitUntil(() => bus.heard.length > 0, 'a resync');
    expect(bus.types()).toEqual(['catalog.resync undefined']);
    await putEntity(knex, B, 'uid-b', PAYMENTS);
    await waitUntil(() => bus.heard.length > 1, 'the new entity');
  });

  it('tries again until it gets through, with the same id and nothing lost', async () => {
    await startAfresh();
    const tried: string[] = [];
    bus.answer = async payload => {
      tried.push(payload.id);
      throw tried.length < 3 ? new Later('not now', 10) : new Error('down');
    };
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => tried.length >= 2, 'two tries');
    await putEntity(knex, B, 'uid-b', PAYMENTS);
    bus.answer = async () => {};
    await waitUntil(() => bus.heard.length === 2, 'both');
    expect(bus.types().sort()).toEqual([
      `entity.created ${A}`,
      `entity.created ${B}`,
    ]);
    expect(new Set(tried).size).toBe(1);
    expect(bus.heard.map(payload => payload.id)).toContain(tried[0]);
    await emptied();
    await waitUntil(() => logger.info.mock.calls.length > 0, 'a good word');
    expect(logger.info).toHaveBeenCalledWith(expect.stringContaining('again'));
    expect(logger.warn).toHaveBeenCalledTimes(1);
  });

  it('goes on after one that the receiver refuses', async () => {
    await startAfresh();
    bus.answer = async payload => {
      if (payload.entityRef === A) throw new Refused('answered 400');
    };
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await putEntity(knex, B, 'uid-b', PAYMENTS);
    await waitUntil(() => bus.heard.length === 1, 'the other');
    await emptied();
    expect(bus.types()).toEqual([`entity.created ${B}`]);
    expect(logger.error).toHaveBeenCalledTimes(1);
  });

  it('tells one way while the other is down, and that one later', async () => {
    const push = new Ear();
    await startAfresh({ bus, push });
    let down = true;
    push.answer = async () => {
      if (down) throw new Later('down', 10);
    };
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => bus.heard.length === 1, 'the bus');
    await putEntity(knex, A, 'uid-a', 'user:default/bob');
    await waitUntil(() => bus.heard.length === 2, 'the bus again');
    expect(push.heard).toEqual([]);
    await waitUntil(async () => (await rowsLeft()) === 2, 'what push owes');
    down = false;
    await waitUntil(() => push.heard.length > 0, 'the push');
    expect(push.heard).toMatchObject([
      { type: 'entity.created', data: { owner: 'user:default/bob' } },
    ]);
    await emptied();
    expect(bus.heard).toHaveLength(2);
  });

  it('owes one look at everything, not room without end, to one who stays away', async () => {
    const publisher = await startAfresh();
    await publisher.stop();
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await knex.transaction(async trx => {
      for (let i = 0; i < OUTBOX_MAX + 2000; i++) {
        await trx('final_entities').update({ hash: `hash-${i}` });
      }
    });
    expect(await rowsLeft()).toBeLessThan(OUTBOX_MAX + 1010);
    start();
    await emptied();
    expect(bus.types()[0]).toBe('catalog.resync undefined');
    expect(bus.heard.length).toBeLessThan(50);
  });

  it('stops at once, whatever does not answer', async () => {
    const publisher = await startAfresh();
    let asked = false;
    bus.answer = () => {
      asked = true;
      return new Promise(() => {});
    };
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => asked, 'the call');
    const began = performance.now();
    await publisher.stop();
    expect(performance.now() - began).toBeLessThan(2500);
    expect(await rowsLeft()).toBe(1);
  });
});

const POSTGRES = databases.supports('POSTGRES_15') ? describe : describe.skip;

POSTGRES('publishers on one PostgreSQL', () => {
  const logger = mockServices.logger.mock();
  let knex: Knex;
  let ears: Ear[];
  let publishers: Publisher[];

  beforeEach(async () => {
    knex = await databases.init('POSTGRES_15');
    await makeCatalogTables(knex);
    ears = [new Ear(), new Ear()];
    publishers = ears.map(
      ear => new Publisher(knex, logger, new Map([['bus', ear.tell]])),
    );
    publishers.forEach(publisher => publisher.start());
    await waitUntil(() => ears.some(ear => ear.heard.length > 0), 'a resync');
  });

  afterEach(async () => {
    await Promise.all(publishers.map(publisher => publisher.stop()));
  });

  it('tell each change once, and one follows the other', async () => {
    for (let i = 0; i < 20; i++) {
      await putEntity(knex, `component:default/c${i}`, `uid-${i}`, PAYMENTS);
    }
    const told = () => ears.map(ear => ear.heard.length);
    await waitUntil(() => Math.max(...told()) === 21, 'all of them');
    expect(Math.min(...told())).toBe(0);

    const first = ears[0]!.heard.length > 0 ? 0 : 1;
    await publishers[first]!.stop();
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => ears[1 - first]!.heard.length === 1, 'the other one');
    expect(ears[1 - first]!.types()).toEqual([`entity.created ${A}`]);
  });

  it('are told by the database, not by looking at it', async () => {
    const ear = ears.find(e => e.heard.length > 0)!;
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      const before = ear.heard.length;
      const began = performance.now();
      await putEntity(knex, `component:default/d${i}`, `uid-${i}`, PAYMENTS);
      await waitUntil(() => ear.heard.length > before, 'the creation');
      delays.push(performance.now() - began);
    }
    delays.sort((a, b) => a - b);
    expect(delays[5]).toBeLessThan(150);
  });

  it('hear a ring that came before they began to wait', async () => {
    const stop = new AbortController();
    const bell = new Bell(knex, logger, stop.signal);
    const running = bell.run();
    await waitUntil(() => bell.rings > 0, 'the probe');
    const { rings } = bell;
    await knex.raw('SELECT pg_notify(?, ?)', [CHANNEL, '']);
    await waitUntil(() => bell.rings > rings, 'the ring');
    const began = performance.now();
    await bell.wait(Infinity, rings);
    expect(performance.now() - began).toBeLessThan(150);
    stop.abort();
    await running;
  });

  it('go on when their connection is cut', async () => {
    await knex.raw(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );
    const ear = ears.find(e => e.heard.length > 0)!;
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await waitUntil(() => ear.types().includes(`entity.created ${A}`), 'a');
    await waitUntil(() => logger.warn.mock.calls.length > 0, 'a warning');
    expect(logger.warn).toHaveBeenCalledWith(
      expect.stringContaining('Cannot listen'),
    );
  });

  it('are never in the way of the catalog', async () => {
    await knex.schema.dropTable('stagewire_outbox');
    await putEntity(knex, A, 'uid-a', PAYMENTS);
    await dropEntity(knex, 'uid-a');
    expect(await knex('final_entities').where('entity_id', 'uid-a')).toEqual(
      [],
    );

    await Promise.all(publishers.map(publisher => publisher.stop()));
    const ear = new Ear();
    publishers = [new Publisher(knex, logger, new Map([['bus', ear.tell]]))];
    publishers[0]!.start();
    await waitUntil(() => ear.heard.length > 0, 'a resync');
    expect(ear.types()).toEqual(['catalog.resync undefined']);
  });
});

describe('a publisher', () => {
  it('refuses a database whose triggers do not see every deletion', () => {
    const knex: any = { client: { config: { client: 'mysql2' } } };
    expect(
      () => new Publisher(knex, mockServices.logger.mock(), new Map()),
    ).toThrow('not in mysql2');
  });
});
