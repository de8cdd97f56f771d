// The published key set, fetched by URL and kept up to date.

import { parseKeySet } from './public_key.mjs';
import { Rejected } from './rejected.mjs';
import { checkedUrl, concat } from './text.mjs';

export const MAX_KEY_SET = 64 * 1024; // bytes

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
