// Strict JSON (RFC 8259): UTF-8, bounded nesting, and known duplicates. `JSON.parse` keeps the last
// of duplicate fields. An object becomes a `Map`, and a number `{ number: … }` with its text.

export const MAX_DEPTH = 32; // levels of arrays and objects

/** The value of a duplicate field. */
export const DUPLICATE = Symbol('duplicate');

export class Malformed extends Error {}

/** Parses bytes, or throws `Malformed`. */
export function parseJson(bytes) {
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
export function asObject(value) {
  if (!(value instanceof Map)) throw new Malformed('it must be a JSON object');
  for (const name of value.keys()) text(name, 'a name');
  return value;
}

/** A string without unpaired surrogates, which escapes can produce. */
export function text(value, name) {
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new Malformed(`\`${name}\` ${value === DUPLICATE ? 'is a duplicate field' : 'must be a string'}`);
  }
  return value;
}

/** An unsigned 64-bit integer. */
export function integer64(digits, name) {
  if (!/^[0-9]{1,20}$/.test(digits ?? '') || BigInt(digits) >= 2n ** 64n) {
    throw new Malformed(`\`${name}\` must be an integer between 0 and 18446744073709551615`);
  }
  return BigInt(digits);
}
