// The verdict of the receiver kit in JavaScript on each callback of standard input; kits.py
// describes the lines.

import { createInterface } from 'node:readline';

import { InvalidKey, Rejected, Verifier } from '../../../examples/receiver-javascript/keysync.mjs';

const bytes = (text) => Buffer.from(text, 'base64');

function verifier(service, source) {
  const at = source.indexOf('=');
  const kind = source.slice(0, at);
  const values = source.slice(at + 1);
  if (kind === 'set') return Verifier.fromJwks(service, bytes(values));
  return new Verifier(service, values.split(',').filter(Boolean).map((key) => bytes(key.slice(1)).toString()));
}

async function judge(line) {
  const [source, now, service, body, headers] = line.split(' ');
  const found = {};
  for (const pair of headers.split(',').filter(Boolean)) {
    const [name, value] = pair.split(':').map((part) => bytes(part).toString('latin1'));
    (found[name] ??= []).push(value);
  }
  try {
    const { eventId, keyId, sequence, keyState, action, renotification, resourceCount } = await verifier(
      bytes(service).toString(), source,
    ).verify(found, bytes(body.slice(1)), new Date(Number(now)));
    const texts = [eventId, keyId, action].map((text) => Buffer.from(text).toString('base64'));
    return `accepted ${texts.join(' ')} ${sequence} ${keyState} ${renotification} ${resourceCount}`;
  } catch (error) {
    if (error instanceof Rejected) return `rejected ${error.code} ${error.status}`;
    if (error instanceof InvalidKey) return `invalid ${error.code} ${error.place ?? 0}`;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(await judge(line));
