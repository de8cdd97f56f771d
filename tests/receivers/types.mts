// A receiver in TypeScript: test_documentation.py checks its types, and does not run it.

import {
  InvalidKey, KEY_STATES, KeySet, Latest, MAX_BODY, Rejected, ReplayGuard, Verifier, acknowledge,
  type KeyState, type Notification,
} from '../../examples/receiver-javascript/keysync.mjs';

const keys = new KeySet('https://example.com/.well-known/jwks.json', { maxAge: 300, minPause: 30 });
const verifier = new Verifier('cloud-object-storage', keys, { tolerance: 300 });
const guard = new ReplayGuard(verifier.tolerance);
const latest = new Latest();

export async function respond(request: Request): Promise<Response> {
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > MAX_BODY) return new Response(null, { status: 413 });
  try {
    const notification: Notification = await verifier.verify(request.headers, body);
    const state: KeyState = notification.keyState;
    if (guard.isNew(notification.eventId) && latest.offer(notification) === 'newer') {
      console.log(KEY_STATES[state], notification.sequence + 1n, notification.resourceCount > 0n);
      await acknowledge('https://example.com', 'token', notification, 'DEK_DISABLED', { at: new Date() });
    }
    return new Response(null, { status: 204 });
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    return new Response(error.message, { status: error.status });
  }
}

export function keyProblem(configured: string[]): string {
  try {
    // @ts-expect-error: the service is required
    new Verifier(configured);
    new Verifier('cloud-object-storage', configured);
    // @ts-expect-error: a callback's body is its bytes
    void verifier.verify({ 'webhook-id': ['a'] }, 'text');
    return '';
  } catch (error) {
    return error instanceof InvalidKey ? `${error.code} ${error.place ?? 0}` : 'unknown';
  }
}
