// Synchronizing the associated resources of a key, by the public client.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { DATABASES, OBJECT_STORAGE, refusal, unique, world } from './world.mjs';

const w = world();

test('a sync tells each service once', async () => {
  const key = await w.protectingKey();
  const answer = await w.kms.syncAssociatedResources(w.of(key));

  assert.equal(answer.status, 204);
  for (const service of [OBJECT_STORAGE, DATABASES]) {
    const [event, ...more] = await w.harness.events(service, key);
    assert.deepEqual(more, []);
    assert.equal(event.type, 'com.ibm.cloud.kms.key.create');
    assert.equal(event.data.renotification, true);
    assert.equal(event.data.keyState, 1);
  }
});

test('a second sync is refused until an instant that is told', async () => {
  const key = await w.protectingKey();
  await w.kms.syncAssociatedResources(w.of(key));
  const refused = await refusal(w.kms.syncAssociatedResources(w.of(key)));

  assert.equal(refused.status, 409);
  assert.equal(refused.code, 'REQ_TOO_EARLY_ERR');
  const [, until] = refused.message.match(
    /^The key was updated recently: Please wait and try again: Sync cannot be performed until at least (.*Z)$/,
  );
  const minutes = (Date.parse(until) - Date.now()) / 60_000;
  assert.ok(minutes > 59 && minutes < 60.1, `until ${until}`);
  const wait = Number(refused.headers['retry-after']);
  assert.ok(wait > 3540 && wait <= 3602, `retry-after ${wait}`);
  assert.deepEqual(await w.told(key), [1, 1]);

  await w.harness.travel(`${wait}s`);
  assert.equal((await w.kms.syncAssociatedResources(w.of(key))).status, 204);
  assert.deepEqual(await w.told(key), [2, 2]);
});

test('an alias is as good as the id', async () => {
  const key = await w.protectingKey();
  const alias = unique('alias');
  await w.kms.createKeyAlias(w.of(key, { alias }));

  assert.equal((await w.kms.syncAssociatedResources(w.of(alias))).status, 204);
  assert.deepEqual(await w.told(key), [1, 1]);
  assert.equal((await refusal(w.kms.syncAssociatedResources(w.of(key)))).code, 'REQ_TOO_EARLY_ERR');
});

test("a key ring that is named must be the key's", async () => {
  const ring = await w.newRing();
  const key = await w.newKey({}, { xKmsKeyRing: ring });

  const refused = await refusal(w.kms.syncAssociatedResources(w.of(key, { xKmsKeyRing: 'default' })));
  assert.equal(refused.status, 404);
  assert.equal(refused.code, 'KEY_NOT_FOUND_ERR');
  assert.equal((await w.kms.syncAssociatedResources(w.of(key, { xKmsKeyRing: ring }))).status, 204);
});

test('a deleted key can be synchronized an hour later', async () => {
  const key = await w.protectingKey();
  await w.kms.deleteKey(w.of(key, { force: true }));
  assert.equal((await refusal(w.kms.syncAssociatedResources(w.of(key)))).code, 'REQ_TOO_EARLY_ERR');

  await w.harness.travel('61m');
  assert.equal((await w.kms.syncAssociatedResources(w.of(key))).status, 204);
  const events = await w.harness.events(OBJECT_STORAGE, key);
  const said = events.map(({ data }) => [data.eventType, data.keyState, data.renotification]);
  assert.deepEqual(said, [['delete', 5, false], ['delete', 5, true]]);
});

test('the same correlation id is the same request', async () => {
  const key = await w.protectingKey();
  const request = w.of(key, { correlationId: randomUUID() });
  for (const answer of [await w.kms.syncAssociatedResources(request), await w.kms.syncAssociatedResources(request)]) {
    assert.equal(answer.status, 204);
    assert.equal(answer.headers['correlation-id'], request.correlationId);
  }
  assert.deepEqual(await w.told(key), [1, 1]);
});

test('a standard key has no associated resources', async () => {
  const key = await w.newKey({ extractable: true });
  const refused = await refusal(w.kms.syncAssociatedResources(w.of(key)));
  assert.equal(refused.status, 400);
  assert.equal(refused.code, 'KEY_ROOT_REQ_ERR');
});

test('a key that is not there is not found', async () => {
  const refused = await refusal(w.kms.syncAssociatedResources(w.of(randomUUID())));
  assert.equal(refused.status, 404);
  assert.equal(refused.code, 'KEY_NOT_FOUND_ERR');
});

test('a reader may not synchronize', async () => {
  const key = await w.protectingKey();
  const reader = w.clientOf(w.harness.about.reader_api_key);
  const refused = await refusal(reader.syncAssociatedResources(w.of(key)));

  assert.equal(refused.status, 401);
  assert.equal(refused.code, 'UNAUTHORIZED_ERR');
  assert.deepEqual(await w.told(key), [0, 0]);
});
