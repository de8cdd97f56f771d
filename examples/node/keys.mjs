// What is tested here, in place of your own code: a client that synchronizes keys.

/** The key was synchronized, or changed, within the past hour. It can be again from `until` on. */
export class TooEarly extends Error {
  constructor(until) {
    super(`not before ${until.toISOString()}`);
    this.until = until;
  }
}

/** The service cannot decide at the moment. It asks to be tried again `after` so many seconds. */
export class TryAgain extends Error {
  constructor(after) {
    super(`try again after ${after} s`);
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

  /** Suspends a key: what it protects cannot be read until it is enabled. */
  async disable(key) {
    const answer = await this.#act(key, 'disable');
    if (!answer.ok) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
  }

  /** Has every service that is associated with the key told of its state once more. */
  async synchronize(key) {
    const answer = await this.#act(key, 'sync');
    if (answer.status === 409) {
      const { resources } = await answer.json();
      throw new TooEarly(new Date(resources[0].reasons[0].message.match(/\S+$/)[0]));
    }
    if (answer.status === 429 || answer.status === 503) {
      throw new TryAgain(Number(answer.headers.get('retry-after')));
    }
    if (!answer.ok) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
  }
}
