// A client of the control API: keys, services, identities, the clock and faults of a harness.

const { HarnessFailed } = require('./failed.js');

/** @import * as Values from './values.js' */

/** Timeout for a request in ms. The longest wait of the control API is 1 min. */
const REQUEST_TIMEOUT = 90_000;

/** The control API of a running harness. */
class Control {
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

  /**
   * Reads addresses, instance and API keys.
   * @returns {Promise<Values.Info>}
   */
  async readInfo() {
    return this.request('GET', '');
  }

  /**
   * Resets keys, services and faults, but not the clock. Addresses and API keys stay.
   * @returns {Promise<Values.Info>}
   */
  async reset() {
    return this.request('POST', '/reset');
  }

  /**
   * Advances the clock, such as by `61m`. Do so while no request is in flight.
   * @param {Values.Duration} duration
   */
  async advanceClock(duration) {
    await this.request('POST', '/time', { advance: duration });
  }

  /**
   * Runs the function `redeliver` once, as the schedule does every minute.
   * @returns {Promise<Record<string, unknown>>}
   */
  async redeliver() {
    return this.request('POST', '/redeliver');
  }

  /**
   * The malformed events in the dead-letter queue, oldest first.
   * @returns {Promise<Values.DeadLetter[]>}
   */
  async deadLetters() {
    return this.request('GET', '/dead-letters');
  }

  /**
   * The requests that endpoint, IAM and services received, oldest first.
   * @param {Values.RequestQuery} [query]
   * @returns {Promise<Values.Exchange[]>}
   */
  async requests(query) {
    return this.request('GET', '/requests', undefined, query);
  }

  /** Deletes the stored requests. */
  async forgetRequests() {
    await this.request('DELETE', '/requests');
  }

  /**
   * All keys that are not purged, oldest first.
   * @returns {Promise<Values.Key[]>}
   */
  async keys() {
    return this.request('GET', '/keys');
  }

  /**
   * A key.
   * @param {string} id
   * @returns {Promise<Values.Key>}
   */
  async key(id) {
    return this.request('GET', `/keys/${encodeURIComponent(id)}`);
  }

  /**
   * Creates a root key that protects resources.
   * @param {string} name
   * @param {Values.NewKey} [key]
   * @returns {Promise<Values.Key>}
   */
  async createKey(name, { protects = [], alias, standard } = {}) {
    const resources = protects.map((one) => {
      const [service, resource] = typeof one === 'string' ? [one, `${name}-${one}`] : one;
      return { service, resource };
    });
    return this.request('POST', '/keys', { name, protects: resources, alias, standard });
  }

  /**
   * Registers a resource under a key, as the service would. Resolves to its CRN.
   * @param {string} key
   * @param {string} service
   * @param {string} resource
   * @returns {Promise<string>}
   */
  async register(key, service, resource) {
    const path = `/keys/${encodeURIComponent(key)}/registrations`;
    return (await this.request('POST', path, { service, resource })).resource_crn;
  }

  /**
   * The emulated services.
   * @returns {Promise<Values.ServiceState[]>}
   */
  async services() {
    return this.request('GET', '/services');
  }

  /**
   * An emulated service, by its CRN service name.
   * @param {string} name
   * @returns {Promise<Values.ServiceState>}
   */
  async service(name) {
    return this.request('GET', `/services/${encodeURIComponent(name)}`);
  }

  /**
   * Sets what a service does with the next callbacks, or with all without `times`.
   * @param {string} service
   * @param {Values.Behaviour} behaviour
   * @param {number} [times]
   */
  async setBehaviour(service, behaviour, times) {
    await this.request('PUT', `/services/${encodeURIComponent(service)}/behaviour`, { behaviour, times });
  }

  /**
   * The callbacks that a service received, oldest first.
   * @param {string} service
   * @param {Values.CallbackQuery} [query]
   * @returns {Promise<Values.Callback[]>}
   */
  async callbacks(service, query) {
    const path = `/services/${encodeURIComponent(service)}/callbacks`;
    return (await this.request('GET', path, undefined, query)).callbacks;
  }

  /**
   * The CloudEvents about a key that a service received, oldest first.
   * @param {string} service
   * @param {string} key
   * @returns {Promise<Values.Event[]>}
   */
  async events(service, key) {
    return (await this.callbacks(service, { key })).map((callback) => JSON.parse(callback.body));
  }

  /**
   * Deletes the stored callbacks of a service.
   * @param {string} service
   */
  async forgetCallbacks(service) {
    await this.request('DELETE', `/services/${encodeURIComponent(service)}/callbacks`);
  }

  /**
   * Creates an identity with roles in the instance. Without roles, it may do nothing.
   * @param {...Values.Role} roles
   * @returns {Promise<Values.Identity>}
   */
  async createIdentity(...roles) {
    return this.request('POST', '/iam/tokens', { roles });
  }

  /**
   * Sets the health of IAM.
   * @param {Values.Health} health
   */
  async setIamHealth(health) {
    await this.request('PUT', '/iam/health', { health });
  }

  /**
   * Sets the issuer (`iss`) of new tokens.
   * @param {string} issuer
   */
  async setIamIssuer(issuer) {
    await this.request('PUT', '/iam/issuer', { issuer });
  }

  /**
   * Sets how far the clock of new tokens is ahead.
   * @param {Values.Duration} ahead
   */
  async setIamClockAhead(ahead) {
    await this.request('PUT', '/iam/clock', { ahead });
  }

  /**
   * Signs new tokens with a new key. With `withdraw`, old tokens become invalid.
   * @param {{ withdraw?: boolean }} [options]
   */
  async rotateIamKey({ withdraw = false } = {}) {
    await this.request('POST', '/iam/rotate', { withdraw });
  }

  /**
   * Makes a function's next calls to DynamoDB fail; all of them without `times`, and of any
   * operation without `operation`. The function is `sync` by default.
   * @param {Values.DynamoDbFault} fault
   * @param {number} [times]
   * @param {{ function?: Values.FunctionName, operation?: string }} [calls]
   */
  async injectDynamodbFault(fault, times, { function: name, operation } = {}) {
    await this.request('POST', '/dynamodb/faults', { function: name, fault, times, operation });
  }

  /** Clears all DynamoDB faults. */
  async clearDynamodbFaults() {
    await this.request('DELETE', '/dynamodb/faults');
  }
}

exports.Control = Control;
