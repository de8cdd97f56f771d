// Tests of the kit with a clock and a network of the test. tests/receivers has those with the test
// vectors and with running services.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { KeySet, Latest, Rejected, ReplayGuard, Verifier, acknowledge } from './keysync.mjs';

const VECTORS = JSON.parse(readFileSync(new URL('../../harness/receiver/vectors.json', import.meta.url), 'utf8'));
const [GOLDEN] = VECTORS.vectors;
const BODY = Buffer.from(GOLDEN.body);
const OTHER = { kty: 'OKP', crv: 'Ed25519', x: 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw' };
const KNOWN = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

const at = (seconds) => new Date((GOLDEN.now + seconds) * 1000);
const codeOf = (verified) => verified.then(() => 'accepted', (error) => error.code);

test('old set or unknown key causes fetch', async () => {
  let [response, fetches] = [undefined, 0];
  const publish = (...keys) => {
    response = () => Response.json({ keys });
  };
  const fetch = async () => {
    fetches += 1;
    return response ? response() : Promise.reject(new Error('down'));
  };
  const keySet = new KeySet('https://example.com/jwks.json', { fetch });
  const verifier = new Verifier('cloud-object-storage', keySet, { tolerance: 10_000 });
  const verify = async (seconds) => [await codeOf(verifier.verify(GOLDEN.headers, BODY, at(seconds))), fetches];

  assert.deepEqual(await verify(0), ['key-set', 1]);
  assert.equal(keySet.error, 'down');
  publish(OTHER);
  assert.deepEqual(await verify(29), ['key-set', 1]);
  assert.deepEqual(await verify(30), ['signature', 2]);
  publish(KNOWN);
  assert.deepEqual(await verify(59), ['signature', 2]);
  assert.deepEqual(await verify(60), ['accepted', 3]);
  assert.deepEqual(await verify(359), ['accepted', 3]);
  response = undefined;
  assert.deepEqual(await verify(360), ['accepted', 4]);
  assert.deepEqual(await verify(5000), ['accepted', 5]);
  publish(OTHER);
  assert.deepEqual(await verify(0), ['signature', 6], 'the age is unknown after the clock was set back');
});

test('first callbacks share one fetch', async () => {
  let fetches = 0;
  const fetch = async () => {
    fetches += 1;
    return Response.json({ keys: [KNOWN] });
  };
  const verifier = new Verifier('cloud-object-storage', new KeySet('https://example.com/', { fetch }));
  const codes = [1, 2, 3].map(() => codeOf(verifier.verify(GOLDEN.headers, BODY, at(0))));
  assert.deepEqual(await Promise.all(codes), ['accepted', 'accepted', 'accepted']);
  assert.equal(fetches, 1);
});

test('duplicate header is detected in every form', async () => {
  const verifier = new Verifier('cloud-object-storage', GOLDEN.publicKeys);
  const code = (headers) => codeOf(verifier.verify(headers, BODY, at(0)));
  assert.equal(await code(new Headers(GOLDEN.headers)), 'accepted');
  const twice = new Headers(GOLDEN.headers);
  twice.append('webhook-signature', GOLDEN.headers['webhook-signature']);
  assert.equal(await code(twice), 'header');
  assert.equal(await code({ ...GOLDEN.headers, 'Webhook-Id': GOLDEN.headers['webhook-id'] }), 'header');
  assert.equal(await code({ ...GOLDEN.headers, 'webhook-id': [] }), 'header');
});

test('service is required', () => {
  assert.throws(() => new Verifier(undefined, GOLDEN.publicKeys), /the service is required/);
  assert.throws(() => new Verifier('', GOLDEN.publicKeys), /the service is required/);
});

test('replay guard forgets old and excess ids', () => {
  const guard = new ReplayGuard(300, 2);
  assert.deepEqual([0, 600, 601].map((seconds) => guard.isNew('a', at(seconds))), [true, false, true]);
  assert.deepEqual(['b', 'c', 'c', 'a'].map((id) => guard.isNew(id, at(601))), [true, true, false, true]);
  guard.forget('a');
  assert.equal(guard.isNew('a', at(601)), true);
});

test('newest state wins and keys are bounded', () => {
  const latest = new Latest(2);
  const offer = (keyId, sequence) => latest.offer({ keyId, sequence });
  assert.deepEqual([offer('a', 8n), offer('a', 7n), offer('a', 8n), offer('a', 10n)], ['newer', 'stale', 'repeated', 'newer']);
  offer('b', 1n);
  offer('a', 11n);
  offer('c', 1n);
  assert.deepEqual([latest.get('a').sequence, latest.get('b')], [11n, undefined]);
});

test('acknowledgement is sent to instance of event', async () => {
  const notification = await new Verifier('cloud-object-storage', GOLDEN.publicKeys).verify(GOLDEN.headers, BODY, at(0));
  const sent = [];
  const fetch = async (url, request) => {
    sent.push([url, request]);
    return new Response(null, { status: sent.length === 1 ? 204 : 401 });
  };
  await acknowledge('https://example.com/', 'token', notification, 'DEK_DISABLED', { at: at(0), fetch });
  const [[url, request]] = sent;
  assert.equal(url, 'https://example.com/api/v2/event_ack');
  assert.equal(request.headers['bluemix-instance'], '5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11');
  assert.deepEqual(JSON.parse(request.body).resources, [
    { eventId: notification.eventId, adopterKeyState: 'DEK_DISABLED', timestamp: '2026-11-24T05:00:00.000Z' },
  ]);
  await assert.rejects(acknowledge('https://example.com', 'token', notification, 'x', { fetch }), /got status 401, not 204/);
  await assert.rejects(acknowledge('http://example.com', 'token', notification, 'x', { fetch }), /must start with https/);
});

test('rejection has code and status', () => {
  assert.deepEqual([new Rejected('service', '').status, new Rejected('body', '').status], [403, 400]);
});
