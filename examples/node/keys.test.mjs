// Tests of an API client: its results, and the callbacks that the services receive.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { useHarness } from 'keysync-harness/node-test';

import { Keys, TooEarly, TemporarilyUnavailable } from './keys.mjs';

const STORAGE = 'cloud-object-storage';
const harness = useHarness(); // one for this file, reset before each test
let keys;
let key;

beforeEach(async () => {
  const { endpoint, instance_id: instance } = harness.info;
  const { access_token: token } = await harness.createIdentity('writer');
  keys = new Keys({ endpoint, instance, token });
  ({ id: key } = await harness.createKey('photos', { protects: [STORAGE] }));
});

test('sync notifies service', async () => {
  await keys.synchronize(key);

  const [callback, ...more] = await harness.callbacks(STORAGE);
  assert.deepEqual(more, []);
  assert.equal(callback.verdict, 'acted', 'the service must verify the signature and act');
  const [event] = await harness.events(STORAGE, key);
  assert.equal(event.type, 'com.ibm.cloud.kms.key.create');
  assert.equal(event.data.renotification, true);
  assert.equal(callback.headers['webhook-id'], event.id);
});

test('second sync is rejected within an hour', async () => {
  await keys.synchronize(key);
  await assert.rejects(keys.synchronize(key), (error) => {
    assert.ok(error instanceof TooEarly, error.stack);
    const minutes = (error.until - Date.now()) / 60_000;
    assert.ok(minutes > 59 && minutes < 61, `in ${minutes} minutes`);
    return true;
  });

  await harness.advanceClock('61m');
  await keys.synchronize(key);
  assert.equal((await harness.events(STORAGE, key)).length, 2);
});

test('failing service is notified by redelivery', async () => {
  await harness.setBehaviour(STORAGE, { respond: { status: 503 } }, 2);
  await keys.synchronize(key); // succeeds because the notification is recorded

  for (const _ of [1, 2]) {
    await harness.advanceClock('1h');
    await harness.redeliver();
  }

  const callbacks = await harness.callbacks(STORAGE);
  assert.deepEqual(callbacks.map(({ verdict }) => verdict), ['ignored', 'ignored', 'acted']);
  assert.equal(new Set(callbacks.map(({ headers }) => headers['webhook-id'])).size, 1);
});

test('sync during IAM outage can be retried', async () => {
  await harness.setIamHealth('down');
  await assert.rejects(keys.synchronize(key), (error) => error instanceof TemporarilyUnavailable && error.after > 0);
  assert.deepEqual(await harness.callbacks(STORAGE), []);

  await harness.setIamHealth('up');
  await keys.synchronize(key);
  assert.equal((await harness.callbacks(STORAGE)).length, 1);
});
