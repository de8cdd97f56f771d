// Tests of a client of the API, by what it says and by what reaches the services.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { Harness } from './harness.mjs';
import { Keys, TooEarly, TryAgain } from './keys.mjs';

const STORAGE = 'cloud-object-storage';
let harness;
let keys;
let key;

before(async () => {
  harness = await Harness.start();
});
after(() => harness?.end());

beforeEach(async () => {
  await harness.mustRun();
  await harness.reset();
  const { endpoint, instance_id: instance } = harness.about;
  const { access_token: token } = await harness.somebody('writer');
  keys = new Keys({ endpoint, instance, token });
  key = await harness.key('photos', [STORAGE]);
});

test('a sync tells the service', async () => {
  await keys.synchronize(key);

  const [callback, ...more] = await harness.callbacks(STORAGE);
  assert.deepEqual(more, []);
  assert.equal(callback.verdict, 'acted', 'the service has verified the signature, and acted on it');
  const [event] = await harness.events(STORAGE, key);
  assert.equal(event.type, 'com.ibm.cloud.kms.key.create');
  assert.equal(event.data.renotification, true);
  assert.equal(callback.headers['webhook-id'], event.id);
});

test('a second one has to wait for an hour', async () => {
  await keys.synchronize(key);
  await assert.rejects(keys.synchronize(key), (error) => {
    assert.ok(error instanceof TooEarly, error.stack);
    const minutes = (error.until - Date.now()) / 60_000;
    assert.ok(minutes > 59 && minutes < 61, `in ${minutes} minutes`);
    return true;
  });

  await harness.travel('61m');
  await keys.synchronize(key);
  assert.equal((await harness.events(STORAGE, key)).length, 2);
});

test('a service that fails twice is told later', async () => {
  await harness.behaves(STORAGE, { answer: { status: 503 } }, 2);
  await keys.synchronize(key); // succeeds all the same: the notification is on record

  for (const _ of [1, 2]) {
    await harness.travel('1h');
    await harness.redeliver();
  }

  const callbacks = await harness.callbacks(STORAGE);
  assert.deepEqual(callbacks.map(({ verdict }) => verdict), ['ignored', 'ignored', 'acted']);
  assert.equal(new Set(callbacks.map(({ headers }) => headers['webhook-id'])).size, 1);
});

test('while IAM is down it is to be tried again', async () => {
  await harness.iamIs('down');
  await assert.rejects(keys.synchronize(key), (error) => error instanceof TryAgain && error.after > 0);
  assert.deepEqual(await harness.callbacks(STORAGE), []);

  await harness.iamIs('up');
  await keys.synchronize(key);
  assert.equal((await harness.callbacks(STORAGE)).length, 1);
});
