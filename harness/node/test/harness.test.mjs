// The client of the control API and the process, with Node's test runner.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { Control, Harness, HarnessFailed, findCommand } from 'keysync-harness';
import { useHarness } from 'keysync-harness/node-test';

const require = createRequire(import.meta.url);
const STORAGE = 'cloud-object-storage';
const harness = useHarness('--function=in-process');

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
