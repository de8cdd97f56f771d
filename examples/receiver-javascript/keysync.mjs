// What a receiver of keysync's callbacks needs: verification, duplicates, order, the sender's
// public key set, and acknowledgements.
//
// Copy this file, and keysync.d.mts for TypeScript. It needs WebCrypto with Ed25519 and `fetch`
// (Node 20 or later), and no packages.
//
// Sections: verification, content, duplicates and order, published key set, acknowledgement, public
// keys, curve of Ed25519, strict JSON, bytes and texts.

export const DEFAULT_TOLERANCE = 300; // seconds
export const MAX_BODY = 64 * 1024; // bytes; a typical callback has about 1,000
export const MAX_HEADER = 4096; // bytes of each of the three headers
export const MAX_KEY_SET = 64 * 1024; // bytes
export const MAX_DEPTH = 32; // levels of arrays and objects in JSON
export const KEY_STATES = { 1: 'active', 2: 'suspended', 3: 'deactivated', 5: 'destroyed' };

// ---- Verification ----

/** The reason to reject a callback. `code` is stable; `status` is the status of the response. */
export class Rejected extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'Rejected';
    this.code = code;
    const statuses = { 'too-old': 401, 'too-new': 401, signature: 401, service: 403, 'too-large': 413, 'key-set': 503 };
    this.status = statuses[code] ?? 400;
  }
}

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

// ---- Content of a callback ----

/** Parses a body whose signature was verified together with `webhookId`. Unknown fields are ignored. */
function parseEvent(body, webhookId, service) {
  let event;
  try {
    event = readEvent(asObject(parseJson(body)));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Rejected('body', `the signed body is not a valid key event: ${short(error.message)}`);
  }
  const { specversion, type, subject, ...notification } = event;
  for (const [name, found, expected] of [
    ['specversion', specversion, '1.0'],
    ['type', type, `com.ibm.cloud.kms.key.${notification.action}`],
    ['subject', subject, notification.keyId],
  ]) {
    if (found !== expected) throw new Rejected('body', `\`${name}\` must be ${short(expected)}: got ${short(found)}`);
  }
  if (notification.eventId !== webhookId) {
    throw new Rejected('id', `\`webhook-id\` must be the event's id ${short(notification.eventId)}: got ${short(webhookId)}`);
  }
  if (notification.service !== service) {
    throw new Rejected('service', `the event is for the service ${short(notification.service)}, and this is the receiver of `
      + `${short(service)}: the operator has configured this address for both, the name of the service is wrong here, or a `
      + 'receiver of the other one sent it on');
  }
  return notification;
}

function readEvent(event) {
  const data = asObject(event.get('data'));
  const version = asObject(data.get('keyVersion'));
  const found = {
    specversion: text(event, 'specversion'),
    type: text(event, 'type'),
    subject: text(event, 'subject'),
    eventId: text(event, 'id'),
    source: text(event, 'source'),
    time: text(event, 'time'),
    sequence: integer64(text(event, 'sequence'), 'sequence'),
    service: text(data, 'service'),
    keyId: text(data, 'keyId'),
    keyCrn: text(data, 'keyCrn'),
    keyState: Number(integer64(data.get('keyState')?.number, 'keyState')),
    keyVersion: { id: text(version, 'id'), creationDate: text(version, 'creationDate') },
    action: text(data, 'eventType'),
    renotification: data.get('renotification'),
    occurredAt: text(data, 'occurredAt'),
    resourceCount: integer64(data.get('resourceCount')?.number, 'resourceCount'),
  };
  if (typeof found.renotification !== 'boolean') throw new Malformed('`renotification` must be true or false');
  if (!(found.keyState in KEY_STATES)) throw new Malformed(`key state must be 1, 2, 3 or 5: got ${found.keyState}`);
  return found;
}

// ---- Duplicates and order ----

/**
 * Remembers the ids of verified events for twice the tolerance, after which a replayed callback is
 * too old anyway. It prevents duplicate side effects; it does not know the order of events.
 */
export class ReplayGuard {
  #seenAt = new Map(); // oldest first

  constructor(tolerance = DEFAULT_TOLERANCE, capacity = 100_000) {
    this.rememberedFor = 2 * tolerance;
    this.capacity = capacity;
  }

  /** Whether the event was not seen before. Remembers its id. */
  isNew(eventId, now = new Date()) {
    const seconds = now.getTime() / 1000;
    for (const [id, at] of this.#seenAt) {
      if (seconds - at <= this.rememberedFor) break;
      this.#seenAt.delete(id);
    }
    if (this.#seenAt.has(eventId)) return false;
    makeRoom(this.#seenAt, this.capacity);
    this.#seenAt.set(eventId, seconds);
    return true;
  }

  /** Forgets an event that you could not process, before a 503: its retry must not count as a duplicate. */
  forget(eventId) {
    this.#seenAt.delete(eventId);
  }
}

/**
 * The newest notification of each key, for the keys that were notified last. A real service stores
 * it in its database, with the sequence.
 */
export class Latest {
  #byKey = new Map(); // the key notified longest ago first

  constructor(capacity = 100_000) {
    this.capacity = capacity;
  }

  /** `newer` (stored), `repeated` (already known) or `stale` (older; acting on it would undo the newer one). */
  offer(notification) {
    const known = this.#byKey.get(notification.keyId);
    if (known && notification.sequence <= known.sequence) {
      return notification.sequence === known.sequence ? 'repeated' : 'stale';
    }
    this.#byKey.delete(notification.keyId);
    makeRoom(this.#byKey, this.capacity);
    this.#byKey.set(notification.keyId, notification);
    return 'newer';
  }

  get(keyId) {
    return this.#byKey.get(keyId);
  }
}

/** Removes the oldest entry of a full map. */
function makeRoom(entries, capacity) {
  if (entries.size >= capacity) entries.delete(entries.keys().next().value);
}

// ---- Published key set ----

/**
 * The public key set that the sender publishes at `/.well-known/jwks.json`. It is fetched with the
 * first callback, again when it is 5 minutes old, and when a callback has no signature by a known
 * key; at most every 30 s. While it cannot be fetched, the last one stays in use.
 */
export class KeySet {
  #url; #fetch; #maxAge; #pause; #timeout; #keys; #fetched = -Infinity; #attempted = -Infinity; #fetching;

  /** Why the last fetch failed; `undefined` if it did not. */
  error;

  constructor(url, { fetch = globalThis.fetch, maxAge = 300, minPause = 30, timeout = 2 } = {}) {
    this.#url = checkedUrl(url, 'the URL of the key set');
    [this.#fetch, this.#maxAge, this.#pause, this.#timeout] = [fetch, maxAge, minPause, timeout];
  }

  /** The keys, fetched if they are missing or old. */
  async current(now) {
    const age = now.getTime() / 1000 - this.#fetched;
    if (!this.#keys || age >= this.#maxAge || age < 0) await this.#update(now);
    if (!this.#keys) {
      throw new Rejected('key-set', `the sender's public key set could not be fetched, so nothing can be verified: ${this.error}`);
    }
    return this.#keys;
  }

  /** Keys that are newer than the `known` ones, after another fetch if one is due; empty if there are none. */
  async newer(now, known) {
    await this.#update(now);
    return this.#keys === known ? [] : this.#keys;
  }

  /** One fetch at a time; a callback waits for another's fetch only if there are no keys. */
  async #update(now) {
    if (this.#fetching && this.#keys) return;
    const seconds = now.getTime() / 1000;
    if (!this.#fetching && Math.abs(seconds - this.#attempted) >= this.#pause) {
      this.#attempted = seconds;
      this.#fetching = this.#store(seconds).finally(() => {
        this.#fetching = undefined;
      });
    }
    await this.#fetching;
  }

  async #store(seconds) {
    try {
      this.#keys = parseKeySet(await this.#download());
      this.#fetched = seconds;
      this.error = undefined;
    } catch (error) {
      this.error = error.message;
    }
  }

  async #download() {
    const signal = AbortSignal.timeout(this.#timeout * 1000);
    const response = await this.#fetch(this.#url, { redirect: 'manual', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`${this.#url} responded with ${response.status}, not 200`);
    }
    let document = new Uint8Array();
    for await (const chunk of response.body) {
      document = concat(document, chunk);
      if (document.length > MAX_KEY_SET) throw new Error(`${this.#url} has more than ${MAX_KEY_SET} bytes`);
    }
    return document;
  }
}

/** Keys that do not change, in place of a `KeySet`. */
class FixedKeys {
  constructor(keys) {
    this.keys = keys;
  }

  current() {
    return this.keys;
  }

  newer() {
    return [];
  }
}

// ---- Acknowledgement ----

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
      'bluemix-instance': notification.source.split(':')[7] ?? '', // of its CRN
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

// ---- Public keys: as configured by operators (`whpk_…`), and of a key set ----

/**
 * A configured key is missing, malformed, unsafe or private. `code` is stable, `place` starts at 1.
 * The message does not repeat the value, because it may be a secret pasted by mistake.
 */
export class InvalidKey extends Error {
  constructor(code, message, place) {
    super(message);
    this.name = 'InvalidKey';
    this.code = code;
    this.place = place;
  }
}

/** Parses each `whpk_…`. */
function publicKeys(values) {
  return atLeastOne([...values].map((value, index) => {
    const key = typeof value === 'string' ? value.replace(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/g, '') : '';
    if (key.startsWith('whsk_')) throw privateKey(index + 1);
    return checkedKey(key.startsWith('whpk_') ? fromBase64(key.slice(5)) : undefined, index + 1);
  }));
}

/** Parses the Ed25519 signature keys of a key set (RFC 7517, and RFC 8037, section 2). */
function parseKeySet(document) {
  let keys;
  try {
    const bytes = typeof document === 'string' ? new TextEncoder().encode(document) : document;
    keys = asObject(parseJson(bytes)).get('keys');
    if (!Array.isArray(keys)) throw new Malformed('`keys` must be a list');
    keys = keys.map(readJwk);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new InvalidKey('no-key-set', 'the document is not a key set (RFC 7517), which is a JSON object with a list `keys`: '
      + "fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200");
  }
  const found = [];
  for (const [index, { kty, crv, use = 'sig', x = '', d }] of keys.entries()) {
    if (kty !== 'OKP' || crv !== 'Ed25519' || use !== 'sig') continue;
    if (d != null) throw privateKey(index + 1);
    const isUrlSafe = !/[+/=]/.test(x);
    found.push(checkedKey(isUrlSafe ? fromBase64(`${x.replaceAll('-', '+').replaceAll('_', '/')}=`) : undefined, index + 1));
  }
  return atLeastOne(found);
}

/** The relevant fields of a key: strings or missing, except `d`, the private part, which may be any value. */
function readJwk(value) {
  const key = asObject(value);
  const d = key.get('d');
  if (d === DUPLICATE) throw new Malformed('`d` is a duplicate field');
  const optional = (name) => (key.get(name) == null ? undefined : text(key, name));
  return { kty: text(key, 'kty'), crv: optional('crv'), use: optional('use'), x: optional('x'), d };
}

function atLeastOne(keys) {
  if (keys.length === 0) throw new InvalidKey('none', 'no public key is given: ask the operator of keysync for it (`whpk_…`)');
  return keys;
}

function privateKey(place) {
  return new InvalidKey('private', `public key ${place} is a private key, which only the sender may have: configure the public `
    + 'key (`whpk_…`), and report the leaked private key to the operator of keysync', place);
}

function checkedKey(raw, place) {
  if (raw?.length !== 32) {
    throw new InvalidKey('malformed', `public key ${place} must be a 32-byte Ed25519 public key: \`whpk_\` followed by base64, `
      + 'or, in a key set, `x` in base64url', place);
  }
  if (!isSafe(raw)) {
    throw new InvalidKey('unsafe', `public key ${place} is not a safe Ed25519 public key, which is a point of prime order in `
      + 'canonical encoding: ask the operator of keysync for the correct key', place);
  }
  return raw;
}

// ---- Curve of Ed25519 (RFC 8032, section 5.1) ----

const P = 2n ** 255n - 19n; // the prime of its field
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n; // of its base point
const D = mod(-121665n * inverse(121666n)); // its constant

/**
 * Whether a key is a canonically encoded point of prime order. Anyone can sign for a point of small
 * order, and implementations differ for a point of mixed order.
 */
function isSafe(raw) {
  const number = raw.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const y = number % 2n ** 255n;
  if (y >= P) return false; // a non-canonical encoding
  // x² = (y² - 1) / (D y² + 1); the square root where P mod 8 is 5.
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(x * x) !== square || x === 0n) return false; // not on the curve, or of order 1 or 2
  if (x % 2n !== number >> 255n) x = P - x;
  // Prime order: `ORDER` times the point is the neutral element.
  const point = [x, y, 1n, mod(x * y)];
  let total = [0n, 1n, 1n, 0n];
  for (const bit of ORDER.toString(2)) {
    total = add(total, total);
    if (bit === '1') total = add(total, point);
  }
  return total[0] === 0n && total[1] === total[2];
}

/** The sum of two points in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and T = XY/Z. */
function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const [minus, plus] = [mod((y1 - x1) * (y2 - x2)), mod((y1 + x1) * (y2 + x2))];
  const [product, twice] = [mod(2n * D * t1 * t2), 2n * z1 * z2];
  const [e, f, g, h] = [plus - minus, twice - product, twice + product, plus + minus];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function mod(number) {
  return ((number % P) + P) % P;
}

function inverse(number) {
  return power(number, P - 2n);
}

function power(base, exponent) {
  let result = 1n;
  for (let square = mod(base); exponent > 0n; exponent /= 2n, square = mod(square * square)) {
    if (exponent % 2n === 1n) result = mod(result * square);
  }
  return result;
}

// ---- Strict JSON (RFC 8259): UTF-8, bounded nesting, and known duplicates ----
//
// `JSON.parse` keeps the last of duplicate fields. Here an object becomes a `Map`, and a number
// `{ number: … }` with its text.

class Malformed extends Error {}

/** The value of a duplicate field. */
const DUPLICATE = Symbol('duplicate');

/** Parses bytes, or throws `Malformed`. */
function parseJson(bytes) {
  let source;
  try {
    source = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed('it must be UTF-8');
  }
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const expected = (what) => new Malformed(`expected ${what} at character ${at}`);
  const next = (symbol) => {
    take(/[ \t\r\n]*/y);
    if (source[at] !== symbol) return false;
    at += 1;
    return true;
  };
  const value = (depth) => {
    if (next('"')) return string();
    const isObject = next('{');
    if (isObject || next('[')) {
      if (depth === MAX_DEPTH) throw new Malformed(`JSON is nested more than ${MAX_DEPTH} levels deep`);
      return isObject ? object(depth + 1) : array(depth + 1);
    }
    const word = take(/true|false|null/y);
    if (word) return { true: true, false: false, null: null }[word];
    const number = take(/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y);
    if (!number) throw expected('a value');
    return { number };
  };
  const string = () => {
    const content = take(/([^"\\\u0000-\u001f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y);
    if (source[at] !== '"') throw expected('the end of a string');
    at += 1;
    return JSON.parse(`"${content}"`);
  };
  const object = (depth) => {
    const fields = new Map();
    if (next('}')) return fields;
    do {
      if (!next('"')) throw expected('the name of a field');
      const name = string();
      if (!next(':')) throw expected('`:`');
      const found = value(depth);
      fields.set(name, fields.has(name) ? DUPLICATE : found);
    } while (next(','));
    if (!next('}')) throw expected('`,` or `}`');
    return fields;
  };
  const array = (depth) => {
    const values = [];
    if (next(']')) return values;
    do values.push(value(depth)); while (next(','));
    if (!next(']')) throw expected('`,` or `]`');
    return values;
  };
  const document = value(0);
  take(/[ \t\r\n]*/y);
  if (at < source.length) throw expected('the end');
  return document;
}

/** A JSON object whose field names have no unpaired surrogates. */
function asObject(value) {
  if (!(value instanceof Map)) throw new Malformed('it must be a JSON object');
  for (const name of value.keys()) {
    if (!name.isWellFormed()) throw new Malformed('the name of a field has an unpaired surrogate');
  }
  return value;
}

/** A field that is a string without unpaired surrogates, which escapes can produce. */
function text(fields, name) {
  const value = fields.get(name);
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new Malformed(`\`${name}\` ${value === DUPLICATE ? 'is a duplicate field' : 'must be a string'}`);
  }
  return value;
}

/** An unsigned 64-bit integer of 1 to 20 digits. */
function integer64(digits, name) {
  if (!/^[0-9]{1,20}$/.test(digits ?? '') || BigInt(digits) >= 2n ** 64n) {
    throw new Malformed(`\`${name}\` must be an integer between 0 and 18446744073709551615`);
  }
  return BigInt(digits);
}

// ---- Bytes and texts ----

/** Decodes canonical base64. The platform's decoder also accepts other forms. */
function fromBase64(encoded) {
  try {
    const raw = atob(encoded);
    return btoa(raw) === encoded ? Uint8Array.from(raw, (it) => it.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes of both. */
function concat(one, other) {
  const joined = new Uint8Array(one.length + other.length);
  joined.set(one);
  joined.set(other, one.length);
  return joined;
}

/** The start of a value, escaped to one line of ASCII, for messages. */
function short(value) {
  const start = value.length > 64 ? `${value.slice(0, 64)}...` : value;
  return JSON.stringify(start).replace(/[^ -~]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A URL with `https`, or with `http` on this machine. */
function checkedUrl(url, name) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(parsed?.hostname);
  if (parsed?.protocol !== 'https:' && !(parsed?.protocol === 'http:' && isLocal)) {
    throw new TypeError(`${name} must start with https:// (or http:// on this machine): got ${short(String(url))}`);
  }
  return String(url);
}
