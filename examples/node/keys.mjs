// The code under test, in place of yours: a client that synchronizes keys.

/**
 * The key was synchronized or changed within the past hour. The next sync is possible at `until`.
 */
export class TooEarly extends Error {
  constructor(until) {
    super(`not before ${until.toISOString()}`);
    this.until = until;
  }
}

/** The service is temporarily unavailable. Retry after `after` seconds. */
export class TemporarilyUnavailable extends Error {
  constructor(after) {
    super(`retry after ${after} s`);
    this.after = after;
  }
}

/** The keys of an instance. */
export class Keys {
  #url;
  #headers;

  constructor({ endpoint, instance, token }) {
    this.#url = `${endpoint}/api/v2/keys`;
    this.#headers = { 'bluemix-instance': instance, authorization: `Bearer ${token}` };
  }

  #act(key, action) {
    return fetch(`${this.#url}/${key}/actions/${action}`, { method: 'POST', headers: this.#headers });
  }

  /** Disables a key: data that it protects cannot be read until it is enabled. */
  async disable(key) {
    const response = await this.#act(key, 'disable');
    if (!response.ok) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
  }

  /** Notifies every associated service of the key's state again. */
  async synchronize(key) {
    const response = await this.#act(key, 'sync');
    if (response.status === 409) {
      const { resources } = await response.json();
      throw new TooEarly(new Date(resources[0].reasons[0].message.match(/\S+$/)[0]));
    }
    if (response.status === 429 || response.status === 503) {
      throw new TemporarilyUnavailable(Number(response.headers.get('retry-after')));
    }
    if (!response.ok) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
  }
}
