// The keysync harness for tests in Node: the functions and their dependencies on this machine.
//
// Copy this file into your tests. Requires the command `harness` and Node 20 or later, but no
// packages.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The default command, unless KEYSYNC_HARNESS_BIN is set. */
const DEFAULT_COMMAND = fileURLToPath(new URL('../../target/debug/harness', import.meta.url));

/** Timeout for the start in ms. A start takes less than a second. */
const START_TIMEOUT = 60_000;

/** Timeout for stopping in ms. */
const STOP_TIMEOUT = 10_000;

/** Timeout for a request to the control API in ms. */
const REQUEST_TIMEOUT = 60_000;

/** A running harness. `about` is the output of `harness up --json`. */
export class Harness {
  #process;
  #output = '';
  #exited;

  /**
   * Starts a harness with further options of `harness up`, such as `--service=billing=http://…`.
   */
  static async start(...options) {
    const harness = new Harness(process.env.KEYSYNC_HARNESS_BIN || DEFAULT_COMMAND, options);
    harness.about = await harness.#ready();
    return harness;
  }

  constructor(program, options) {
    // Its standard input closes when this process exits for any reason.
    this.#process = spawn(program, ['up', '--json', '--port', '0', '--until-eof', ...options], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#output += text;
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        resolve(`${program} cannot be started (${error.message}): build it, or set KEYSYNC_HARNESS_BIN to its path`);
      });
      this.#process.once('close', (code, signal) => {
        resolve(`it exited with ${code ?? signal} and printed:\n${this.#output || '(nothing)'}`);
      });
    });
    process.once('exit', () => this.#process.kill());
  }

  async #ready() {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), START_TIMEOUT);
    try {
      for await (const line of createInterface({ input: this.#process.stdout })) {
        return JSON.parse(line);
      }
    } finally {
      clearTimeout(timer);
    }
    throw new Error(`the harness did not start; ${await this.#exited}`);
  }

  /** Throws with its output if the harness has exited. */
  async assertRunning() {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`the harness is no longer running; ${await this.#exited}`);
    }
  }

  /** Stops the harness and all its processes. */
  async stop() {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT);
    this.#process.kill();
    await this.#exited;
    clearTimeout(timer);
  }

  // The operations of the control API that these tests need. GET /_harness/openapi.json describes
  // all of them.

  /**
   * Sends a request to the control API. Resolves to the JSON of the response, or undefined without
   * a body.
   */
  async control(method, path, body, query = {}) {
    const url = new URL(`${this.about.control}${path}`);
    url.search = new URLSearchParams(query);
    const request = { method, signal: AbortSignal.timeout(REQUEST_TIMEOUT) };
    if (body !== undefined) {
      request.headers = { 'content-type': 'application/json' };
      request.body = JSON.stringify(body);
    }
    const response = await fetch(url, request).catch(async (error) => {
      await this.assertRunning();
      throw error;
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${url} ${request.body ?? ''}: ${response.status} ${text}`);
    }
    return text ? JSON.parse(text) : undefined;
  }

  /** Resets keys, services and faults, but not the clock. */
  async reset() {
    await this.control('POST', '/reset');
  }

  /** Advances the clock by a duration such as `1h` or `61m`. */
  async advanceClock(duration) {
    await this.control('POST', '/time', { advance: duration });
  }

  /** Runs the function `redeliver` once, as the schedule does every minute. */
  async redeliver() {
    return this.control('POST', '/redeliver');
  }

  /**
   * Creates an identity with roles such as `reader` or `key-purge`. Resolves to its `api_key` and
   * `access_token`.
   */
  async createIdentity(...roles) {
    return this.control('POST', '/iam/tokens', { roles });
  }

  /** Sets the health of IAM: `up`, `down` or `{ slow: { millis: 500 } }`. */
  async setIamHealth(health) {
    await this.control('PUT', '/iam/health', { health });
  }

  /** Creates a root key that protects a resource of each of these services. Resolves to its id. */
  async key(name, protects = []) {
    const resources = protects.map((service) => ({ service, resource: `${name}-${service}` }));
    return (await this.control('POST', '/keys', { name, protects: resources })).id;
  }

  /**
   * Sets how a service responds to the next callbacks: `act`, `ack-without-acting`, `hang`,
   * `{ respond: { status: 503 } }`…
   */
  async setBehaviour(service, behaviour, times) {
    await this.control('PUT', `/services/${service}/behaviour`, { behaviour, times });
  }

  /**
   * The callbacks to a service, oldest first. Filters by `key`, and waits for `at_least: 2`
   * callbacks.
   */
  async callbacks(service, query) {
    return (await this.control('GET', `/services/${service}/callbacks`, undefined, query)).callbacks;
  }

  /** The CloudEvents about a key that a service received, oldest first. */
  async events(service, key) {
    return (await this.callbacks(service, { key })).map((callback) => JSON.parse(callback.body));
  }

  /** Injects a fault into a function's next DynamoDB calls: `throttle`, `fail`, `lose-response`… */
  async injectDynamodbFault(fault, times, { function: name = 'sync', operation } = {}) {
    await this.control('POST', '/dynamodb/faults', { function: name, fault, times, operation });
  }
}
