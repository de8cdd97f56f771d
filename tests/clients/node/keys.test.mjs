// Creating, reading and listing keys, with the public client.

import assert from 'node:assert/strict';
import { constants, createCipheriv, publicEncrypt, randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { assertDate, only, errorResponse, unique, setup } from './setup.mjs';

const w = setup();
const prefer = 'return=representation';

test('created root key has expected fields', async () => {
  const name = unique('key');
  const response = await w.createKey({ name, description: "a test's" }, { prefer });

  assert.equal(response.status, 201);
  assert.equal(response.result.metadata.collectionType, 'application/vnd.ibm.kms.key+json');
  const key = only(response);
  assert.equal(key.name, name);
  assert.equal(key.description, "a test's");
  assert.equal(key.state, 1);
  assert.equal(key.extractable, false);
  assert.equal(key.imported, false);
  assert.equal(key.deleted, false);
  assert.equal(key.keyRingID, 'default');
  assert.ok(key.crn.endsWith(`:${w.instance}:key:${key.id}`), key.crn);
  assert.ok(!('payload' in key), 'the material of a root key was returned');
  for (const date of [key.creationDate, key.lastUpdateDate, key.keyVersion.creationDate]) {
    assertDate(date);
  }
});

test('standard key material is returned', async () => {
  const made = only(await w.createKey({ extractable: true }, { prefer }));
  assert.equal(Buffer.from(made.payload, 'base64').length, 32);
  assert.equal(only(await w.kms.getKey(w.of(made.id))).payload, made.payload);
  assert.ok(!('payload' in (await w.metadata(made.id))));
});

test('key material is imported with import token', async () => {
  const bluemixInstance = w.instance;
  await w.kms.postImportToken({ bluemixInstance, expiration: 600, maxAllowedRetrievals: 1 });
  const { result: token } = await w.kms.getImportToken({ bluemixInstance });

  const material = randomBytes(32);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', material, iv);
  const nonce = Buffer.concat([cipher.update(Buffer.from(token.nonce, 'base64')), cipher.final(), cipher.getAuthTag()]);
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const encrypted = publicEncrypt({ key: Buffer.from(token.payload, 'base64'), ...padding }, material);

  const key = only(
    await w.createKey(
      {
        payload: encrypted.toString('base64'),
        encryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        encryptedNonce: nonce.toString('base64'),
        iv: iv.toString('base64'),
      },
      { prefer },
    ),
  );
  assert.equal(key.imported, true);
  assert.equal((await w.kms.syncAssociatedResources(w.of(key.id))).status, 204);
});

test('key list supports paging and total', async () => {
  const ring = await w.newRing();
  const made = [];
  for (let n = 0; n < 5; n += 1) {
    made.push(await w.newKey({}, { xKmsKeyRing: ring }));
  }
  const query = { bluemixInstance: w.instance, xKmsKeyRing: ring };
  const listed = [];
  for (const offset of [0, 2, 4]) {
    const { result } = await w.kms.getKeys({ ...query, limit: 2, offset });
    assert.equal(result.metadata.collectionTotal, result.resources.length);
    listed.push(...result.resources.map(({ id }) => id));
  }
  assert.deepEqual(listed.sort(), made.sort());

  const total = await w.kms.getKeyCollectionMetadata(query);
  assert.equal(total.status, 200);
  assert.equal(total.headers['key-total'], '5');
});

test('key list supports filters', async () => {
  const ring = await w.newRing();
  const query = { bluemixInstance: w.instance, xKmsKeyRing: ring };
  const root = await w.newKey({}, { xKmsKeyRing: ring });
  const standard = await w.newKey({ extractable: true }, { xKmsKeyRing: ring });
  const deleted = await w.newKey({}, { xKmsKeyRing: ring });
  await w.kms.deleteKey(w.of(deleted));
  const ids = async (filter) => {
    const { result } = await w.kms.getKeys({ ...query, ...filter });
    return result.resources.map(({ id }) => id).sort();
  };

  assert.deepEqual(await ids({}), [root, standard].sort());
  assert.deepEqual(await ids({ state: [5] }), [deleted]);
  assert.deepEqual(await ids({ extractable: true }), [standard]);
  const total = await w.kms.getKeyCollectionMetadata({ ...query, state: [1, 5], extractable: false });
  assert.equal(total.headers['key-total'], '2');
});

test('unknown key returns 404', async () => {
  for (const read of ['getKey', 'getKeyMetadata', 'getKeyVersions', 'getRegistrations']) {
    const error = await errorResponse(w.kms[read](w.of(randomUUID())));
    assert.equal(error.status, 404);
    assert.equal(error.code, 'KEY_NOT_FOUND_ERR');
  }
});
