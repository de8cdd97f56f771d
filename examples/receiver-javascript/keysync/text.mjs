// Bytes and texts.

/** The start of a value, escaped to one line of ASCII, for messages. */
export function short(value) {
  const start = value.length > 64 ? `${value.slice(0, 64)}...` : value;
  return JSON.stringify(start).replace(/[^ -~]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A URL with `https`, or with `http` on this machine. */
export function checkedUrl(url, name) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(parsed?.hostname);
  if (parsed?.protocol !== 'https:' && !(parsed?.protocol === 'http:' && isLocal)) {
    throw new TypeError(`${name} must start with https:// (or http:// on this machine): got ${short(String(url))}`);
  }
  return String(url);
}

/** The bytes of both. */
export function concat(one, other) {
  const joined = new Uint8Array(one.length + other.length);
  joined.set(one);
  joined.set(other, one.length);
  return joined;
}
