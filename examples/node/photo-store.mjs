// The code under test, in place of yours: a service whose data is encrypted with customers' keys.

import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** The name of this service in CRNs. */
const SERVICE = 'photo-store';

const ACTIVE = 1;

/** Maximum difference between a callback's timestamp and the clock, in seconds. */
const TOLERANCE = 300;

/** Shows photos while the last known state of their key is active. */
export class PhotoStore {
  #states = new Map();
  #server = createServer((request, response) => this.#receive(request, response));

  /** The key that verifies callbacks: `whpk_…`. */
  publicKey;

  async open() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}/callbacks`;
  }

  async close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #receive(request, response) {
    let body = '';
    for await (const part of request.setEncoding('utf8')) {
      body += part;
    }
    response.writeHead(this.#handle(request.headers, body)).end();
  }

  /** Verifies and applies a callback. Returns the status of the response. */
  #handle(headers, body) {
    if (!isGenuine(headers, body, this.publicKey)) {
      return 401;
    }
    const event = JSON.parse(body);
    // All services know the same public key: the event says which one it is for.
    if (event.data.service !== SERVICE) {
      return 403;
    }
    this.apply(event);
    return 204;
  }

  /**
   * Processes an event, unless a newer one is known. Delivery is at least once and in any order.
   */
  apply({ subject: key, sequence, data }) {
    const known = this.#states.get(key)?.sequence ?? '';
    if (sequence > known) {
      this.#states.set(key, { sequence, state: data.keyState });
    }
  }

  /** Whether photos that this key protects are shown. */
  shows(key) {
    return (this.#states.get(key)?.state ?? ACTIVE) === ACTIVE;
  }

  /** Loses all key states, as after the restore of an old backup. */
  loseState() {
    this.#states.clear();
  }
}

/**
 * Whether a callback is from the sender, unchanged and recent (Standard Webhooks, `v1a`: Ed25519).
 */
export function isGenuine(headers, body, publicKey) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE)) {
    return false;
  }
  const x = Buffer.from(publicKey.replace(/^whpk_/, ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  return signatures.split(' ').some((signature) => {
    const [version, value = ''] = signature.split(',');
    return version === 'v1a' && verify(null, signed, key, Buffer.from(value, 'base64'));
  });
}
