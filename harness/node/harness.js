// A harness as a process of a test run.

const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const { setTimeout } = require('node:timers/promises');

const { findCommand } = require('./command.js');
const { Control } = require('./control.js');
const { HarnessFailed } = require('./failed.js');

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Readable, Writable } from 'node:stream' */
/** @import { Info } from './values.js' */

/** Timeout for the start in ms. A start takes less than a second. */
const START_TIMEOUT = 60_000;

/** Timeout for stopping in ms. */
const STOP_TIMEOUT = 10_000;

/** How long a harness that does not respond is expected to exit, in ms. */
const EXIT_TIMEOUT = 1_000;

/**
 * A harness.
 *
 * ```js
 * const harness = await new Harness().start();
 * ```
 */
class Harness extends Control {
  #options;
  #output = '';
  /** @type {ChildProcess | undefined} */
  #process;
  /** @type {Promise<string> | undefined} */
  #exited;
  /** @type {Info | undefined} */
  #info;
  #kill = () => void this.#process?.kill();

  /**
   * A harness with further options of `harness up`, such as `--service=billing=http://…`.
   * @param {...string} options
   */
  constructor(...options) {
    super();
    this.#options = options;
  }

  /** Addresses, instance and API keys. */
  get info() {
    if (!this.#info) {
      throw new HarnessFailed('the harness is not started: call start() first');
    }
    return this.#info;
  }

  /** Starts the harness. Resolves to it when it is ready. */
  async start() {
    const command = findCommand();
    // Its standard input closes when this process exits for any reason.
    const harness = spawn(command, ['up', '--json', '--port', '0', '--until-eof', ...this.#options], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process = harness;
    harness.stderr.setEncoding('utf8').on('data', (text) => {
      this.#output += text;
    });
    this.#exited = new Promise((resolve) => {
      harness.once('error', (error) => {
        resolve(`${command} cannot be started (${error.message}): set KEYSYNC_HARNESS_BIN to the path of \`harness\``);
      });
      harness.once('close', (code, signal) => {
        resolve(`it exited with ${code ?? signal} and printed:\n${this.#output || '(nothing)'}`);
      });
    });
    process.once('exit', this.#kill);
    this.#info = await this.#ready(harness.stdout);
    this.connect(this.#info.control);
    return this;
  }

  /**
   * @param {Readable} stdout
   * @returns {Promise<Info>}
   */
  async #ready(stdout) {
    const timer = globalThis.setTimeout(() => this.#process?.kill('SIGKILL'), START_TIMEOUT);
    try {
      for await (const line of createInterface({ input: stdout })) {
        return JSON.parse(line);
      }
    } finally {
      clearTimeout(timer);
    }
    process.off('exit', this.#kill);
    throw new HarnessFailed(`the harness did not start; ${await this.#exited}`);
  }

  /** The id of its process. */
  get processId() {
    return this.#process?.pid;
  }

  /** Rejects with its output if the harness has exited. */
  async assertRunning() {
    const harness = this.#process;
    if (harness && (harness.exitCode !== null || harness.signalCode !== null)) {
      throw new HarnessFailed(`the harness is no longer running; ${await this.#exited}`);
    }
  }

  /**
   * Sends a request, as `Control` does. If the harness has exited, the error has its output.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {object} [query]
   */
  async request(method, path, body, query) {
    try {
      return await super.request(method, path, body, query);
    } catch (error) {
      if (error instanceof HarnessFailed && error.cause) {
        // No response: the harness may be about to exit.
        await Promise.race([this.#exited, setTimeout(EXIT_TIMEOUT, undefined, { ref: false })]);
        await this.assertRunning();
      }
      throw error;
    }
  }

  /** Resets keys, services and faults, but not the clock. Addresses and API keys stay. */
  async reset() {
    this.#info = await super.reset();
    return this.#info;
  }

  /** Stops the harness and all its processes. */
  async stop() {
    const timer = globalThis.setTimeout(() => this.#process?.kill('SIGKILL'), STOP_TIMEOUT);
    this.#kill();
    await this.#exited;
    clearTimeout(timer);
    process.off('exit', this.#kill);
  }
}

exports.Harness = Harness;
