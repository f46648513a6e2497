// SPDX-License-Identifier: Apache-2.0
// What a Node team would write instead of Stagewire: fastify, node's crypto,
// better-sqlite3, undici. It makes the same event of the same webhook, answers
// after the same kind of commit, and posts the same body to the same sink.
//
// MODE=tx       one transaction for each request and for each delivered mark
// MODE=grouped  one for everything that came up during a turn of the loop
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const Database = require('better-sqlite3');
const fastify = require('fastify');
const { Pool } = require('undici');

const { MODE = 'tx', PORT, SINK, KEY, CATALOG, DB } = process.env;
const HOST = 'app.travis-ci.com';
const OUTCOME = { passed: 'success', failed: 'failure', errored: 'error', canceled: 'cancel' };

const key = crypto.createPublicKey(fs.readFileSync(KEY));
const catalog = new Map(Object.entries(JSON.parse(fs.readFileSync(CATALOG, 'utf8'))));
const sink = new Pool(SINK, { connections: Number(process.env.SINK_CONNECTIONS ?? 32) });

const db = new Database(DB);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`
	CREATE TABLE event (id TEXT PRIMARY KEY, received INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE delivery (event TEXT NOT NULL, sink TEXT NOT NULL, state INTEGER NOT NULL,
		PRIMARY KEY (event, sink)) WITHOUT ROWID;
	CREATE INDEX pending ON delivery (event) WHERE state = 0;
`);
const insertEvent = db.prepare('INSERT OR IGNORE INTO event VALUES (?, ?, ?)');
const insertDelivery = db.prepare("INSERT INTO delivery VALUES (?, 'bus', 0)");
const markDelivered = db.prepare("UPDATE delivery SET state = 1 WHERE event = ? AND sink = 'bus'");

// Whether the event is news; a duplicate is not delivered again.
function insert(event) {
	if (insertEvent.run(event.id, Date.now(), event.body).changes === 0)
		return false;
	insertDelivery.run(event.id);
	return true;
}

const transact = {
	tx() {
		const insertOne = db.transaction(insert);
		return {
			store: async (event) => insertOne(event),
			settle: (id) => { markDelivered.run(id); },
		};
	},
	grouped() {
		let stores = [], marks = [], planned = false;
		const runAll = db.transaction(() => {
			for (const id of marks)
				markDelivered.run(id);
			return stores.map((s) => insert(s.event));
		});
		function commit() {
			const news = runAll(), owed = stores;
			stores = [];
			marks = [];
			planned = false;
			owed.forEach((s, i) => s.resolve(news[i]));
		}
		function plan() {
			if (!planned)
				setImmediate(commit);
			planned = true;
		}
		return {
			store: (event) => new Promise((resolve) => { stores.push({ event, resolve }); plan(); }),
			settle: (id) => { marks.push(id); plan(); },
		};
	},
}[MODE]();

// The form value as signed: the bytes of the JSON text.
function formValue(body) {
	if (!body.startsWith('payload='))
		return null;
	return decodeURIComponent(body.slice('payload='.length).replaceAll('+', ' '));
}

function eventId(build) {
	const h = crypto.createHash('sha256')
		.update(`${HOST}\n${build.id}\n${build.started_at}\n${build.state}`).digest('hex');
	return `${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

function uniqueOf(entities, member) {
	return [...new Set(entities.flatMap((e) => e[member]))];
}

function buildFacts(b, slug) {
	return {
		source: 'travis-com', host: HOST, id: b.id, number: b.number, state: b.state,
		outcome: OUTCOME[b.state], cause: b.type, attempt: 1, transition: 'none',
		repositoryId: b.repository.id, repository: slug, branch: b.branch, tag: b.tag ?? undefined,
		pullRequest: b.pull_request_number ?? undefined, commit: b.commit,
		headCommit: b.head_commit ?? undefined, baseCommit: b.base_commit ?? undefined,
		compareUrl: b.compare_url, subject: b.message.split('\n')[0], url: b.build_url,
		startedAt: b.started_at, finishedAt: b.finished_at, durationSeconds: b.duration,
		jobs: b.matrix.length,
	};
}

// CDEvents in CloudEvents, member for member what Stagewire sends.
function makeEvent(b, slug, entities) {
	const id = eventId(b);
	const source = `https://${HOST}/${slug}`;
	const type = `dev.cdevents.pipelinerun.${OUTCOME[b.state] ? 'finished' : 'started'}.0.3.0`;
	const owners = uniqueOf(entities, 'owners');
	const payload = {
		specversion: '1.0', id, source, type, subject: `travis/build/${b.id}`,
		time: b.finished_at ?? b.started_at, datacontenttype: 'application/json',
		entityref: entities.map((e) => e.ref).join(','), ownerref: owners.join(','),
		system: uniqueOf(entities, 'system').join(','), repository: slug, transition: 'none',
		data: {
			context: { specversion: '0.5.1', id, source, type, timestamp: b.finished_at ?? b.started_at },
			subject: {
				id: `travis/build/${b.id}`, source,
				content: { pipelineName: slug, uri: b.build_url, outcome: OUTCOME[b.state] },
			},
			customData: {
				stagewire: { correlation: { entities, owners }, build: buildFacts(b, slug) },
			},
			customDataContentType: 'application/json',
		},
	};
	return { id, body: JSON.stringify({ event: { topic: 'stagewire.build', payload } }) };
}

async function deliver(event) {
	const answer = await sink.request({
		method: 'POST', path: '/api/events/bus/v1/events', body: event.body,
		headers: { 'content-type': 'application/json', authorization: 'Bearer bench-token-of-no-worth' },
	});
	await answer.body.dump();
	if (answer.statusCode === 201)
		transact.settle(event.id);
}

const app = fastify({ logger: false });
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' },
	(request, body, done) => done(null, body));

app.post('/hooks/travis/travis-com', async (request, reply) => {
	const text = formValue(request.body);
	const signature = Buffer.from(request.headers.signature ?? '', 'base64');
	if (text === null)
		return reply.code(400).send();
	if (!crypto.verify('RSA-SHA1', Buffer.from(text), key, signature))
		return reply.code(403).send();
	const build = JSON.parse(text);
	if (new URL(build.build_url).hostname !== HOST)
		return reply.code(403).send();
	const slug = `${build.repository.owner_name}/${build.repository.name}`;
	const entities = catalog.get(slug.toLowerCase());
	if (entities === undefined)
		return reply.code(202).send();
	const event = makeEvent(build, slug, entities);
	if (await transact.store(event))
		deliver(event).catch((e) => console.error(`delivery of ${event.id}: ${e.message}`));
	return reply.code(202).send();
});

app.listen({ port: Number(PORT), host: '127.0.0.1' });
