// The client of the control API and the process, with Node's test runner.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Control, Harness, HarnessFailed, findCommand } from 'keysync-harness';
import { useHarness } from 'keysync-harness/node-test';

const require = createRequire(import.meta.url);
const STORAGE = 'cloud-object-storage';
const harness = useHarness('--function=in-process');

/** Resolves to an access token of IAM. */
async function logIn(apikey) {
  const body = new URLSearchParams({ grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey });
  const response = await fetch(`${harness.info.iam}/identity/token`, { method: 'POST', body });
  return (await response.json()).access_token;
}

/** Synchronizes a key, which must succeed. */
async function sync(id, headers = {}) {
  const { endpoint, instance_id, api_key } = harness.info;
  const given = { authorization: `Bearer ${await logIn(api_key)}`, 'bluemix-instance': instance_id };
  const url = `${endpoint}/api/v2/keys/${id}/actions/sync`;
  const response = await fetch(url, { method: 'POST', headers: { ...given, ...headers } });
  assert.equal(response.status, 204);
}

const failure = (pattern) => (error) => {
  assert.ok(error instanceof HarnessFailed, error.stack);
  assert.match(error.message, pattern);
  return true;
};

test('installed command has version of package', () => {
  const { version } = JSON.parse(readFileSync(require.resolve('keysync-harness/package.json')));
  const bin = require.resolve('keysync-harness/package.json').replace('package.json', 'bin/harness.js');
  for (const command of [[findCommand()], [process.execPath, bin]]) {
    const printed = execFileSync(command[0], [...command.slice(1), '--version'], { encoding: 'utf8' });
    assert.equal(printed, `keysync-harness ${version}\n`);
  }
});

test('command passes exit code on', () => {
  const bin = require.resolve('keysync-harness/package.json').replace('package.json', 'bin/harness.js');
  assert.throws(
    () => execFileSync(process.execPath, [bin, '--no-such-option'], { stdio: 'pipe' }),
    ({ status, stderr }) => status === 2 && String(stderr).includes('--no-such-option'),
  );
});

test('functions run without other files', async () => {
  const real = await new Harness().start();
  try {
    const { access_token } = await real.createIdentity('writer');
    const { id } = await real.createKey('invoices', { protects: [STORAGE] });
    const { endpoint, instance_id } = real.info;
    const headers = { authorization: `Bearer ${access_token}`, 'bluemix-instance': instance_id };
    const response = await fetch(`${endpoint}/api/v2/keys/${id}/actions/sync`, { method: 'POST', headers });
    assert.equal(response.status, 204);
    assert.deepEqual((await real.callbacks(STORAGE, { key: id })).map(({ verdict }) => verdict), ['acted']);
  } finally {
    await real.stop();
  }
});

for (const turn of ['first', 'second']) {
  test(`${turn} test gets reset harness`, async () => {
    await harness.createKey('invoices', { protects: [STORAGE] });
    assert.equal((await harness.keys()).filter(({ name }) => name === 'invoices').length, 1);
  });
}

test('created key is listed with registrations', async () => {
  const key = await harness.createKey('invoices', { protects: [STORAGE, ['databases', 'ledger']] });
  const crn = await harness.register(key.id, STORAGE, 'more');
  const { protects, state } = await harness.key(key.id);
  assert.ok(state === 1 && protects.length === 3 && protects.includes(crn), protects);
  assert.equal((await harness.service(STORAGE)).resources.more.accessible, true);
  assert.ok((await harness.services()).some(({ name }) => name === STORAGE));
});

test('every setting is accepted', async () => {
  const { id } = await harness.createKey('invoices');
  const [created] = await harness.requests({ to: 'endpoint', method: 'POST', status: 201 });
  assert.ok(created.response.body.includes(id), created.response.body);
  await harness.setIamIssuer('https://iam.example.com/identity');
  await harness.setIamClockAhead('5m');
  await harness.rotateIamKey({ withdraw: true });
  await harness.setIamHealth({ slow: { millis: 1 } });
  await harness.injectDynamodbFault({ 'apply-late': { millis: 1 } }, undefined, { function: 'lifecycle' });
  await harness.injectDynamodbFault('throttle', 1, { operation: 'UpdateItem' });
  await harness.clearDynamodbFaults();
  await harness.setBehaviour(STORAGE, { respond: { status: 503, retry_after: 1 } }, 2);
  await harness.advanceClock('1h 30m');
  assert.equal(typeof (await harness.redeliver()), 'object');
  assert.deepEqual(await harness.deadLetters(), []);
  await harness.forgetRequests();
  assert.deepEqual(await harness.requests(), []);
  await harness.forgetCallbacks(STORAGE);
  assert.deepEqual(await harness.callbacks(STORAGE, { at_least: 1, within: '10ms' }), []);
  assert.equal((await new Control(harness.info.control).readInfo()).endpoint, harness.info.endpoint);
});

test('filter selects requests and counts them', async () => {
  const { id } = await harness.createKey('invoices');
  await sync(id, { 'correlation-id': '4f2a' });
  const query = { to: 'endpoint', path: '/actions/sync', header: 'correlation-id:4f2a' };
  assert.deepEqual((await harness.requests(query)).map(({ status }) => status), [204]);
  assert.equal(await harness.countRequests({ ...query, method: 'POST', status: 204 }), 1);
  assert.equal(await harness.countRequests({ ...query, header: 'correlation-id:other' }), 0);
  const everything = await harness.requests();
  assert.deepEqual(await harness.requests({ last: 2, skip: 1 }), everything.slice(-3, -1));
  const logIns = { to: 'iam', path: '/identity/token', status: 200 };
  const [{ response: masked }] = await harness.requests(logIns);
  const [{ response: shown }] = await harness.requests({ ...logIns, secrets: true });
  assert.equal(JSON.parse(masked.body).access_token, '***');
  assert.match(JSON.parse(shown.body).access_token, /^ey/);
});

test('replayed recording has recorded statuses', async () => {
  const { id } = await harness.createKey('invoices');
  await sync(id);
  const recording = JSON.parse(JSON.stringify(await harness.recording()));
  await harness.reset();
  const replay = await harness.replay(recording);
  assert.deepEqual(replay.differences, []);
  assert.equal(replay.requests.at(-1).status, 204);
  recording.requests.at(-1).status = 409;
  await harness.reset();
  const [{ status, recorded }] = (await harness.replay(recording)).differences;
  assert.deepEqual([status, recorded], [204, 409]);
});

test('snapshot restores keys, callbacks and identities', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keysync-harness-'));
  try {
    const file = join(folder, 'snapshot.json');
    const { id } = await harness.createKey('invoices', { protects: [STORAGE] });
    await sync(id);
    const writer = await harness.createIdentity('writer');
    await harness.saveSnapshot('notified');
    await harness.exportSnapshot('notified', file);
    await harness.deleteSnapshot('notified');
    assert.deepEqual(await harness.snapshots(), []);

    await harness.reset();
    await harness.importSnapshot('shared', file);
    await harness.loadSnapshot('shared');
    assert.notEqual((await harness.key(id)).sync_from, null);
    assert.equal((await harness.events(STORAGE, id)).length, 1);
    assert.equal(await harness.countRequests({ path: '/actions/sync' }), 1);
    assert.ok(await logIn(writer.api_key));
    await writeFile(file, '{"format":1}');
    await assert.rejects(harness.importSnapshot('old', file), failure(/400 .*of an older harness/));
    await harness.deleteSnapshot('shared');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('behaviours are conditional and in turn', async () => {
  const [key, other] = [
    await harness.createKey('one', { protects: [STORAGE] }),
    await harness.createKey('other', { protects: [STORAGE] }),
  ];
  const refuse = { respond: { status: 410 } };
  await harness.setBehaviour(STORAGE, refuse, undefined, { key: key.id, renotification: true });
  await harness.setBehavioursInTurn(STORAGE, ['ack-without-acting', refuse]);
  await sync(key.id);
  for (let time = 0; time < 3; time += 1) {
    await sync(other.id);
    await harness.advanceClock('61m');
  }
  const verdicts = async (id) => (await harness.callbacks(STORAGE, { key: id })).map(({ verdict }) => verdict);
  assert.deepEqual(await verdicts(key.id), ['ignored']);
  assert.deepEqual(await verdicts(other.id), ['ignored', 'ignored', 'acted']);
});

test('signing key is rotated in two steps', async () => {
  const first = (await harness.readInfo()).callback_public_key;
  const both = await harness.rotateSigningKey();
  assert.ok(both[0] === first && both.length === 2, both);
  assert.deepEqual(await harness.rotateSigningKey({ withdraw: true }), both.slice(1));
  assert.equal((await harness.reset()).callback_public_key, first);
});

test('schedule redelivers automatically', async () => {
  const { id } = await harness.createKey('invoices', { protects: [STORAGE] });
  await harness.setBehaviour(STORAGE, { respond: { status: 503 } }, 1);
  await sync(id);
  await harness.advanceClock('1h');
  await harness.setRedeliverSchedule('1s');
  assert.equal((await harness.callbacks(STORAGE, { key: id, at_least: 2, within: '30s' })).length, 2);
  await harness.setRedeliverSchedule(null);
});

test('invalid value is reported', async () => {
  await assert.rejects(harness.advanceClock('soon'), failure(/400 .*advance/));
  await assert.rejects(harness.service('no-such-service'), failure(/404 .*no-such-service/));
});

test('harness that is not started says so', async () => {
  assert.throws(() => new Harness().info, failure(/call start\(\) first/));
  await assert.rejects(new Harness().reset(), failure(/call start\(\) first/));
});

test('invalid option is reported with output', async () => {
  await assert.rejects(new Harness('--no-such-option').start(), failure(/exited with 2[^]*--no-such-option/));
});

test('missing command names the variable', async () => {
  process.env.KEYSYNC_HARNESS_BIN = '/no/such/harness';
  try {
    await assert.rejects(new Harness().start(), failure(/\/no\/such\/harness .*KEYSYNC_HARNESS_BIN/));
  } finally {
    delete process.env.KEYSYNC_HARNESS_BIN;
  }
});

test('killed harness is reported by next request', async () => {
  const killed = await new Harness('--function=in-process').start();
  process.kill(killed.processId, 'SIGKILL');
  await assert.rejects(killed.readInfo(), failure(/no longer running; it exited with SIGKILL/));
  await killed.stop();
});
