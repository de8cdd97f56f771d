// What is tested here, in place of your own code: a service whose data is encrypted under others' keys.

import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const ACTIVE = 1;

/** How far a callback's timestamp may be from now, in seconds. */
const TOLERANCE = 300;

/** Shows photos while the key that protects them is active, as far as it was told. */
export class PhotoStore {
  #told = new Map();
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
    const genuine = isGenuine(request.headers, body, this.publicKey);
    if (genuine) {
      this.isTold(JSON.parse(body));
    }
    response.writeHead(genuine ? 204 : 401).end();
  }

  /** Takes an event, unless it knows of a later one: events come at least once, in any order. */
  isTold({ subject: key, sequence, data }) {
    const known = this.#told.get(key)?.sequence ?? '';
    if (sequence > known) {
      this.#told.set(key, { sequence, state: data.keyState });
    }
  }

  /** Whether photos that this key protects can be seen. */
  shows(key) {
    return (this.#told.get(key)?.state ?? ACTIVE) === ACTIVE;
  }

  /** Loses what it was told, as when a backup is put back. */
  forgets() {
    this.#told.clear();
  }
}

/** Whether a callback is the sender's, unchanged and recent: Standard Webhooks, `v1a` (Ed25519). */
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
