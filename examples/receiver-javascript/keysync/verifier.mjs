// Verifies callbacks: their headers, their age, and their signature.

import { parseEvent } from './event.mjs';
import { KeySet } from './key_set.mjs';
import { FixedKeys, fromBase64, parseKeySet, publicKeys } from './public_key.mjs';
import { Rejected } from './rejected.mjs';
import { concat, short } from './text.mjs';

export const DEFAULT_TOLERANCE = 300; // seconds
export const MAX_BODY = 64 * 1024; // bytes; a typical callback has about 1,000
export const MAX_HEADER = 4096; // bytes of each of the three headers

/**
 * Verifies callbacks for one service, such as `cloud-object-storage`: `keys` are the sender's
 * public keys (`whpk_…`; both during a key rotation), or a `KeySet`.
 */
export class Verifier {
  #keys;

  constructor(service, keys, { tolerance = DEFAULT_TOLERANCE } = {}) {
    if (typeof service !== 'string' || service === '') {
      throw new TypeError('the service is required: its name in CRNs, such as `cloud-object-storage`');
    }
    this.service = service;
    this.tolerance = tolerance;
    this.#keys = keys instanceof KeySet || keys instanceof FixedKeys ? keys : new FixedKeys(publicKeys(keys));
  }

  /** Uses the keys of a key set that you fetched yourself. `KeySet` follows a published one. */
  static fromJwks(service, document, options) {
    return new Verifier(service, new FixedKeys(parseKeySet(document)), options);
  }

  /**
   * Verifies that a callback is from the sender, for this service, unchanged and recent. Resolves to
   * its content, or rejects with `Rejected`.
   *
   * `body` must be the bytes as received: the signature covers them, and reserialized JSON has
   * different bytes. `headers` is Node's `request.headersDistinct`, a `Headers`, or an object.
   */
  async verify(headers, body, now = new Date()) {
    if (body.length > MAX_BODY) {
      throw new Rejected('too-large', `the body must have at most ${MAX_BODY} bytes: got ${body.length}`);
    }
    const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((part) => header(headers, `webhook-${part}`));
    this.#checkTimestamp(timestamp, now.getTime() / 1000);
    const candidates = signatures.split(' ').map(signature).filter(Boolean);
    if (candidates.length === 0) {
      throw new Rejected('no-signature', '`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed by the '
        + 'base64 of 64 bytes (`v1` signatures with a shared secret are not supported)');
    }
    const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), body);
    if (!(await this.#isSigned(signed, candidates, now))) {
      throw new Rejected('signature', 'no signature is valid for this body and the configured keys: the body was changed (pass '
        + 'the bytes as received), the sender signs with a new key, or the callback is forged');
    }
    return parseEvent(body, id, this.service);
  }

  #checkTimestamp(timestamp, now) {
    if (!/^[0-9]{1,15}$/.test(timestamp)) {
      throw new Rejected('timestamp', `\`webhook-timestamp\` must be seconds since 1970, 1 to 15 digits: got ${short(timestamp)}`);
    }
    const age = now - Number(timestamp);
    const allowed = `at most ${this.tolerance} s are allowed`;
    if (age > this.tolerance) {
      throw new Rejected('too-old', `signed ${Math.ceil(age)} s ago, ${allowed}: the callback was replayed, or this machine's `
        + 'clock is ahead and must be corrected');
    }
    if (age < -this.tolerance) {
      throw new Rejected('too-new', `signed ${Math.ceil(-age)} s in the future, ${allowed}: this machine's clock is behind, or `
        + "the sender's clock is ahead");
    }
  }

  async #isSigned(signed, candidates, now) {
    const keys = await this.#keys.current(now);
    if (await isSignedBy(keys, signed, candidates)) return true;
    return isSignedBy(await this.#keys.newer(now, keys), signed, candidates);
  }
}

/** The value of a header, which must be unique: with two values, parsers could disagree on which one counts. */
function header(headers, name) {
  let values;
  if (typeof headers.get === 'function') {
    // `Headers` joins duplicates with `, `, which no valid value contains.
    values = headers.get(name)?.split(', ') ?? [];
  } else {
    values = Object.entries(headers).filter(([key]) => key.toLowerCase() === name).flatMap(([, value]) => value ?? []);
  }
  if (values.length === 0) throw new Rejected('header', `the \`${name}\` header is missing: check whether a proxy drops it`);
  if (values.length > 1) throw new Rejected('header', `the \`${name}\` header must be unique: got ${values.length} values`);
  const [value] = values;
  if (typeof value !== 'string' || value.length > MAX_HEADER || !/^[ -~]+$/.test(value)) {
    throw new Rejected('header', `the \`${name}\` header must be 1 to ${MAX_HEADER} characters of printable ASCII`);
  }
  return value;
}

/** The bytes of `v1a,<base64>`, or `undefined`. */
function signature(value) {
  const found = value.startsWith('v1a,') ? fromBase64(value.slice(4)) : undefined;
  return found?.length === 64 ? found : undefined;
}

async function isSignedBy(keys, signed, candidates) {
  for (const raw of keys) {
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify']);
    for (const candidate of candidates) {
      if (await crypto.subtle.verify('Ed25519', key, candidate, signed)) return true;
    }
  }
  return false;
}
