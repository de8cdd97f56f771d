// Aliases, key rings, registrations and wrapping, with the public client.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { DATABASES, OBJECT_STORAGE, assertDate, buffer, only, errorResponse, unique, setup } from './setup.mjs';

const w = setup();

test('alias resolves until deleted', async () => {
  const key = await w.newKey();
  const alias = unique('alias');
  const response = await w.kms.createKeyAlias(w.of(key, { alias }));

  assert.equal(response.status, 201);
  const made = only(response);
  assert.deepEqual([made.keyId, made.alias], [key, alias]);
  assertDate(made.creationDate);
  const named = await w.metadata(alias);
  assert.deepEqual([named.id, named.aliases], [key, [alias]]);

  assert.equal((await w.kms.deleteKeyAlias(w.of(key, { alias }))).status, 204);
  assert.equal((await errorResponse(w.kms.getKeyMetadata(w.of(alias)))).code, 'KEY_NOT_FOUND_ERR');
});

test('key ring is listed until deleted', async () => {
  const ring = await w.newRing();
  const rings = async () => {
    const { result } = await w.kms.listKeyRings({ bluemixInstance: w.instance });
    return result.resources.map(({ id }) => id);
  };
  assert.ok((await rings()).includes('default'));
  assert.ok((await rings()).includes(ring));

  const response = await w.kms.deleteKeyRing({ keyRingId: ring, bluemixInstance: w.instance });
  assert.equal(response.status, 204);
  assert.ok(!(await rings()).includes(ring));
});

test('registrations of key are listed', async () => {
  const key = await w.newKey();
  const bucket = await w.register(key, OBJECT_STORAGE, { description: 'a bucket', preventKeyDeletion: true });
  const database = await w.register(key, DATABASES);

  const { result } = await w.kms.getRegistrations(w.of(key));
  const crns = result.resources.map(({ resourceCrn }) => resourceCrn);
  assert.deepEqual(crns.sort(), [bucket, database].sort());
  const retained = only(await w.kms.getRegistrations(w.of(key, { preventKeyDeletion: true })));
  assert.deepEqual([retained.keyId, retained.resourceCrn, retained.description], [key, bucket, 'a bucket']);
  assertDate(retained.creationDate);
  assertDate(retained.lastUpdated);
  assert.equal(retained.keyVersion.id, key);
});

test('registrations are found by resource', async () => {
  const key = await w.newKey();
  const bucket = await w.register(key, OBJECT_STORAGE);
  const found = await w.kms.getRegistrationsAllKeys({
    bluemixInstance: w.instance,
    urlEncodedResourceCrnQuery: encodeURIComponent(bucket),
  });
  assert.equal(only(found).keyId, key);
});

test('data key is wrapped, unwrapped and rewrapped', async () => {
  const key = await w.newKey();
  const plaintext = randomBytes(32).toString('base64');
  const wrapped = (await w.kms.wrapKey(w.of(key, { keyActionWrapBody: buffer({ plaintext }) }))).result;
  await w.kms.rotateKey(w.of(key));

  const old = buffer({ ciphertext: wrapped.ciphertext });
  const unwrapped = (await w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: old }))).result;
  assert.equal(unwrapped.plaintext, plaintext);
  const rewrapped = (await w.kms.rewrapKey(w.of(key, { keyActionRewrapBody: old }))).result;
  assert.notEqual(rewrapped.ciphertext, wrapped.ciphertext);
  assert.equal(rewrapped.rewrappedKeyVersion.id, (await w.metadata(key)).keyVersion.id);
  const body = buffer({ ciphertext: rewrapped.ciphertext });
  const same = (await w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: body }))).result;
  assert.equal(same.plaintext, plaintext);

  await w.kms.disableKey(w.of(key));
  const error = await errorResponse(w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: body })));
  assert.equal(error.code, 'KEY_ACTION_INVALID_STATE_ERR');
});
