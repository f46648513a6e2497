// SPDX-License-Identifier: Apache-2.0
'use strict';

// Wait, at most the given seconds, until the peer is ready or its catalog has an entity:
//   node probe.js SECONDS URL ready
//   node probe.js SECONDS URL entity TOKEN REF
// Readiness does not mean that the catalog has been processed.
const [seconds, url, what, token, ref] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;

async function isReady() {
  const answer = await fetch(`${url}/.backstage/health/v1/readiness`);
  return answer.status === 200;
}

// An entity counts once its relations are there: they come a moment after it.
async function hasEntity() {
  const answer = await fetch(`${url}/api/catalog/entities/by-refs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ entityRefs: [ref.toLowerCase()] }),
  });
  if (answer.status !== 200) return false;
  const [entity] = (await answer.json()).items;
  return Boolean(entity && (entity.relations || []).length);
}

async function main() {
  const isThere = what === 'entity' ? hasEntity : isReady;
  while (!(await isThere().catch(() => false))) {
    if (Date.now() > until) process.exit(1);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

main();
