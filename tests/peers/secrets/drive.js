// SPDX-License-Identifier: Apache-2.0
// Drive the stand-ins by npm's node-vault and @aws-sdk/client-secrets-manager.
// usage: drive.js MODULES VAULT-URL ROOT ROLE-ID SECRET-ID AWS-URL KEY-ID KEY
"use strict";
const assert = require("node:assert");
const path = require("node:path");
const { createRequire } = require("node:module");

const [modules, vaultUrl, root, roleId, secretId, awsUrl, keyId, key] = process.argv.slice(2);
const from = createRequire(path.join(modules, "package.json"));
const nodeVault = from("node-vault");
const aws = from("@aws-sdk/client-secrets-manager");

async function vault() {
	const admin = nodeVault({ endpoint: vaultUrl, token: root });
	await admin.write("secret/data/peer/node", { data: { a: "1" } });
	const client = nodeVault({ endpoint: vaultUrl });
	const login = await client.approleLogin({ role_id: roleId, secret_id: secretId });
	assert(login.auth.client_token && login.auth.renewable);
	client.token = login.auth.client_token;
	const read = await client.read("secret/data/peer/node");
	assert.deepStrictEqual(read.data.data, { a: "1" });
	assert.strictEqual(read.data.metadata.version, 1);
	assert((await client.tokenRenewSelf()).auth.lease_duration > 0);
	await assert.rejects(client.read("secret/data/peer/none"), /404/);
	await assert.rejects(nodeVault({ endpoint: vaultUrl, token: "no" }).read("secret/data/peer/node"));
	console.log("node-vault");
}

function manager(secretAccessKey) {
	return new aws.SecretsManagerClient({ region: "eu-central-1", endpoint: awsUrl, maxAttempts: 1,
		credentials: { accessKeyId: keyId, secretAccessKey } });
}

async function secretsManager() {
	const get = (client, more) => client.send(new aws.GetSecretValueCommand({
		SecretId: "peer/key", ...more }));
	assert.strictEqual((await get(manager(key))).SecretString, "new");
	const before = await get(manager(key), { VersionStage: "AWSPREVIOUS" });
	assert.strictEqual(before.SecretString, "old");
	assert(before.CreatedDate instanceof Date);
	await assert.rejects(get(manager(key), { SecretId: "peer/none" }), aws.ResourceNotFoundException);
	await assert.rejects(get(manager("wrong")), { name: "InvalidSignatureException" });
	console.log("client-secrets-manager");
}

vault().then(secretsManager).catch((error) => {
	console.error(error);
	process.exit(1);
});
