//! A deployed stack on a clock that the simulation advances by minutes. The functions' handlers run
//! in this process, behind the harness, and write their metrics as they do on Lambda; what AWS
//! itself measures is modelled.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use keysync::domain::KeyId;
use keysync_testkit::{
    Client, EpochMillis, Harness, HarnessClock,
    dynamodb::{Call, Fault as CallFault, Proxy, Times},
    iam::Health,
    lambda::{InvocationFailed, Mode},
    services::Behaviour,
};
use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::{Value, json};

use crate::{
    definition::{mapping, namespace},
    emf,
    failure::Fault,
    metrics::{MetricId, Metrics},
    queue::{DeadLetters, EventQueue, Message},
};

/// The service that fails. The key with the usual traffic is not registered with it.
const SERVICE: &str = "data-catalog";
/// The minutes between two events and between two syncs.
const EVENT_EVERY: i64 = 30;
const SYNC_EVERY: i64 = 5;
/// The messages in a batch of the event source mapping.
const BATCH: usize = 10;
/// `EventBridge` gives up an event after a day (`infra/template.yaml`, `EventRule`).
const BUS_RETRIES: i64 = 24 * 60;
/// The executed invocations after which the others of a failure that DynamoDB or SQS causes repeat
/// their metrics: each takes seconds, because the SDK retries.
const EXECUTED: usize = 3;

const QUEUES: [&str; 3] = ["MalformedEventQueue", "StuckQueue", "UndeliveredQueue"];

/// The stack.
pub(crate) struct Stack {
    harness: Harness,
    manager: Client,
    /// The key with the usual traffic.
    key: String,
    pub(crate) metrics: Metrics,
    minute: i64,
    fault: Fault,
    events: EventQueue,
    /// Events that `EventBridge` could not deliver yet, by the minute of their publication.
    undelivered: Vec<i64>,
    dead_letters: BTreeMap<&'static str, DeadLetters>,
    /// How often each function was invoked since the failure began or something changed, and what
    /// the last invocation did.
    observed: BTreeMap<&'static str, (usize, Observation)>,
}

/// What an invocation did.
#[derive(Clone)]
struct Observation {
    emitted: Vec<emf::Metric>,
    /// The calls to DynamoDB that failed.
    failed_calls: Vec<Call>,
    result: Result<Value, InvocationFailed>,
}

/// The collector of the functions' metrics, which is one for the whole process.
fn collector() -> &'static Collector {
    static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
    COLLECTOR.get_or_init(|| Builder::new().cloudwatch_namespace(namespace()).init().unwrap())
}

/// The metrics since the last call.
fn emitted() -> Vec<emf::Metric> {
    let mut lines = Vec::new();
    collector().flush(&mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().flat_map(|line| emf::metrics(&line.parse().unwrap())).collect()
}

impl Stack {
    /// Creates the stack with `keys` keys that are registered with the service that will fail.
    pub(crate) async fn create(keys: usize) -> (Self, Vec<String>) {
        collector();
        let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
        let builder = Harness::builder().mode(Mode::InProcess).clock(clock).service(SERVICE);
        let harness = builder.start().await.unwrap();
        let (key, _) = harness.sample_keys().await.unwrap();
        let manager = Client::log_in(&harness, harness.api_key()).await.unwrap();
        let queue = |name| mapping("lifecycle", "Queue", name);
        let (visibility, receives) = (queue("VisibilityTimeout") / 60, queue("MaxReceiveCount"));
        let mut stack = Self {
            harness,
            manager,
            key,
            metrics: Metrics::default(),
            minute: 0,
            fault: Fault::Nothing,
            events: EventQueue::new(visibility, u32::try_from(receives).unwrap()),
            undelivered: Vec::new(),
            dead_letters: QUEUES.map(|name| (name, DeadLetters::default())).into(),
            observed: BTreeMap::new(),
        };
        let keys: Vec<String> = (0..keys).map(|_| KeyId::random().to_string()).collect();
        for key in &keys {
            for event in [stack.action("create", key), stack.registration(key)] {
                stack.events.send(event, 0);
            }
        }
        stack.process_events().await;
        stack.metrics = Metrics::default();
        (stack, keys)
    }

    /// Begins a failure, in which the last notifications of `keys` become pending.
    pub(crate) fn begin(&mut self, fault: Fault, keys: &[String]) {
        self.fault = fault;
        self.observed.clear();
        let dynamodb = self.harness.dynamodb();
        let proxies = [dynamodb.proxy(), dynamodb.lifecycle_proxy(), dynamodb.redeliver_proxy()];
        match fault {
            Fault::ServiceDown { .. } => self.behave(Behaviour::respond(503)),
            Fault::DynamoDb(fault) => proxies.iter().for_each(|proxy| proxy.inject(fault, Times::Always)),
            Fault::LedgerOfLifecycle => proxies[1].inject(CallFault::Fail, Times::Always),
            Fault::DeadLetterQueueDown => self.harness.dead_letters().fail_next(usize::MAX),
            Fault::IamDown => self.harness.iam().set_health(Health::Down),
            _ => {}
        }
        let rotated = keys.iter().map(|key| self.action("rotate", key));
        let events = match fault {
            Fault::MalformedEvent | Fault::DeadLetterQueueDown => vec!["no event".to_owned()],
            Fault::UnknownKey => vec![self.registration(&KeyId::random().to_string())],
            Fault::TimesOut => vec!["times out".to_owned()],
            _ if fault.has_one_event() => vec![self.action("rotate", &self.key)],
            _ => rotated.collect(),
        };
        for event in events {
            self.events.send(event, self.minute);
        }
    }

    /// Ends the failure, and empties the dead-letter queues.
    pub(crate) fn end(&mut self) {
        let dynamodb = self.harness.dynamodb();
        for proxy in [dynamodb.proxy(), dynamodb.lifecycle_proxy(), dynamodb.redeliver_proxy()] {
            proxy.clear_faults();
        }
        self.behave(Behaviour::Act);
        self.harness.iam().set_health(Health::Up);
        self.harness.dead_letters().clear();
        for queue in self.dead_letters.values_mut() {
            queue.empty(self.minute);
        }
        if self.fault == Fault::TimesOut {
            self.events.receive(i64::MAX / 2).iter().for_each(|message| self.events.delete(&message.id));
        }
        self.fault = Fault::Nothing;
        self.observed.clear();
    }

    /// The next minute.
    pub(crate) async fn pass_minute(&mut self) {
        self.harness.advance_clock(Duration::from_mins(1)).await.unwrap();
        self.publish_events();
        self.process_events().await;
        self.sync().await;
        self.redeliver().await;
        self.report_queues();
        self.minute += 1;
    }

    /// The usual events, before any failure: among them, once, a service that fails for a minute,
    /// and a registration that arrives 20 minutes before the first event of its key.
    pub(crate) fn usual_disturbance(&mut self, keys: &[String]) {
        match self.minute {
            20 => self.events.send(self.registration("6f1dd6a5-4c0e-4e0c-9a57-0d5b0f8e2c11"), self.minute),
            40 => {
                self.events.send(self.action("create", "6f1dd6a5-4c0e-4e0c-9a57-0d5b0f8e2c11"), self.minute)
            }
            60 => {
                self.behave(Behaviour::respond(503));
                if let Some(key) = keys.first() {
                    self.events.send(self.action("rotate", key), self.minute);
                }
            }
            61 => self.behave(Behaviour::Act),
            _ => {}
        }
    }

    fn behave(&self, behaviour: Behaviour) {
        self.harness.service(SERVICE).unwrap().behave(behaviour);
    }

    fn publish_events(&mut self) {
        let is_due = self.minute % EVENT_EVERY == 0 && !self.fault.has_one_event();
        if self.fault == Fault::BusCannotDeliver {
            self.undelivered.extend(is_due.then_some(self.minute));
            let given_up = self.undelivered.extract_if(.., |sent| self.minute - *sent >= BUS_RETRIES).count();
            self.add_letters("UndeliveredQueue", given_up);
            return;
        }
        for _ in std::mem::take(&mut self.undelivered) {
            self.events.send(self.action("rotate", &self.key), self.minute);
        }
        if is_due {
            self.events.send(self.action("rotate", &self.key), self.minute);
        }
    }

    /// The event source mapping: batches of visible messages.
    async fn process_events(&mut self) {
        if self.fault == Fault::MappingDisabled {
            return;
        }
        let stuck = self.events.redrive(self.minute);
        self.add_letters("StuckQueue", stuck);
        let received = self.events.receive(self.minute);
        for batch in received.chunks(BATCH) {
            self.process_batch(batch).await;
        }
        let malformed = self.harness.dead_letters().letters().len();
        self.dead_letters.entry("MalformedEventQueue").or_default().set(malformed, self.minute);
    }

    async fn process_batch(&mut self, batch: &[Message]) {
        match self.fault {
            Fault::Throttled => return self.count("Lifecycle", "Throttles", 1.0),
            Fault::DoesNotStart => return self.count_invocation("Lifecycle", true),
            // The mapping delivers the batch again in smaller parts; here the event is alone.
            Fault::TimesOut if batch.iter().any(|message| message.body == "times out") => {
                return self.count_invocation("Lifecycle", true);
            }
            _ => {}
        }
        let records = batch.iter().map(|message| json!({"messageId": message.id, "body": message.body}));
        let event = json!({"Records": records.collect::<Vec<_>>()});
        let function = self.harness.lifecycle_function().handle();
        let repeats = if self.fault.has_one_event() { EXECUTED } else { usize::MAX };
        let observation = self.observe("Lifecycle", repeats, async { function.invoke(&event).await }).await;
        let failed = observation.result.map(|response| response["batchItemFailures"].to_string());
        for message in batch {
            if !failed.as_ref().is_ok_and(|failed| failed.contains(&format!("\"{}\"", message.id))) {
                self.events.delete(&message.id);
            }
        }
        self.observed.remove("Redeliver");
    }

    /// A sync by a caller who does not retry.
    async fn sync(&mut self) {
        if self.minute % SYNC_EVERY != 0 {
            return;
        }
        match self.fault {
            Fault::Throttled => return self.count("Sync", "Throttles", 1.0),
            Fault::DoesNotStart => {
                self.count("Sync", "Url5xxCount", 1.0);
                return self.count_invocation("Sync", true);
            }
            _ => {}
        }
        let (manager, key) = (self.manager.clone(), self.key.clone());
        let request = async move { Ok(json!(manager.sync(&key).await.unwrap().status.as_u16())) };
        let repeats = if matches!(self.fault, Fault::DynamoDb(_)) { EXECUTED } else { usize::MAX };
        let observation = self.observe("Sync", repeats, request).await;
        let status = observation.result.unwrap().as_u64().unwrap();
        self.count("Sync", "Url5xxCount", if status >= 500 { 1.0 } else { 0.0 });
        if status != 409 {
            self.observed.remove("Redeliver");
        }
    }

    /// The schedule. A run that finds nothing pending has the same metrics as the run before it, if
    /// no other function has run since.
    async fn redeliver(&mut self) {
        match self.fault {
            Fault::NotInvoked => return,
            Fault::Throttled => return self.count("Redeliver", "Throttles", 1.0),
            Fault::DoesNotStart => return self.count_invocation("Redeliver", true),
            _ => {}
        }
        let function = self.harness.redeliver_function().handle();
        let is_idle = |run: &Observation| run.result.as_ref().is_ok_and(|summary| summary["pending"] == 0);
        let repeats = match self.observed.get("Redeliver") {
            _ if matches!(self.fault, Fault::DynamoDb(_)) => EXECUTED,
            Some((_, last)) if is_idle(last) => 1,
            _ => usize::MAX,
        };
        self.observe("Redeliver", repeats, async { function.invoke(&json!({})).await }).await;
    }

    /// Invokes a function, or repeats what its last invocation did if there were `repeats` of them,
    /// and records the metrics.
    async fn observe(
        &mut self,
        function: &'static str,
        repeats: usize,
        invocation: impl Future<Output = Result<Value, InvocationFailed>>,
    ) -> Observation {
        let (invoked, observation) = match self.observed.remove(function) {
            Some((invoked, last)) if invoked >= repeats => (invoked, last),
            earlier => {
                let result = invocation.await;
                let dynamodb = self.harness.dynamodb();
                let proxies = [dynamodb.proxy(), dynamodb.lifecycle_proxy(), dynamodb.redeliver_proxy()];
                let calls = proxies.into_iter().flat_map(Proxy::take_calls);
                let failed_calls = calls.filter(|call| call.fault.is_some()).collect();
                let invoked = earlier.map_or(0, |(invoked, _)| invoked);
                (invoked + 1, Observation { emitted: emitted(), failed_calls, result })
            }
        };
        self.observed.insert(function, (invoked, observation.clone()));
        for metric in &observation.emitted {
            let (namespace, name) = (metric.namespace.clone(), metric.name.clone());
            let id = MetricId { namespace, name, dimensions: metric.dimensions.clone() };
            for value in &metric.values {
                self.metrics.record(id.clone(), self.minute, value.as_f64().unwrap());
            }
        }
        self.report_calls(&observation.failed_calls);
        self.count_invocation(function, observation.result.is_err());
        observation
    }

    fn count_invocation(&mut self, function: &'static str, has_failed: bool) {
        self.count(function, "Invocations", 1.0);
        self.count(function, "Errors", if has_failed { 1.0 } else { 0.0 });
    }

    /// Counts in a metric of Lambda.
    fn count(&mut self, function: &'static str, metric: &str, value: f64) {
        let id = MetricId::new("AWS/Lambda", metric, &[("FunctionName", function)]);
        self.metrics.record(id, self.minute, value);
    }

    /// The metrics of DynamoDB, which has them for failed and throttled calls only.
    fn report_calls(&mut self, calls: &[Call]) {
        for call in calls {
            let table = ("TableName", "Table");
            let id = match call.fault {
                Some(CallFault::Fail) => {
                    MetricId::new("AWS/DynamoDB", "SystemErrors", &[table, ("Operation", &call.operation)])
                }
                Some(CallFault::Throttle) => {
                    let is_read = matches!(call.operation.as_str(), "GetItem" | "Query");
                    let name = if is_read { "ReadThrottleEvents" } else { "WriteThrottleEvents" };
                    let index = ("GlobalSecondaryIndexName", "due");
                    let on_index = [table, index];
                    let dimensions = if call.operation == "Query" { &on_index[..] } else { &on_index[..1] };
                    MetricId::new("AWS/DynamoDB", name, dimensions)
                }
                _ => continue,
            };
            self.metrics.record(id, self.minute, 1.0);
        }
    }

    fn report_queues(&mut self) {
        let age = self.events.age_of_oldest(self.minute);
        let of_queue = |name: &str| format!("{name}.QueueName");
        let age = age.map(|age| ("ApproximateAgeOfOldestMessage", of_queue("EventQueue"), age));
        let letters = self.dead_letters.iter().filter_map(|(name, queue)| {
            Some(("ApproximateNumberOfMessagesVisible", of_queue(name), queue.visible(self.minute)?))
        });
        for (metric, queue, value) in age.into_iter().chain(letters) {
            let id = MetricId::new("AWS/SQS", metric, &[("QueueName", &queue)]);
            self.metrics.record(id, self.minute, value);
        }
    }

    fn add_letters(&mut self, queue: &'static str, messages: usize) {
        self.dead_letters.entry(queue).or_default().add(messages, self.minute);
    }

    fn crn(&self, key: &str) -> String {
        let (account, instance) = (self.harness.account(), self.harness.instance());
        format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{key}")
    }

    fn event(&self, kind: &str, key: &str, more: Value) -> String {
        let now = self.harness.clock().now().to_string();
        let mut detail = json!({"schemaVersion": 1, "keyCrn": self.crn(key), "occurredAt": now});
        detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.harness.events().envelope(kind, &detail).to_string()
    }

    /// An action that leaves the key active.
    fn action(&self, action: &str, key: &str) -> String {
        let version = json!({"id": "v-1", "creationDate": "2026-10-01T00:00:00Z"});
        let more = json!({"keyType": "root", "keyState": 1, "keyRing": "default", "keyVersion": version});
        self.event(&format!("kms.secrets.{action}"), key, more)
    }

    fn registration(&self, key: &str) -> String {
        let resource = format!("crn:v1:bluemix:public:{SERVICE}:global:a/abc123:8c2e:catalog:one");
        self.event("kms.registrations.create", key, json!({"resourceCrn": resource}))
    }
}
