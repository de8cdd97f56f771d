// The acknowledgement of a notification.

import { checkedUrl } from './text.mjs';

/**
 * Reports that the service acted on a notification (`kms.secrets-event.ack`), at most four hours
 * after it. `state` is your own name for the state of the resources that the key protects.
 */
export async function acknowledge(endpoint, token, notification, state, options = {}) {
  const { at = new Date(), resourceCrn, fetch = globalThis.fetch, timeout = 10 } = options;
  const resource = { eventId: notification.eventId, adopterKeyState: state, timestamp: at.toISOString(), resourceCrn };
  const metadata = { collectionType: 'application/vnd.ibm.kms.event_acknowledge+json', collectionTotal: 1 };
  const response = await fetch(`${checkedUrl(endpoint, 'the endpoint').replace(/\/$/, '')}/api/v2/event_ack`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'bluemix-instance': notification.source.split(':')[7] ?? '',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ metadata, resources: [resource] }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout * 1000),
  });
  await response.body?.cancel();
  if (response.status !== 204) {
    throw new Error(`the acknowledgement of ${notification.eventId} got status ${response.status}, not 204`);
  }
}
