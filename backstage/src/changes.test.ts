// SPDX-License-Identifier: Apache-2.0
import { coalesce, payloadOf, Row } from './changes';

function rows(...texts: string[]): Row[] {
  return texts.map((text, i) => {
    const [op, name = '', uid = `uid-${name}`] = text.split(' ');
    return {
      seq: String(i + 1),
      at: new Date(1700000000000 + i),
      op: op as Row['op'],
      entityRef: name && `component:default/${name}`,
      uid,
      etag: `etag-${i + 1}`,
      owners: ['group:default/payments', 'user:default/bob'],
    };
  });
}

function told(...texts: string[]) {
  return coalesce(rows(...texts)).map(group =>
    group.map(({ op, uid, etag, seqs }) => [op, uid, etag, seqs.join()]),
  );
}

describe('changes', () => {
  it('of one incarnation are told once, as the last of them', () => {
    expect(told('updated a', 'updated b', 'updated a')).toEqual([
      [['updated', 'uid-a', 'etag-3', '1,3']],
      [['updated', 'uid-b', 'etag-2', '2']],
    ]);
  });

  it('of a new entity remain its creation', () => {
    expect(told('created a', 'updated a')).toEqual([
      [['created', 'uid-a', 'etag-2', '1,2']],
    ]);
  });

  it('end with the deletion', () => {
    expect(told('created a', 'updated a', 'deleted a')).toEqual([
      [['deleted', 'uid-a', 'etag-3', '1,2,3']],
    ]);
  });

  it('of an entity that was made anew are told in order', () => {
    expect(told('deleted a 1', 'created a 2', 'updated a 2')).toEqual([
      [
        ['deleted', '1', 'etag-1', '1'],
        ['created', '2', 'etag-3', '2,3'],
      ],
    ]);
  });

  it('before a resync are part of it, those after it are not', () => {
    expect(
      told('updated a', 'resync', 'deleted b', 'resync', 'updated a'),
    ).toEqual([
      [['resync', 'uid-', 'etag-4', '1,2,3,4'].map(String)],
      [['updated', 'uid-a', 'etag-5', '5']],
    ]);
  });

  it('are published as the README says', () => {
    const [[change]] = coalesce(rows('updated a')) as [[any]];
    expect(payloadOf(change, 'stream')).toEqual({
      type: 'entity.updated',
      id: 'stream-1',
      timestamp: '2023-11-14T22:13:20.000Z',
      entityRef: 'component:default/a',
      data: {
        entityRef: 'component:default/a',
        uid: 'uid-a',
        etag: 'etag-1',
        owner: 'group:default/payments',
        owners: ['group:default/payments', 'user:default/bob'],
      },
    });
  });

  it('that are not known one by one are a resync', () => {
    const [[change]] = coalesce(rows('resync')) as [[any]];
    expect(payloadOf(change, 'stream')).toEqual({
      type: 'catalog.resync',
      id: 'stream-1',
      timestamp: '2023-11-14T22:13:20.000Z',
      resync: true,
      data: {},
    });
  });
});
