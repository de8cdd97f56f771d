// The sync API as a user would write it in Node, for `harness bench --peers`.
//
// `powertools` verifies the token, asks IAM, claims with a conditional write, sends a signed
// callback and confirms it. `bare` does only the conditional write and the callback: it calls no
// IAM, and delivers nothing again.

import { createPrivateKey, randomUUID, sign } from "node:crypto";

import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { createRemoteJWKSet, jwtVerify } from "jose";

const HOUR = 3_600_000;
const IAM = process.env.KEYSYNC_IAM_URL;
const ISSUER = process.env.KEYSYNC_IAM_ISSUER ?? "https://iam.cloud.ibm.com/identity";
const TABLE = process.env.KEYSYNC_TABLE;
const SERVICES = JSON.parse(process.env.KEYSYNC_SERVICES);
const SEED = Buffer.from(process.env.KEYSYNC_SIGNING_KEY.split(" ")[0].slice(5), "base64");
// An Ed25519 private key in PKCS #8 is this prefix and its seed.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SIGNING_KEY = createPrivateKey({
  key: Buffer.concat([PKCS8, SEED.subarray(0, 32)]),
  format: "der",
  type: "pkcs8",
});
const OPEN = "(attribute_not_exists(notified_at) OR notified_at < :open)";
const CLAIM =
  "SET notified_at = :now, claim = :claim, #caller = :caller, " +
  "#sequence = if_not_exists(#sequence, :zero) + :one, pending = services, outcome = :empty";

const dynamodb = new DynamoDBClient({ region: process.env.AWS_REGION });
const keys = createRemoteJWKSet(new URL(`${IAM}/identity/keys`));
const logger = new Logger({ serviceName: "sync" });
const metrics = new Metrics({ namespace: "sync", serviceName: "sync" });
const decisions = new Map();

/** The claims of a valid token; `undefined` for an invalid one. */
async function verified(token) {
  try {
    const options = { algorithms: ["RS256"], issuer: ISSUER, clockTolerance: 60 };
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    logger.warn("token rejected", error);
    return undefined;
  }
}

/** Asks IAM whether the caller may sync the key, unless it is known. */
async function isPermitted(token, caller, crn) {
  const known = `${caller} ${crn}`;
  if ((decisions.get(known) ?? 0) > Date.now()) return true;
  const subject = { attributes: { id: caller, scope: "ibm openid" } };
  const response = await fetch(`${IAM}/v2/authz`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify([{ subject, action: "kms.secrets.sync", resource: { crn } }]),
    signal: AbortSignal.timeout(5000),
  });
  const { permitted, obligation } = (await response.json()).responses[0].authorizationDecision;
  if (permitted) decisions.set(known, Date.now() + 1000 * obligation.maxCacheAgeSeconds);
  return permitted;
}

/** A conditional write of a key's item. `undefined` if its condition fails. */
async function update(pk, condition, effect, values, names, returns = "ALL_NEW") {
  try {
    const { Attributes } = await dynamodb.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: marshall({ pk, sk: "key" }),
        ConditionExpression: condition,
        UpdateExpression: effect,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: marshall(values),
        ReturnValues: returns,
      }),
    );
    return unmarshall(Attributes ?? {});
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

async function post(url, body, headers) {
  const signal = AbortSignal.timeout(5000);
  const response = await fetch(url, { method: "POST", body, headers, signal, redirect: "manual" });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the service responded with ${response.status}`);
}

/** Sends a service its signed event. */
async function callback(item, service) {
  const [instance, key] = item.crn.split(":key:");
  const id = `${key}_${item.claim}_${service}`;
  const at = (millis) => new Date(millis).toISOString();
  const body = JSON.stringify({
    specversion: "1.0",
    id,
    source: `${instance}::`,
    type: `com.ibm.cloud.kms.key.${item.event.action}`,
    subject: key,
    time: at(item.notified_at),
    datacontenttype: "application/json",
    sequence: String(item.sequence).padStart(20, "0"),
    data: {
      keyId: key,
      keyCrn: item.crn,
      keyState: item.state,
      keyVersion: { id: item.version.id, creationDate: at(item.version.created_at) },
      eventType: item.event.action,
      renotification: true,
      occurredAt: at(item.event.at),
      service,
      resourceCount: item.pending[service],
    },
  });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = sign(null, Buffer.from(`${id}.${timestamp}.${body}`), SIGNING_KEY);
  await post(SERVICES[service].url, body, {
    "content-type": "application/cloudevents+json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1a,${signature.toString("base64")}`,
  });
}

function failure(statusCode, code) {
  const headers = { "content-type": "application/json" };
  return { statusCode, headers, body: JSON.stringify({ reasons: [{ code }] }) };
}

/** The function with Powertools. */
export async function powertools(event, context) {
  logger.addContext(context);
  try {
    const token = (event.headers.authorization ?? "").split(" ")[1];
    const claims = await verified(token);
    if (claims === undefined) return failure(401, "UNAUTHORIZED_ERR");
    const [key, instance] = [event.rawPath.split("/")[4], event.headers["bluemix-instance"]];
    const account = `crn:v1:bluemix:public:hs-crypto:us-south:a/${claims.account.bss}`;
    const [caller, crn] = [claims.iam_id, `${account}:${instance}:key:${key}`];
    if (!(await isPermitted(token, caller, crn))) return failure(401, "UNAUTHORIZED_ERR");

    const [pk, now, claim] = [`${instance}#${key}`, Date.now(), randomUUID()];
    const values = { ":now": now, ":open": now - HOUR, ":claim": claim, ":caller": caller };
    Object.assign(values, { ":zero": 0, ":one": 1, ":empty": {}, ":root": "root", ":crn": crn });
    const names = { "#caller": "caller", "#sequence": "sequence" };
    const condition = `crn = :crn AND key_type = :root AND ${OPEN}`;
    const item = await update(pk, condition, CLAIM, values, names);
    if (item === undefined) return failure(409, "REQ_TOO_EARLY_ERR");

    const services = Object.keys(item.pending);
    await Promise.all(services.map((service) => callback(item, service)));
    const results = services.map((service) => [service, { status: "delivered", at: now }]);
    const settled = { ":claim": claim, ":outcome": Object.fromEntries(results), ":none": {} };
    const confirm = "SET outcome = :outcome, pending = :none";
    await update(pk, "claim = :claim", confirm, settled, undefined, "NONE");
    metrics.addMetric("Accepted", MetricUnit.Count, 1);
    logger.info("sync accepted", { key, claim, services: services.length });
    return { statusCode: 204 };
  } finally {
    metrics.publishStoredMetrics();
  }
}

/** The function with a bare conditional write. */
export async function bare(event) {
  const key = event.rawPath.split("/")[4];
  const now = Date.now();
  const values = { ":now": now, ":open": now - HOUR };
  const pk = `${event.headers["bluemix-instance"]}#${key}`;
  const condition = `attribute_exists(pk) AND ${OPEN}`;
  const item = await update(pk, condition, "SET notified_at = :now", values);
  if (item === undefined) return { statusCode: 409 };
  const body = JSON.stringify({ key, action: item.event.action });
  const headers = { "content-type": "application/json" };
  const services = Object.keys(item.services);
  await Promise.all(services.map((service) => post(SERVICES[service].url, body, headers)));
  return { statusCode: 204 };
}
