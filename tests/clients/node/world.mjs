// What each test file starts with: a harness of its own, the public client, keys.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, afterEach, before } from 'node:test';

import { Harness } from '../../../examples/node/harness.mjs';

const require = createRequire(import.meta.url);
const KeyProtect = require('@ibm-cloud/ibm-key-protect/ibm-key-protect-api/v2');
const { IamAuthenticator } = require('@ibm-cloud/ibm-key-protect/auth');

export const OBJECT_STORAGE = 'cloud-object-storage';
export const DATABASES = 'databases-for-postgresql';
export const KEYS = 'application/vnd.ibm.kms.key+json';
export const POLICIES = 'application/vnd.ibm.kms.policy+json';

/** A harness for the tests of a file, and what they do with it. Each test has keys of its own. */
export function world() {
  const world = new World();
  before(async () => {
    world.harness = await Harness.start();
    world.instance = world.harness.about.instance_id;
    world.kms = world.clientOf(world.harness.about.api_key);
  });
  // No test finds what another one has broken.
  afterEach(async () => {
    await world.harness.mustRun();
    await world.harness.control('DELETE', '/dynamodb/faults');
    await world.harness.iamIs('up');
  });
  after(() => world.harness?.end());
  return world;
}

class World {
  /** The public client, as somebody with an API key, whom IAM gives a token. */
  clientOf(apikey, options = {}) {
    const authenticator = new IamAuthenticator({ apikey, url: this.harness.about.iam });
    return new KeyProtect({ authenticator, serviceUrl: this.harness.about.endpoint, ...options });
  }

  /** The public client, as somebody new with this role. */
  async as(role) {
    return this.clientOf((await this.harness.somebody(role)).api_key);
  }

  /** The parameters that name a key to the client, and what else a call takes. */
  of(id, parameters = {}) {
    return { id, bluemixInstance: this.instance, ...parameters };
  }

  /** Makes a root key, where `fields` do not say otherwise. Resolves to its id. */
  async newKey(fields, parameters) {
    return only(await this.createKey(fields, parameters)).id;
  }

  async createKey(fields, parameters) {
    const body = buffer(collection(KEYS, { type: KEYS, name: unique('key'), extractable: false, ...fields }));
    return this.kms.createKey({ bluemixInstance: this.instance, body, ...parameters });
  }

  async newRing() {
    const ring = unique('ring');
    await this.kms.createKeyRing({ keyRingId: ring, bluemixInstance: this.instance });
    return ring;
  }

  async metadata(id) {
    return only(await this.kms.getKeyMetadata(this.of(id)));
  }

  /** A root key that protects a bucket and a database. */
  async protectingKey() {
    const key = await this.newKey();
    await this.register(key, OBJECT_STORAGE);
    await this.register(key, DATABASES);
    return key;
  }

  /** Registers a resource with a key, as its service does. The client has no method for that. */
  async register(key, service, fields) {
    const crn = `crn:v1:bluemix:public:${service}:us-south:a/abc:${this.instance}:bucket:${unique('bucket')}`;
    const { about } = this.harness;
    const kind = 'application/vnd.ibm.kms.registration_input+json';
    const answer = await fetch(`${about.endpoint}/api/v2/keys/${key}/registrations/${encodeURIComponent(crn)}`, {
      method: 'POST',
      headers: {
        'bluemix-instance': this.instance,
        'content-type': 'application/json',
        authorization: `Bearer ${await this.kms.getAuthenticator().tokenManager.getToken()}`,
      },
      body: JSON.stringify(collection(kind, { preventKeyDeletion: false, ...fields })),
    });
    assert.equal(answer.status, 201, await answer.text());
    return crn;
  }

  /** How often each of the two services was told about a key. */
  async told(key) {
    const told = await Promise.all([OBJECT_STORAGE, DATABASES].map((each) => this.harness.events(each, key)));
    return told.map((events) => events.length);
  }
}

/** A name that no other test has. */
export function unique(name) {
  return `${name}-${randomUUID().slice(0, 13)}`;
}

export function collection(collectionType, ...resources) {
  return { metadata: { collectionType, collectionTotal: resources.length }, resources };
}

/** A body as the client wants it. */
export function buffer(document) {
  return Buffer.from(JSON.stringify(document));
}

/** The only resource of an answer's collection. */
export function only({ result }) {
  assert.equal(result.metadata.collectionTotal, 1);
  assert.equal(result.resources.length, 1);
  return result.resources[0];
}

/** The refusal that a call ends with, as the client parsed it. */
export async function refusal(call) {
  const error = await call.then(
    (answer) => assert.fail(`it was not refused: ${answer.status} ${JSON.stringify(answer.result)}`),
    (error) => error,
  );
  assert.ok(error.body, `no answer: ${error.stack}`);
  const { metadata, resources } = JSON.parse(error.body);
  assert.deepEqual(metadata, { collectionType: 'application/vnd.ibm.kms.error+json', collectionTotal: 1 });
  const { errorMsg, reasons } = resources[0];
  const [{ code, message, status }] = reasons;
  assert.equal(status, error.status);
  assert.ok(errorMsg.endsWith(`(${code})`), errorMsg);
  return { status, code, message, errorMsg, headers: error.headers };
}

/** Whether a date is written as the service writes them: RFC 3339, UTC, whole seconds. */
export function assertDate(text) {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
}
