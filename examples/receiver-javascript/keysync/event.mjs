// The content of a callback.

import { Rejected } from './rejected.mjs';
import { Malformed, asObject, integer64, parseJson, text } from './strict_json.mjs';
import { short } from './text.mjs';

export const KEY_STATES = { 1: 'active', 2: 'suspended', 3: 'deactivated', 5: 'destroyed' };

/** Parses a body whose signature was verified together with `webhookId`. Unknown fields are ignored. */
export function parseEvent(body, webhookId, service) {
  let event;
  try {
    event = readEvent(asObject(parseJson(body)));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Rejected('body', `the signed body is not a valid key event: ${short(error.message)}`);
  }
  const { specversion, type, subject, ...notification } = event;
  for (const [name, found, expected] of [
    ['specversion', specversion, '1.0'],
    ['type', type, `com.ibm.cloud.kms.key.${notification.action}`],
    ['subject', subject, notification.keyId],
  ]) {
    if (found !== expected) throw new Rejected('body', `\`${name}\` must be ${short(expected)}: got ${short(found)}`);
  }
  if (notification.eventId !== webhookId) {
    throw new Rejected('id', `\`webhook-id\` must be the event's id ${short(notification.eventId)}: got ${short(webhookId)}`);
  }
  if (notification.service !== service) {
    throw new Rejected('service', `the event is for the service ${short(notification.service)}, and this is the receiver of `
      + `${short(service)}: the operator has configured this address for both, the name of the service is wrong here, or a `
      + 'receiver of the other one sent it on');
  }
  return notification;
}

function readEvent(event) {
  const data = asObject(event.get('data'));
  const version = asObject(data.get('keyVersion'));
  const string = (fields, name) => text(fields.get(name), name);
  const found = {
    specversion: string(event, 'specversion'),
    type: string(event, 'type'),
    subject: string(event, 'subject'),
    eventId: string(event, 'id'),
    source: string(event, 'source'),
    time: string(event, 'time'),
    sequence: integer64(/^[0-9]{1,20}$/.exec(string(event, 'sequence'))?.[0], 'sequence'),
    service: string(data, 'service'),
    keyId: string(data, 'keyId'),
    keyCrn: string(data, 'keyCrn'),
    keyState: Number(integer64(data.get('keyState')?.number, 'keyState')),
    keyVersion: { id: string(version, 'id'), creationDate: string(version, 'creationDate') },
    action: string(data, 'eventType'),
    renotification: data.get('renotification'),
    occurredAt: string(data, 'occurredAt'),
    resourceCount: integer64(data.get('resourceCount')?.number, 'resourceCount'),
  };
  if (typeof found.renotification !== 'boolean') throw new Malformed('`renotification` must be true or false');
  if (!(found.keyState in KEY_STATES)) throw new Malformed(`key state must be 1, 2, 3 or 5: got ${found.keyState}`);
  return found;
}
