// What the control API accepts and returns.

/** A duration such as `61m` or `1h 30m`. */
export type Duration = string;

export type Role = 'reader' | 'reader-plus' | 'writer' | 'manager' | 'key-purge';
export type FunctionName = 'sync' | 'lifecycle' | 'redeliver';
export type LifecycleAction = 'create' | 'rotate' | 'delete' | 'restore' | 'enable' | 'disable';
export type Health = 'up' | 'down' | { slow: { millis: number } };

/** What a service does with a callback. */
export type Behaviour =
  | 'act'
  | 'ack-without-acting'
  | 'hang'
  | 'reset'
  | 'act-then-reset'
  | 'truncate-body'
  | { respond: { status: number; retry_after?: number } }
  | { delay: { millis: number } }
  | { redirect: { to: string } }
  | { flaky: { percent: number; seed: number } };

/** Selects callbacks. Without a field, all of them. */
export interface Condition {
  /** Only callbacks about this key. */
  key?: string;
  /** Only callbacks about this lifecycle action. */
  event_type?: LifecycleAction;
  /** Only callbacks that come from a sync, or that do not. */
  renotification?: boolean;
}

/** What happens to a function's call to DynamoDB. */
export type DynamoDbFault =
  | 'throttle'
  | 'conflict'
  | 'fail'
  | 'fail-after'
  | 'cut'
  | 'lose-response'
  | { delay: { millis: number } }
  | { 'apply-late': { millis: number } };

/** Addresses, instance and API keys of a harness. */
export interface Info {
  endpoint: string;
  iam: string;
  dynamodb: string;
  control: string;
  console: string;
  services: string;
  function: string;
  api_key: string;
  reader_api_key: string;
  instance_id: string;
  region: string;
  account: string;
  callback_public_key: string;
  root_key_id: string;
  standard_key_id: string;
}

/** An identity: its access token is valid for an hour. */
export interface Identity {
  access_token: string;
  api_key: string;
}

/** A key and its notifications. `state` is 1 active, 2 suspended, 3 deactivated, 5 destroyed. */
export interface Key {
  id: string;
  name: string | null;
  type: 'root' | 'standard';
  state: number;
  last_action: string;
  sequence: number;
  /** RFC 3339. */
  notified_at: string | null;
  /** The instant from which a sync succeeds, RFC 3339; null if it does now. */
  sync_from: string | null;
  protects: string[];
  pending: string[];
}

export interface NewKey {
  /** Services by CRN service name, or pairs of a service and a resource's name. */
  protects?: (string | [service: string, resource: string])[];
  alias?: string;
  standard?: boolean;
}

/** A resource of an emulated service. */
export interface Resource {
  crn: string;
  key_id: string;
  accessible: boolean;
}

/** An emulated service: its resources by name, and the number of stored callbacks. */
export interface ServiceState {
  name: string;
  resources: Record<string, Resource>;
  callbacks: number;
}

/** A callback that an emulated service received. `at` is in ms since the Unix epoch. */
export interface Callback {
  at: number;
  headers: Record<string, string>;
  body: string;
  verdict: 'acted' | 'repeated' | 'stale' | 'ignored' | { rejected: string };
}

export interface CallbackQuery {
  /** Only callbacks about this key. */
  key?: string;
  /** Waits until there are this many. */
  at_least?: number;
  /** The longest wait, 5 s by default. */
  within?: Duration;
}

/** The CloudEvent of a callback. */
export interface Event {
  id: string;
  type: string;
  source: string;
  subject: string;
  time: string;
  sequence: string;
  data: { eventType: string; keyId: string; keyState: number; renotification: boolean; service: string } & Record<
    string,
    unknown
  >;
}

/** A malformed event, and why it is malformed. */
export interface DeadLetter {
  event: unknown;
  reason: string;
}

/** A request that a part of the harness received. Without a response, `status` and `millis` are null. */
export interface Exchange {
  number: number;
  at: number;
  to: string;
  method: string;
  path: string;
  status: number | null;
  millis: number | null;
  request: Message;
  response: Message | null;
}

/** The headers and the start of the body of a request or response. Secrets are masked, unless they are asked for. */
export interface Message {
  headers: Record<string, string>;
  body: string;
  body_bytes: number;
}

/** Selects a part of the requests, and whether secrets are shown. */
export interface RequestPart {
  /** Only the newest, this many. */
  last?: number;
  /** Without this many of the newest. */
  skip?: number;
  /** Without it, tokens and API keys are masked. */
  secrets?: boolean;
}

/** Selects requests; `header` is `name:value`. */
export interface RequestQuery {
  to?: 'endpoint' | 'iam' | 'services';
  method?: string;
  path?: string;
  header?: string;
  status?: number;
}

/** The requests of a client's run, as JSON that can be stored. It has no token. */
export interface Recording {
  format: number;
  requests: RecordedRequest[];
}

/** A request, with the status and the ids of its response. */
export interface RecordedRequest {
  /** The time since the request before, by the harness's clock. */
  after_millis: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  status: number;
  ids: string[];
}

/** A replayed request: method and path, the recorded status and the present one. */
export interface Replayed {
  request: string;
  recorded: number;
  status: number;
}

/** The result of a replay. `differences` are the requests whose status differs from the recorded one. */
export interface Replay {
  requests: Replayed[];
  differences: Replayed[];
}
