// Logging in at IAM with an API key, by the client's own authenticator.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { refusal, world } from './world.mjs';

const w = world();

test('an API key gets a token, which is used again while it is good', async () => {
  const { tokenManager } = w.kms.getAuthenticator();
  const token = await tokenManager.getToken();

  assert.equal(await tokenManager.getToken(), token);
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(claims.iss, 'https://iam.cloud.ibm.com/identity');
  assert.equal(claims.exp - claims.iat, 3600);
  assert.equal((await w.kms.getKeys({ bluemixInstance: w.instance })).status, 200);
});

test('a wrong API key is refused by IAM', async () => {
  const stranger = w.clientOf('not-an-api-key');
  await assert.rejects(stranger.getKeys({ bluemixInstance: w.instance }), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.message, 'Provided API key could not be found.');
    assert.equal(JSON.parse(error.body).errorCode, 'BXNIM0415E');
    return true;
  });
});

test('a reader sees keys and rotates none', async () => {
  const key = await w.newKey();
  const reader = w.clientOf(w.harness.about.reader_api_key);
  assert.equal((await reader.getKeyMetadata(w.of(key))).status, 200);
  const refused = await refusal(reader.rotateKey(w.of(key)));
  assert.equal(refused.status, 401);
  assert.equal(refused.code, 'UNAUTHORIZED_ERR');
});
