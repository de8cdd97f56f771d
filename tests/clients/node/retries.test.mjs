// The client's automatic retries: they end with 204, and no service is notified twice.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { errorResponse, setup } from './setup.mjs';

/** Number of attempts of a DynamoDB call in the function. */
const ATTEMPTS = 3;

const w = setup();
const retryingClient = () => w.clientOf(w.harness.info.api_key, { enableRetries: true });

/** Waits until `count` syncs of a key got 503. */
async function waitFor503(key, count) {
  const error = ({ path, status }) => path === `/api/v2/keys/${key}/actions/sync` && status === 503;
  const deadline = Date.now() + 30_000;
  while ((await w.harness.requests()).filter(error).length < count) {
    assert.ok(Date.now() < deadline, `fewer than ${count} syncs got 503 within 30 s`);
    await setTimeout(20);
  }
}

for (const [fault, status, code] of [
  ['throttle', 429, 'TOO_MANY_REQUESTS_ERR'],
  ['fail', 503, 'SERVICE_UNAVAILABLE_ERR'],
]) {
  test(`${status} is retried`, async () => {
    const key = await w.protectingKey();
    await w.harness.injectDynamodbFault(fault, ATTEMPTS);
    const error = await errorResponse(w.kms.syncAssociatedResources(w.of(key)));
    assert.equal(error.status, status);
    assert.equal(error.code, code);
    assert.ok(Number(error.headers['retry-after']) > 0);
    assert.deepEqual(await w.eventCounts(key), [0, 0]);

    await w.harness.injectDynamodbFault(fault, ATTEMPTS);
    assert.equal((await retryingClient().syncAssociatedResources(w.of(key))).status, 204);
    assert.deepEqual(await w.eventCounts(key), [1, 1]);
  });
}

test('claim with lost responses is recognized', async () => {
  const key = await w.protectingKey();
  await w.harness.injectDynamodbFault('lose-response', ATTEMPTS, { operation: 'UpdateItem' });

  const correlationId = randomUUID();
  const response = await retryingClient().syncAssociatedResources(w.of(key, { correlationId }));
  assert.equal(response.status, 204);
  assert.equal(response.headers['correlation-id'], correlationId);
  // The first attempt claimed, and its deliveries are unknown: `redeliver` notifies the remaining
  // services.
  await w.harness.advanceClock('1m');
  await w.harness.redeliver();
  assert.deepEqual(await w.eventCounts(key), [1, 1]);
});

test('conflict is not retried', async () => {
  const key = await w.protectingKey();
  await w.kms.syncAssociatedResources(w.of(key));
  const error = await errorResponse(retryingClient().syncAssociatedResources(w.of(key)));
  assert.equal(error.status, 409);
  assert.equal(error.code, 'REQ_TOO_EARLY_ERR');
});

test('sync succeeds after IAM outage', async () => {
  const key = await w.protectingKey();
  const client = retryingClient();
  await client.getKeys({ bluemixInstance: w.instance }); // logs in
  await w.harness.setIamHealth('down');
  const error = await errorResponse(w.kms.syncAssociatedResources(w.of(key)));
  assert.equal(error.status, 503);
  assert.equal(error.code, 'SERVICE_UNAVAILABLE_ERR');
  assert.deepEqual(await w.eventCounts(key), [0, 0]);

  const sync = client.syncAssociatedResources(w.of(key));
  await waitFor503(key, 2);
  await w.harness.setIamHealth('up');
  assert.equal((await sync).status, 204);
  assert.deepEqual(await w.eventCounts(key), [1, 1]);
});
