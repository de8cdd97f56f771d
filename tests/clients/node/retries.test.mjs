// The client's own automatic retries: they end in 204, and no service is told twice.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { refusal, world } from './world.mjs';

/** How often the function itself tries a call to DynamoDB before it gives up a request. */
const TRIES = 3;

const w = world();
const persistent = () => w.clientOf(w.harness.about.api_key, { enableRetries: true });

/** Waits until so many syncs of a key were answered with 503. */
async function refusals(key, count) {
  const refused = ({ path, status }) => path === `/api/v2/keys/${key}/actions/sync` && status === 503;
  const deadline = Date.now() + 30_000;
  while ((await w.harness.control('GET', '/requests')).filter(refused).length < count) {
    assert.ok(Date.now() < deadline, `${count} syncs should have been refused within 30 s`);
    await setTimeout(20);
  }
}

for (const [fault, status, code] of [
  ['throttle', 429, 'TOO_MANY_REQUESTS_ERR'],
  ['fail', 503, 'SERVICE_UNAVAILABLE_ERR'],
]) {
  test(`a ${status} is tried again`, async () => {
    const key = await w.protectingKey();
    await w.harness.dynamodbFails(fault, TRIES);
    const refused = await refusal(w.kms.syncAssociatedResources(w.of(key)));
    assert.equal(refused.status, status);
    assert.equal(refused.code, code);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.deepEqual(await w.told(key), [0, 0]);

    await w.harness.dynamodbFails(fault, TRIES);
    assert.equal((await persistent().syncAssociatedResources(w.of(key))).status, 204);
    assert.deepEqual(await w.told(key), [1, 1]);
  });
}

test('a claim whose answers are lost is found again', async () => {
  const key = await w.protectingKey();
  await w.harness.dynamodbFails('lose-answer', TRIES, { operation: 'UpdateItem' });

  const correlationId = randomUUID();
  const answer = await persistent().syncAssociatedResources(w.of(key, { correlationId }));
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['correlation-id'], correlationId);
  // The first try claimed, and nobody but it knows how far it came: `redeliver` tells whom it did not.
  await w.harness.travel('1m');
  await w.harness.redeliver();
  assert.deepEqual(await w.told(key), [1, 1]);
});

test('a conflict is not tried again', async () => {
  const key = await w.protectingKey();
  await w.kms.syncAssociatedResources(w.of(key));
  const refused = await refusal(persistent().syncAssociatedResources(w.of(key)));
  assert.equal(refused.status, 409);
  assert.equal(refused.code, 'REQ_TOO_EARLY_ERR');
});

test('without IAM nobody passes, until it is there again', async () => {
  const key = await w.protectingKey();
  const patient = persistent();
  await patient.getKeys({ bluemixInstance: w.instance }); // logs in
  await w.harness.iamIs('down');
  const refused = await refusal(w.kms.syncAssociatedResources(w.of(key)));
  assert.equal(refused.status, 503);
  assert.equal(refused.code, 'SERVICE_UNAVAILABLE_ERR');
  assert.deepEqual(await w.told(key), [0, 0]);

  const trying = patient.syncAssociatedResources(w.of(key));
  await refusals(key, 2);
  await w.harness.iamIs('up');
  assert.equal((await trying).status, 204);
  assert.deepEqual(await w.told(key), [1, 1]);
});
