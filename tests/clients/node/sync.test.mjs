// Synchronizing the associated resources of a key, with the public client.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { DATABASES, OBJECT_STORAGE, errorResponse, unique, setup } from './setup.mjs';

const w = setup();

test('sync notifies each service once', async () => {
  const key = await w.protectingKey();
  const response = await w.kms.syncAssociatedResources(w.of(key));

  assert.equal(response.status, 204);
  for (const service of [OBJECT_STORAGE, DATABASES]) {
    const [event, ...more] = await w.harness.events(service, key);
    assert.deepEqual(more, []);
    assert.equal(event.type, 'com.ibm.cloud.kms.key.create');
    assert.equal(event.data.renotification, true);
    assert.equal(event.data.keyState, 1);
  }
});

test('second sync within an hour returns 409', async () => {
  const key = await w.protectingKey();
  await w.kms.syncAssociatedResources(w.of(key));
  const error = await errorResponse(w.kms.syncAssociatedResources(w.of(key)));

  assert.equal(error.status, 409);
  assert.equal(error.code, 'REQ_TOO_EARLY_ERR');
  const [, until] = error.message.match(
    /^The key was updated recently: Please wait and try again: Sync cannot be performed until at least (.*Z)$/,
  );
  const minutes = (Date.parse(until) - Date.now()) / 60_000;
  assert.ok(minutes > 59 && minutes < 60.1, `until ${until}`);
  const wait = Number(error.headers['retry-after']);
  assert.ok(wait > 3540 && wait <= 3602, `retry-after ${wait}`);
  assert.deepEqual(await w.eventCounts(key), [1, 1]);

  await w.harness.advanceClock(`${wait}s`);
  assert.equal((await w.kms.syncAssociatedResources(w.of(key))).status, 204);
  assert.deepEqual(await w.eventCounts(key), [2, 2]);
});

test('sync by alias closes window of key', async () => {
  const key = await w.protectingKey();
  const alias = unique('alias');
  await w.kms.createKeyAlias(w.of(key, { alias }));

  assert.equal((await w.kms.syncAssociatedResources(w.of(alias))).status, 204);
  assert.deepEqual(await w.eventCounts(key), [1, 1]);
  assert.equal((await errorResponse(w.kms.syncAssociatedResources(w.of(key)))).code, 'REQ_TOO_EARLY_ERR');
});

test('sync with wrong key ring returns 404', async () => {
  const ring = await w.newRing();
  const key = await w.newKey({}, { xKmsKeyRing: ring });

  const error = await errorResponse(w.kms.syncAssociatedResources(w.of(key, { xKmsKeyRing: 'default' })));
  assert.equal(error.status, 404);
  assert.equal(error.code, 'KEY_NOT_FOUND_ERR');
  assert.equal((await w.kms.syncAssociatedResources(w.of(key, { xKmsKeyRing: ring }))).status, 204);
});

test('deleted key can be synchronized after an hour', async () => {
  const key = await w.protectingKey();
  await w.kms.deleteKey(w.of(key, { force: true }));
  assert.equal((await errorResponse(w.kms.syncAssociatedResources(w.of(key)))).code, 'REQ_TOO_EARLY_ERR');

  await w.harness.advanceClock('61m');
  assert.equal((await w.kms.syncAssociatedResources(w.of(key))).status, 204);
  const events = await w.harness.events(OBJECT_STORAGE, key);
  const actual = events.map(({ data }) => [data.eventType, data.keyState, data.renotification]);
  assert.deepEqual(actual, [['delete', 5, false], ['delete', 5, true]]);
});

test('same correlation id is idempotent replay', async () => {
  const key = await w.protectingKey();
  const request = w.of(key, { correlationId: randomUUID() });
  for (const response of [await w.kms.syncAssociatedResources(request), await w.kms.syncAssociatedResources(request)]) {
    assert.equal(response.status, 204);
    assert.equal(response.headers['correlation-id'], request.correlationId);
  }
  assert.deepEqual(await w.eventCounts(key), [1, 1]);
});

test('sync of standard key returns 400', async () => {
  const key = await w.newKey({ extractable: true });
  const error = await errorResponse(w.kms.syncAssociatedResources(w.of(key)));
  assert.equal(error.status, 400);
  assert.equal(error.code, 'KEY_ROOT_REQ_ERR');
});

test('sync of unknown key returns 404', async () => {
  const error = await errorResponse(w.kms.syncAssociatedResources(w.of(randomUUID())));
  assert.equal(error.status, 404);
  assert.equal(error.code, 'KEY_NOT_FOUND_ERR');
});

test('sync by reader returns 401', async () => {
  const key = await w.protectingKey();
  const reader = w.clientOf(w.harness.info.reader_api_key);
  const error = await errorResponse(reader.syncAssociatedResources(w.of(key)));

  assert.equal(error.status, 401);
  assert.equal(error.code, 'UNAUTHORIZED_ERR');
  assert.deepEqual(await w.eventCounts(key), [0, 0]);
});
