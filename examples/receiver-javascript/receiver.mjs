// A service that receives and verifies keysync's callbacks and keeps the newest state of each key.
//
//     KEYSYNC_SERVICE=cloud-object-storage KEYSYNC_KEY_SET_URL=https://…/.well-known/jwks.json node receiver.mjs
//
// README.md lists the settings and the paths.

import { createServer } from 'node:http';

import { KEY_STATES, KeySet, Latest, MAX_BODY, Rejected, ReplayGuard, Verifier, acknowledge } from './keysync.mjs';

const MAX_EFFECTS = 10_000;
const TIMEOUT = 10_000; // ms for a request

/** The settings in the environment, or throws with what is invalid. */
function settings(env) {
  const number = (name, fallback, most) => {
    const text = env[name] || fallback;
    if (!/^[0-9]{1,10}$/.test(text) || Number(text) > most) {
      throw new Error(`${name} must be an integer from 0 to ${most}: got ${JSON.stringify(text.slice(0, 20))}`);
    }
    return Number(text);
  };
  const keys = (env.KEYSYNC_PUBLIC_KEYS ?? '').split(',').filter((key) => key.trim());
  if (!env.KEYSYNC_SERVICE) throw new Error('KEYSYNC_SERVICE is missing: the name of this service in CRNs');
  if (Boolean(env.KEYSYNC_KEY_SET_URL) === (keys.length > 0)) {
    throw new Error('set either KEYSYNC_KEY_SET_URL or KEYSYNC_PUBLIC_KEYS');
  }
  const tolerance = number('KEYSYNC_TOLERANCE', '300', 9_999_999_999);
  const minPause = number('KEYSYNC_KEY_SET_PAUSE', '30', 86_400);
  const known = keys.length > 0 ? keys : new KeySet(env.KEYSYNC_KEY_SET_URL, { minPause });
  const verifier = new Verifier(env.KEYSYNC_SERVICE, known, { tolerance });
  return { verifier, port: number('KEYSYNC_PORT', '8071', 65_535), endpoint: env.KEYSYNC_ENDPOINT, token: env.KEYSYNC_TOKEN };
}

/** The service: everything it does with a callback, without HTTP. */
class Service {
  effects = []; // the ids of the newest events acted on, oldest first

  constructor({ verifier, endpoint, token }) {
    this.verifier = verifier;
    this.acknowledges = Boolean(endpoint && token);
    this.endpoint = endpoint;
    this.token = token;
    this.guard = new ReplayGuard(verifier.tolerance);
    this.latest = new Latest();
  }

  /** Processes a callback, or throws `Rejected`. */
  async receive(headers, body) {
    const now = new Date();
    const notification = await this.verifier.verify(headers, body, now);
    const { eventId, keyId, keyState, sequence } = notification;
    const verdict = this.guard.isNew(eventId, now) ? this.latest.offer(notification) : 'repeated';
    console.log(`${verdict}: key ${keyId} ${KEY_STATES[keyState]} sequence ${sequence}`);
    if (verdict !== 'newer') return;
    // Here a real service opens or closes its resources. If that fails, it calls `guard.forget` and
    // responds with 503.
    this.effects.push(eventId);
    if (this.effects.length > MAX_EFFECTS) this.effects.shift();
    if (this.acknowledges) {
      const state = keyState === 1 || keyState === 3 ? 'DEK_ENABLED' : 'DEK_DISABLED';
      acknowledge(this.endpoint, this.token, notification, state).catch((error) => console.log(`not acknowledged: ${error.message}`));
    }
  }
}

/** An error with the status of the response. */
class HttpError extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    Object.assign(this, { status, headers });
  }
}

/** Reads a body with a declared length of at most `MAX_BODY` bytes. */
async function readBody(request) {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  const close = { connection: 'close' };
  if (length === undefined && encoding === undefined) {
    throw new HttpError(411, 'a callback must have a `content-length` or be chunked', close);
  }
  const chunks = [];
  let size = Number(length ?? 0);
  if (size <= MAX_BODY) {
    size = 0;
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > MAX_BODY) break;
      chunks.push(chunk);
    }
  }
  if (size > MAX_BODY) throw new HttpError(413, `a callback has at most ${MAX_BODY} bytes`, close);
  return Buffer.concat(chunks);
}

function allow(request, method) {
  if (request.method !== method) throw new HttpError(405, `the method must be ${method}`, { allow: method });
}

/** The status and the JSON of the response. */
async function respond(service, request) {
  const [path] = request.url.split('?');
  if (path === '/callbacks') {
    allow(request, 'POST');
    await service.receive(request.headersDistinct, await readBody(request));
    return [204];
  }
  if (path === '/effects') {
    allow(request, 'GET');
    return [200, service.effects];
  }
  if (path.startsWith('/keys/')) {
    allow(request, 'GET');
    const latest = service.latest.get(path.slice('/keys/'.length));
    if (!latest) throw new HttpError(404, 'no notification about that key was received');
    return [200, { keyState: latest.keyState, sequence: Number(latest.sequence) }];
  }
  throw new HttpError(404, 'unknown path: callbacks go to /callbacks');
}

function serve(service, port) {
  const options = { maxHeaderSize: 64 * 1024, headersTimeout: TIMEOUT, requestTimeout: TIMEOUT, connectionsCheckingInterval: 1000 };
  const server = createServer(options, async (request, response) => {
    request.on('error', () => {}); // the client sent no more data or disconnected
    try {
      const [status, json] = await respond(service, request);
      response.writeHead(status, json && { 'content-type': 'application/json' });
      response.end(json && JSON.stringify(json));
    } catch (error) {
      if (error instanceof Rejected) console.log(`rejected: ${error.message}`);
      const status = error.status ?? 500;
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...error.headers });
      response.end(status === 500 ? 'a defect: see the log' : error.message);
      if (status === 500 && !request.errored) console.error(error);
    }
    request.resume(); // a rejected body, until the client or the timeout ends it
  });
  server.maxConnections = 128;
  server.httpAllowHalfOpen = true; // a client may close its side after the request and wait for the response
  server.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}/callbacks`));
}

try {
  const found = settings(process.env);
  serve(new Service(found), found.port);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
