// Callbacks of the real functions, verified with the public libraries of Standard Webhooks.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Harness } from '../../../harness/node/index.js';

const require = createRequire(import.meta.url);
const OBJECT_STORAGE = 'cloud-object-storage';
const DATABASES = 'databases-for-postgresql';
// The secrets of object storage, as in a rotation. Databases have none.
const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_plJ3nmyCDGBKInavdOK15jsl4tC5VpBz'];
const OTHER_SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

let harness, signed, unsigned;

before(async () => {
  harness = await new Harness(...SECRETS.map((secret) => `--symmetric-secret=${OBJECT_STORAGE}=${secret}`)).start();
  const { info } = harness;
  const { id: key } = await harness.createKey('invoices', { protects: [OBJECT_STORAGE, DATABASES] });
  const form = new URLSearchParams({ grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey: info.api_key });
  const login = await fetch(`${info.iam}/identity/token`, { method: 'POST', body: form });
  const { access_token: token } = await login.json();
  const rotated = await fetch(`${info.endpoint}/api/v2/keys/${key}/actions/rotate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'bluemix-instance': info.instance_id },
  });
  assert.equal(rotated.status, 204, await rotated.text());
  signed = await callback(OBJECT_STORAGE, key);
  unsigned = await callback(DATABASES, key);
});
after(() => harness?.stop());

/** The only callback about a key. */
async function callback(service, key) {
  const callbacks = await harness.callbacks(service, { key, at_least: 1 });
  assert.equal(callbacks.length, 1);
  return callbacks[0];
}

for (const library of ['standardwebhooks', 'svix']) {
  const { Webhook, WebhookVerificationError } = require(library);
  const rejects = (secret, { headers, body }) =>
    assert.throws(() => new Webhook(secret).verify(body, headers), WebhookVerificationError);

  test(`${library} verifies callback with each secret`, () => {
    for (const secret of SECRETS) {
      new Webhook(secret).verify(signed.body, signed.headers);
    }
  });

  test(`${library} rejects changed callback`, () => {
    const { headers, body } = signed;
    rejects(SECRETS[0], { headers, body: `${body} ` });
    const changed = body.replace('"keyState":1', '"keyState":5');
    assert.notEqual(changed, body);
    rejects(SECRETS[0], { headers, body: changed });
    rejects(SECRETS[0], { headers: { ...headers, 'webhook-id': `${headers['webhook-id']}x` }, body });
  });

  test(`${library} rejects secret of another service`, () => {
    rejects(OTHER_SECRET, signed);
  });

  test(`${library} rejects callback without symmetric signature`, () => {
    rejects(SECRETS[0], unsigned);
  });
}
