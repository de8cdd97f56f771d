// What else a client does around a sync: aliases, rings, registrations, wrapping.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { DATABASES, OBJECT_STORAGE, assertDate, buffer, only, refusal, unique, world } from './world.mjs';

const w = world();

test('an alias names a key until it is deleted', async () => {
  const key = await w.newKey();
  const alias = unique('alias');
  const answer = await w.kms.createKeyAlias(w.of(key, { alias }));

  assert.equal(answer.status, 201);
  const made = only(answer);
  assert.deepEqual([made.keyId, made.alias], [key, alias]);
  assertDate(made.creationDate);
  const named = await w.metadata(alias);
  assert.deepEqual([named.id, named.aliases], [key, [alias]]);

  assert.equal((await w.kms.deleteKeyAlias(w.of(key, { alias }))).status, 204);
  assert.equal((await refusal(w.kms.getKeyMetadata(w.of(alias)))).code, 'KEY_NOT_FOUND_ERR');
});

test('a key ring is listed until it is deleted', async () => {
  const ring = await w.newRing();
  const rings = async () => {
    const { result } = await w.kms.listKeyRings({ bluemixInstance: w.instance });
    return result.resources.map(({ id }) => id);
  };
  assert.ok((await rings()).includes('default'));
  assert.ok((await rings()).includes(ring));

  const answer = await w.kms.deleteKeyRing({ keyRingId: ring, bluemixInstance: w.instance });
  assert.equal(answer.status, 204);
  assert.ok(!(await rings()).includes(ring));
});

test("a key's registrations are listed", async () => {
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

test('registrations of all keys are found by resource', async () => {
  const key = await w.newKey();
  const bucket = await w.register(key, OBJECT_STORAGE);
  const found = await w.kms.getRegistrationsAllKeys({
    bluemixInstance: w.instance,
    urlEncodedResourceCrnQuery: encodeURIComponent(bucket),
  });
  assert.equal(only(found).keyId, key);
});

test('a data key is wrapped, unwrapped, and wrapped anew after a rotation', async () => {
  const key = await w.newKey();
  const plaintext = randomBytes(32).toString('base64');
  const wrapped = (await w.kms.wrapKey(w.of(key, { keyActionWrapBody: buffer({ plaintext }) }))).result;
  await w.kms.rotateKey(w.of(key));

  const old = buffer({ ciphertext: wrapped.ciphertext });
  const unwrapped = (await w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: old }))).result;
  assert.equal(unwrapped.plaintext, plaintext);
  const anew = (await w.kms.rewrapKey(w.of(key, { keyActionRewrapBody: old }))).result;
  assert.notEqual(anew.ciphertext, wrapped.ciphertext);
  assert.equal(anew.rewrappedKeyVersion.id, (await w.metadata(key)).keyVersion.id);
  const again = buffer({ ciphertext: anew.ciphertext });
  const same = (await w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: again }))).result;
  assert.equal(same.plaintext, plaintext);

  await w.kms.disableKey(w.of(key));
  const refused = await refusal(w.kms.unwrapKey(w.of(key, { keyActionUnwrapBody: again })));
  assert.equal(refused.code, 'KEY_ACTION_INVALID_STATE_ERR');
});
