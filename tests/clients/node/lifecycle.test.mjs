// Lifecycle actions, with the public client: state rules and notifications.

import assert from 'node:assert/strict';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';

import { OBJECT_STORAGE, POLICIES, assertDate, collection, only, errorResponse, setup } from './setup.mjs';

const w = setup();

test('rotation creates version and notifies services', async () => {
  const key = await w.protectingKey();
  assert.equal((await w.kms.rotateKey(w.of(key))).status, 204);

  const { lastRotateDate, keyVersion } = await w.metadata(key);
  assertDate(lastRotateDate);
  const [event] = await w.harness.events(OBJECT_STORAGE, key);
  assert.equal(event.data.eventType, 'rotate');
  assert.equal(event.data.keyVersion.id, keyVersion.id);
  assert.equal((await errorResponse(w.kms.rotateKey(w.of(key)))).code, 'KEY_ROTATION_NOT_PERMITTED');

  const { result } = await w.kms.getKeyVersions(w.of(key));
  assert.deepEqual(result.resources.map(({ id }) => id), [keyVersion.id, key]);
  const paged = await w.kms.getKeyVersions(w.of(key, { limit: 1, offset: 1 }));
  assert.equal(only(paged).id, key);
});

test('disabled key can be enabled after 30 seconds', async () => {
  const key = await w.newKey();
  assert.equal((await w.kms.disableKey(w.of(key))).status, 204);
  assert.equal((await w.metadata(key)).state, 2);
  assert.equal((await errorResponse(w.kms.enableKey(w.of(key)))).code, 'REQ_TOO_EARLY_ERR');

  await w.harness.advanceClock('31s');
  assert.equal((await w.kms.enableKey(w.of(key))).status, 204);
  assert.equal((await w.metadata(key)).state, 1);
  assert.equal((await errorResponse(w.kms.enableKey(w.of(key)))).code, 'KEY_ACTION_INVALID_STATE_ERR');
});

test('key with resources is force-deleted and restored', async () => {
  const key = await w.protectingKey();
  assert.equal((await errorResponse(w.kms.deleteKey(w.of(key)))).code, 'PROTECTED_RESOURCE_ERR');

  const response = await w.kms.deleteKey(w.of(key, { force: true, prefer: 'return=representation' }));
  assert.equal(response.status, 200);
  const deleted = only(response);
  assert.equal(deleted.state, 5);
  assert.equal(deleted.deleted, true);
  assertDate(deleted.deletionDate);
  const again = await errorResponse(w.kms.deleteKey(w.of(key, { force: true })));
  assert.equal(again.status, 410);
  assert.equal(again.code, 'KEY_DELETED_ERR');

  await w.harness.advanceClock('31s');
  const restored = await w.kms.restoreKey(w.of(key, { prefer: 'return=representation' }));
  assert.equal(restored.status, 201);
  // The client returns this response as a stream.
  assert.equal(only({ result: await json(restored.result) }).id, key);
  assert.equal((await w.metadata(key)).state, 1);
});

test('dual-authorization deletion requires two callers', async () => {
  const key = await w.newKey();
  const policy = collection(POLICIES, { type: POLICIES, dualAuthDelete: { enabled: true } });
  await w.kms.putPolicy(w.of(key, { setKeyPoliciesOneOf: policy, policy: 'dualAuthDelete' }));
  const shown = only(await w.kms.getPolicy(w.of(key, { policy: 'dualAuthDelete' })));
  assert.equal(shown.dualAuthDelete.enabled, true);

  assert.equal((await errorResponse(w.kms.deleteKey(w.of(key)))).status, 409);
  assert.equal((await w.kms.setKeyForDeletion(w.of(key))).status, 204);
  assert.equal((await w.metadata(key)).dualAuthDelete.keySetForDeletion, true);
  assert.equal((await w.kms.unsetKeyForDeletion(w.of(key))).status, 204);
  await w.kms.setKeyForDeletion(w.of(key));
  assert.equal((await errorResponse(w.kms.deleteKey(w.of(key)))).status, 409);

  const another = await w.as('manager');
  assert.equal((await another.deleteKey(w.of(key))).status, 204);
  assert.equal((await w.metadata(key)).state, 5);
});
