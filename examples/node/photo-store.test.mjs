// Tests of an associated service that receives the callbacks itself.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { Harness } from 'keysync-harness';

import { Keys } from './keys.mjs';
import { PhotoStore } from './photo-store.mjs';

const store = new PhotoStore();
let harness;
let keys;
let key;

before(async () => {
  await store.open();
  harness = await new Harness('--service', `photo-store=${store.url}`).start();
  store.publicKey = harness.info.callback_public_key;
  const { endpoint, instance_id: instance } = harness.info;
  const { access_token: token } = await harness.createIdentity('manager');
  keys = new Keys({ endpoint, instance, token });
});
after(async () => {
  await harness?.stop();
  await store.close();
});

beforeEach(async () => {
  ({ id: key } = await harness.createKey('album', { protects: ['photo-store'] }));
});

test('photos are shown until their key is disabled', async () => {
  assert.ok(store.shows(key));
  await keys.disable(key);
  assert.ok(!store.shows(key));
});

test('sync restores lost key state', async () => {
  await keys.disable(key);
  store.loseState();
  assert.ok(store.shows(key), 'the store no longer knows that the key is disabled');

  await harness.advanceClock('61m');
  await keys.synchronize(key);
  assert.ok(!store.shows(key));
});

test('callback with invalid signature is rejected', async () => {
  await keys.disable(key);
  assert.ok(!store.shows(key));

  const headers = { 'webhook-id': 'x', 'webhook-timestamp': `${Math.floor(Date.now() / 1000)}` };
  const event = { subject: key, sequence: '99999999999999999999', data: { keyState: 1 } };
  const forged = await fetch(store.url, {
    method: 'POST',
    headers: { ...headers, 'webhook-signature': `v1a,${Buffer.alloc(64).toString('base64')}` },
    body: JSON.stringify(event),
  });
  assert.equal(forged.status, 401);
  assert.ok(!store.shows(key));
});
