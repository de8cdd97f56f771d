// Requests to the control API of a harness.

const { HarnessFailed } = require('./failed.js');

/** Timeout for a request in ms. The longest wait of the control API is 1 min. */
const REQUEST_TIMEOUT = 90_000;

/** A connection to the control API of a harness. */
class Connection {
  /** @type {string | undefined} */
  #url;

  /** @param {string} [url] the field `control` of `Info` */
  constructor(url) {
    this.#url = url;
  }

  /**
   * Sets the URL of the control API.
   * @protected
   * @param {string} url
   */
  connect(url) {
    this.#url = url;
  }

  /**
   * Sends a request. Resolves to the JSON of the response, or undefined without a body.
   *
   * For operations without a method here; `GET /_harness/openapi.json` describes all of them.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {object} [query]
   * @returns {Promise<any>}
   */
  async request(method, path, body, query = {}) {
    if (this.#url === undefined) {
      throw new HarnessFailed('the harness is not started: call start() first');
    }
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) {
        url.searchParams.set(name, String(value));
      }
    }
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT),
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    }).catch((error) => {
      throw new HarnessFailed(`${method} ${url}: ${error.cause?.message ?? error.message}`, { cause: error });
    });
    const text = await response.text();
    if (!response.ok) {
      throw new HarnessFailed(`${method} ${url}: ${response.status} ${text.slice(0, 1000)}`);
    }
    if (!response.headers.has('keysync-harness')) {
      throw new HarnessFailed(`${url} is not the control API of a harness`);
    }
    return text ? JSON.parse(text) : undefined;
  }
}

exports.Connection = Connection;
