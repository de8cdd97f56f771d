// The sender's public keys: as configured by operators (`whpk_…`), and as a published key set.

import { DUPLICATE, Malformed, asObject, parseJson, text } from './strict_json.mjs';

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

/** Keys that do not change. */
export class FixedKeys {
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

/** Parses each `whpk_…`. */
export function publicKeys(values) {
  return atLeastOne([...values].map((value, index) => publicKey(value, index + 1)));
}

function publicKey(value, place) {
  const text = typeof value === 'string' ? value.replace(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/g, '') : '';
  if (text.startsWith('whsk_')) throw privateKey(place);
  return checkedKey(text.startsWith('whpk_') ? fromBase64(text.slice(5)) : undefined, place);
}

/** Parses the Ed25519 signature keys of a key set (RFC 7517, and RFC 8037, section 2). */
export function parseKeySet(document) {
  let keys;
  try {
    const bytes = typeof document === 'string' ? new TextEncoder().encode(document) : document;
    keys = asObject(parseJson(bytes)).get('keys');
    if (!Array.isArray(keys)) throw new Malformed('`keys` must be a list');
    keys = keys.map(jwk);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new InvalidKey('no-key-set', 'the document is not a key set (RFC 7517), which is a JSON object with a list `keys`: '
      + "fetch the sender's `/.well-known/jwks.json`, and check that the status of the response is 200");
  }
  const found = [];
  for (const [index, { kty, crv, use, x, d }] of keys.entries()) {
    if (kty !== 'OKP' || crv !== 'Ed25519' || (use ?? 'sig') !== 'sig') continue;
    if (d != null) throw privateKey(index + 1);
    const isUrlSafe = !/[+/=]/.test(x ?? '');
    found.push(checkedKey(isUrlSafe ? fromBase64(`${(x ?? '').replaceAll('-', '+').replaceAll('_', '/')}=`) : undefined, index + 1));
  }
  return atLeastOne(found);
}

/** The relevant fields of a key: strings or missing, except `d`, the private part, which may be any value. */
function jwk(value) {
  const key = asObject(value);
  const d = key.get('d');
  if (d === DUPLICATE) throw new Malformed('`d` is a duplicate field');
  const optional = (name) => (key.get(name) == null ? undefined : text(key.get(name), name));
  return { kty: text(key.get('kty'), 'kty'), crv: optional('crv'), use: optional('use'), x: optional('x'), d };
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

// The curve of Ed25519 (RFC 8032, section 5.1): its field's prime, its base point's order, its
// constant.
const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));

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

/** Decodes canonical base64. The platform's decoder also accepts other forms. */
export function fromBase64(encoded) {
  try {
    const raw = atob(encoded);
    return btoa(raw) === encoded ? Uint8Array.from(raw, (it) => it.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}
