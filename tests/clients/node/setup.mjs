// Setup of each test file: a harness, the public client, keys.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, afterEach, before } from 'node:test';

import { Harness } from '../../../harness/node/index.js';

const require = createRequire(import.meta.url);
const KeyProtect = require('@ibm-cloud/ibm-key-protect/ibm-key-protect-api/v2');
const { IamAuthenticator } = require('@ibm-cloud/ibm-key-protect/auth');

export const OBJECT_STORAGE = 'cloud-object-storage';
export const DATABASES = 'databases-for-postgresql';
export const KEYS = 'application/vnd.ibm.kms.key+json';
export const POLICIES = 'application/vnd.ibm.kms.policy+json';

/** Starts a harness for the tests of a file. Each test creates its own keys. */
export function setup() {
  const setup = new Setup();
  before(async () => {
    setup.harness = await new Harness().start();
    setup.instance = setup.harness.info.instance_id;
    setup.kms = setup.clientOf(setup.harness.info.api_key);
  });
  // Removes the faults of a test before the next one.
  afterEach(async () => {
    await setup.harness.assertRunning();
    await setup.harness.clearDynamodbFaults();
    await setup.harness.setIamHealth('up');
  });
  after(() => setup.harness?.stop());
  return setup;
}

class Setup {
  /** Creates the public client with an API key. */
  clientOf(apikey, options = {}) {
    const authenticator = new IamAuthenticator({ apikey, url: this.harness.info.iam });
    return new KeyProtect({ authenticator, serviceUrl: this.harness.info.endpoint, ...options });
  }

  /** Creates the public client for a new identity with this role. */
  async as(role) {
    return this.clientOf((await this.harness.createIdentity(role)).api_key);
  }

  /** The parameters of a call for a key. */
  of(id, parameters = {}) {
    return { id, bluemixInstance: this.instance, ...parameters };
  }

  /** Creates a key, by default a root key. Resolves to its id. */
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

  /** Creates a root key that protects a bucket and a database. */
  async protectingKey() {
    const key = await this.newKey();
    await this.register(key, OBJECT_STORAGE);
    await this.register(key, DATABASES);
    return key;
  }

  /**
   * Registers a resource with a key as its service does, because the client has no method for that.
   */
  async register(key, service, fields) {
    const crn = `crn:v1:bluemix:public:${service}:us-south:a/abc:${this.instance}:bucket:${unique('bucket')}`;
    const { info } = this.harness;
    const kind = 'application/vnd.ibm.kms.registration_input+json';
    const response = await fetch(`${info.endpoint}/api/v2/keys/${key}/registrations/${encodeURIComponent(crn)}`, {
      method: 'POST',
      headers: {
        'bluemix-instance': this.instance,
        'content-type': 'application/json',
        authorization: `Bearer ${await this.kms.getAuthenticator().tokenManager.getToken()}`,
      },
      body: JSON.stringify(collection(kind, { preventKeyDeletion: false, ...fields })),
    });
    assert.equal(response.status, 201, await response.text());
    return crn;
  }

  /** The number of events about a key at each of the two services. */
  async eventCounts(key) {
    const events = await Promise.all([OBJECT_STORAGE, DATABASES].map((each) => this.harness.events(each, key)));
    return events.map(({ length }) => length);
  }
}

/** A unique name. */
export function unique(name) {
  return `${name}-${randomUUID().slice(0, 13)}`;
}

export function collection(collectionType, ...resources) {
  return { metadata: { collectionType, collectionTotal: resources.length }, resources };
}

/** A body in the form that the client requires. */
export function buffer(document) {
  return Buffer.from(JSON.stringify(document));
}

/** The only resource in the collection of a response. */
export function only({ result }) {
  assert.equal(result.metadata.collectionTotal, 1);
  assert.equal(result.resources.length, 1);
  return result.resources[0];
}

/** The error response of a call, as parsed by the client. */
export async function errorResponse(call) {
  const error = await call.then(
    (response) => assert.fail(`expected an error response: ${response.status} ${JSON.stringify(response.result)}`),
    (error) => error,
  );
  assert.ok(error.body, `no response: ${error.stack}`);
  const { metadata, resources } = JSON.parse(error.body);
  assert.deepEqual(metadata, { collectionType: 'application/vnd.ibm.kms.error+json', collectionTotal: 1 });
  const { errorMsg, reasons } = resources[0];
  const [{ code, message, status }] = reasons;
  assert.equal(status, error.status);
  assert.ok(errorMsg.endsWith(`(${code})`), errorMsg);
  return { status, code, message, errorMsg, headers: error.headers };
}

/** Asserts that a date is RFC 3339 in UTC with whole seconds. */
export function assertDate(text) {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
}
