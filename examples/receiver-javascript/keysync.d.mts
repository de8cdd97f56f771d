/** Types of the receiver kit; keysync.mjs has the code. */

export const DEFAULT_TOLERANCE: number;
export const MAX_BODY: number;
export const MAX_HEADER: number;
export const MAX_DEPTH: number;
export const MAX_KEY_SET: number;
export const KEY_STATES: Readonly<Record<KeyState, string>>;

/** 1 active, 2 suspended, 3 deactivated, 5 destroyed. */
export type KeyState = 1 | 2 | 3 | 5;

export type RejectionCode =
  | 'too-large' | 'header' | 'timestamp' | 'too-old' | 'too-new' | 'no-signature' | 'signature' | 'body' | 'id' | 'service'
  | 'key-set';

/** The reason to reject a callback. Respond with `status` and `message`. */
export class Rejected extends Error {
  constructor(code: RejectionCode, message: string);
  readonly code: RejectionCode;
  readonly status: 400 | 401 | 403 | 413 | 503;
}

/** A configured key is missing, malformed, unsafe or private. */
export class InvalidKey extends Error {
  constructor(code: InvalidKey['code'], message: string, place?: number);
  readonly code: 'none' | 'malformed' | 'unsafe' | 'private' | 'no-key-set';
  /** The position of the key in the list, starting at 1. */
  readonly place: number | undefined;
}

/** The content of a callback: the complete state of a key, independent of earlier callbacks. */
export interface Notification {
  /** The same for all attempts; an acknowledgement contains it. */
  readonly eventId: string;
  /** Increases with each notification of the key. */
  readonly sequence: bigint;
  /** The CRN of the key's key-management instance. */
  readonly source: string;
  /** Time of the notification, RFC 3339, UTC. */
  readonly time: string;
  /** The service that the event is for: yours. */
  readonly service: string;
  readonly keyId: string;
  readonly keyCrn: string;
  /** Determines what to do. */
  readonly keyState: KeyState;
  readonly keyVersion: { readonly id: string; readonly creationDate: string };
  /** The latest lifecycle action, which explains the state. */
  readonly action: string;
  /** Whether a sync caused this notification. */
  readonly renotification: boolean;
  /** Time of the action, RFC 3339, UTC. */
  readonly occurredAt: string;
  /** Number of your resources that the key protects, as known to the sender. */
  readonly resourceCount: bigint;
}

/** Node's `request.headersDistinct`, a `Headers`, or an object. */
export type CallbackHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifierOptions {
  /** Maximum difference between a callback's timestamp and this machine's clock, in seconds. */
  tolerance?: number;
}

export class Verifier {
  constructor(service: string, keys: Iterable<string> | KeySet, options?: VerifierOptions);
  static fromJwks(service: string, document: string | Uint8Array, options?: VerifierOptions): Verifier;
  readonly service: string;
  readonly tolerance: number;
  /** Rejects with `Rejected`. `body` is the bytes as received. */
  verify(headers: CallbackHeaders, body: Uint8Array, now?: Date): Promise<Notification>;
}

export interface KeySetOptions {
  fetch?: typeof fetch;
  /** Seconds after which the key set is fetched again. */
  maxAge?: number;
  /** Minimum seconds between two fetches. */
  minPause?: number;
  /** Seconds for a fetch. */
  timeout?: number;
}

export class KeySet {
  constructor(url: string, options?: KeySetOptions);
  /** The problem of the last fetch, if it failed. */
  readonly error: string | undefined;
}

export class ReplayGuard {
  constructor(tolerance?: number, capacity?: number);
  isNew(eventId: string, now?: Date): boolean;
  forget(eventId: string): void;
}

export class Latest {
  constructor(capacity?: number);
  offer(notification: Notification): 'newer' | 'repeated' | 'stale';
  get(keyId: string): Notification | undefined;
}

export interface AcknowledgeOptions {
  /** When the service acted. */
  at?: Date;
  /** The resource that the acknowledgement is about. */
  resourceCrn?: string;
  fetch?: typeof fetch;
  /** Seconds for the request. */
  timeout?: number;
}

export function acknowledge(
  endpoint: string, token: string, notification: Notification, state: string, options?: AcknowledgeOptions,
): Promise<void>;
