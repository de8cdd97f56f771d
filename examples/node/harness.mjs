// The keysync harness for tests in Node: all that is around the functions, on this machine.
//
// Copy this file into your tests. It takes the command `harness`, and Node 20 or later; no packages.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command, where KEYSYNC_HARNESS_BIN does not name it. */
const DEFAULT_COMMAND = fileURLToPath(new URL('../../target/debug/harness', import.meta.url));

/** How long it may take to start, in ms. It takes less than a second. */
const READY_WITHIN = 60_000;

/** How long it may take to end, in ms. */
const ENDED_WITHIN = 10_000;

/** How long a request to the control API may take, in ms. */
const ANSWERED_WITHIN = 60_000;

/** A running harness. What `harness up --json` said of it is in `about`. */
export class Harness {
  #process;
  #said = '';
  #ended;

  /** Starts one. `options` are more options of `harness up`, such as `--service=billing=http://…`. */
  static async start(...options) {
    const harness = new Harness(process.env.KEYSYNC_HARNESS_BIN || DEFAULT_COMMAND, options);
    harness.about = await harness.#ready();
    return harness;
  }

  constructor(program, options) {
    // Its standard input ends with this process, however that ends.
    this.#process = spawn(program, ['up', '--json', '--port', '0', '--until-eof', ...options], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#said += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        resolve(`${program} cannot be started (${error.message}): build it, or name it in KEYSYNC_HARNESS_BIN`);
      });
      this.#process.once('close', (code, signal) => {
        resolve(`it ended with ${code ?? signal} and said:\n${this.#said || '(nothing)'}`);
      });
    });
    process.once('exit', () => this.#process.kill());
  }

  async #ready() {
    const givingUp = setTimeout(() => this.#process.kill('SIGKILL'), READY_WITHIN);
    try {
      for await (const line of createInterface({ input: this.#process.stdout })) {
        return JSON.parse(line);
      }
    } finally {
      clearTimeout(givingUp);
    }
    throw new Error(`the harness did not come up; ${await this.#ended}`);
  }

  /** Throws, with what it said, if the harness has ended. */
  async mustRun() {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`the harness is no longer there; ${await this.#ended}`);
    }
  }

  /** Ends it, and all that it started. */
  async end() {
    const givingUp = setTimeout(() => this.#process.kill('SIGKILL'), ENDED_WITHIN);
    this.#process.kill();
    await this.#ended;
    clearTimeout(givingUp);
  }

  // The control API, as far as these tests need it. GET /_harness/openapi.json says all that there is.

  /** Sends a request to the control API. Resolves to the answer's JSON, or undefined where there is none. */
  async control(method, path, body, query = {}) {
    const url = new URL(`${this.about.control}${path}`);
    url.search = new URLSearchParams(query);
    const request = { method, signal: AbortSignal.timeout(ANSWERED_WITHIN) };
    if (body !== undefined) {
      request.headers = { 'content-type': 'application/json' };
      request.body = JSON.stringify(body);
    }
    const answer = await fetch(url, request).catch(async (error) => {
      await this.mustRun();
      throw error;
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${url} ${request.body ?? ''}: ${answer.status} ${text}`);
    }
    return text ? JSON.parse(text) : undefined;
  }

  /** Keys, services and faults as they were at the start. It stays as late as it is. */
  async reset() {
    await this.control('POST', '/reset');
  }

  /** Makes it later, by a duration such as `1h` or `61m`. */
  async travel(duration) {
    await this.control('POST', '/time', { advance: duration });
  }

  /** Tells the services what they were not told before, as `redeliver` does every minute. */
  async redeliver() {
    return this.control('POST', '/redeliver');
  }

  /** Somebody new with roles, such as `reader`, `manager` or `key-purge`: an `api_key`, and an `access_token`. */
  async somebody(...roles) {
    return this.control('POST', '/iam/tokens', { roles });
  }

  /** IAM is `up`, `down` or `{ slow: { millis: 500 } }` from now on. */
  async iamIs(health) {
    await this.control('PUT', '/iam/health', { health });
  }

  /** Makes a root key that protects a resource of each of these services. Resolves to its id. */
  async key(name, protects = []) {
    const resources = protects.map((service) => ({ service, resource: `${name}-${service}` }));
    return (await this.control('POST', '/keys', { name, protects: resources })).id;
  }

  /** How a service treats the callbacks that follow: `act`, `miss`, `hang`, `{ answer: { status: 503 } }`… */
  async behaves(service, behaviour, times) {
    await this.control('PUT', `/services/${service}/behaviour`, { behaviour, times });
  }

  /** What reached a service, oldest first; of one `key` only, or once there are `at_least: 2` of them. */
  async callbacks(service, query) {
    return (await this.control('GET', `/services/${service}/callbacks`, undefined, query)).callbacks;
  }

  /** The CloudEvents about a key that reached a service, oldest first. */
  async events(service, key) {
    return (await this.callbacks(service, { key })).map((callback) => JSON.parse(callback.body));
  }

  /** What goes wrong with a function's next calls to DynamoDB: `throttle`, `fail`, `lose-answer`… */
  async dynamodbFails(fault, times, { function: name = 'sync', operation } = {}) {
    await this.control('POST', '/dynamodb/faults', { function: name, fault, times, operation });
  }
}
