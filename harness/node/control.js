// A client of the control API: keys, services, identities, the clock, faults, requests, recordings
// and snapshots of a harness.

const { readFile, writeFile } = require('node:fs/promises');

const { Connection } = require('./connection.js');

/** @import * as Values from './values.js' */

/** The control API of a running harness. */
class Control extends Connection {
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
   * Runs the function `redeliver` at this interval of real time from now on; null ends the
   * schedule. A reset restores that of the start.
   * @param {Values.Duration | null} every
   */
  async setRedeliverSchedule(every) {
    await this.request('PUT', '/redeliver/schedule', { every });
  }

  /**
   * Signs callbacks with a new key beside the old one; then, with `withdraw`, with the new one only.
   * Resolves to the public keys, newest last.
   * @param {{ withdraw?: boolean }} [options]
   * @returns {Promise<string[]>}
   */
  async rotateSigningKey({ withdraw = false } = {}) {
    return (await this.request('POST', '/signing-key/rotate', { withdraw })).public_keys;
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
   * @param {Values.RequestQuery & Values.RequestPart} [query]
   * @returns {Promise<Values.Exchange[]>}
   */
  async requests(query) {
    return this.request('GET', '/requests', undefined, query);
  }

  /**
   * The number of requests that a query selects.
   * @param {Values.RequestQuery} [query]
   * @returns {Promise<number>}
   */
  async countRequests(query) {
    return (await this.request('GET', '/requests/count', undefined, query)).count;
  }

  /** Deletes the stored requests. */
  async forgetRequests() {
    await this.request('DELETE', '/requests');
  }

  /**
   * The requests that the endpoint received since the start or the last reset, to send them again.
   * It is JSON that can be stored.
   * @returns {Promise<Values.Recording>}
   */
  async recording() {
    return this.request('GET', '/recording');
  }

  /**
   * Sends the requests of a recording in order, as the Manager, and advances the clock by the gaps
   * between them.
   * @param {Values.Recording} recording
   * @returns {Promise<Values.Replay>}
   */
  async replay(recording) {
    /** @type {{ requests: Values.Replayed[] }} */
    const { requests } = await this.request('POST', '/recording/replay', recording);
    return { requests, differences: requests.filter(({ status, recorded }) => status !== recorded) };
  }

  /**
   * The names of the snapshots.
   * @returns {Promise<string[]>}
   */
  async snapshots() {
    return this.request('GET', '/snapshots');
  }

  /**
   * Saves the whole state under a name. Do so while no request is in flight.
   * @param {string} name
   */
  async saveSnapshot(name) {
    await this.request('POST', `/snapshots/${encodeURIComponent(name)}`);
  }

  /**
   * Resets the harness, and restores the state of a snapshot. All instants move to the present.
   * @param {string} name
   */
  async loadSnapshot(name) {
    await this.request('POST', `/snapshots/${encodeURIComponent(name)}/load`);
  }

  /**
   * Writes a snapshot to a file, to share it.
   * @param {string} name
   * @param {string | URL} file
   */
  async exportSnapshot(name, file) {
    const snapshot = await this.request('GET', `/snapshots/${encodeURIComponent(name)}`);
    await writeFile(file, JSON.stringify(snapshot));
  }

  /**
   * Reads a snapshot of this or another harness from a file, and stores it under a name.
   * @param {string} name
   * @param {string | URL} file
   */
  async importSnapshot(name, file) {
    const snapshot = JSON.parse(await readFile(file, 'utf8'));
    await this.request('PUT', `/snapshots/${encodeURIComponent(name)}`, snapshot);
  }

  /**
   * Deletes a snapshot.
   * @param {string} name
   */
  async deleteSnapshot(name) {
    await this.request('DELETE', `/snapshots/${encodeURIComponent(name)}`);
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
   * Sets what a service does with the next callbacks, or with all without `times`; with `when`, only
   * with callbacks that meet the condition.
   * @param {string} service
   * @param {Values.Behaviour} behaviour
   * @param {number} [times]
   * @param {Values.Condition} [when]
   */
  async setBehaviour(service, behaviour, times, when) {
    await this.request('PUT', `/services/${encodeURIComponent(service)}/behaviour`, { behaviour, times, when });
  }

  /**
   * Sets what a service does with the next callbacks, one behaviour for each.
   * @param {string} service
   * @param {Values.Behaviour[]} behaviours
   */
  async setBehavioursInTurn(service, behaviours) {
    await this.request('PUT', `/services/${encodeURIComponent(service)}/behaviour`, { in_turn: behaviours });
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
