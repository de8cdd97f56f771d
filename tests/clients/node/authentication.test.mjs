// Login at IAM with an API key, with the client's authenticator.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { errorResponse, setup } from './setup.mjs';

const w = setup();

test('API key gets token, which is reused', async () => {
  const { tokenManager } = w.kms.getAuthenticator();
  const token = await tokenManager.getToken();

  assert.equal(await tokenManager.getToken(), token);
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(claims.iss, 'https://iam.cloud.ibm.com/identity');
  assert.equal(claims.exp - claims.iat, 3600);
  assert.equal((await w.kms.getKeys({ bluemixInstance: w.instance })).status, 200);
});

test('unknown API key is rejected by IAM', async () => {
  const client = w.clientOf('not-an-api-key');
  await assert.rejects(client.getKeys({ bluemixInstance: w.instance }), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.message, 'Provided API key could not be found.');
    assert.equal(JSON.parse(error.body).errorCode, 'BXNIM0415E');
    return true;
  });
});

test('reader can read but not rotate keys', async () => {
  const key = await w.newKey();
  const reader = w.clientOf(w.harness.info.reader_api_key);
  assert.equal((await reader.getKeyMetadata(w.of(key))).status, 200);
  const error = await errorResponse(reader.rotateKey(w.of(key)));
  assert.equal(error.status, 401);
  assert.equal(error.code, 'UNAUTHORIZED_ERR');
});
