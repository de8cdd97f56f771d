//! A deployed stack on a clock that the simulation advances by minutes. The functions' handlers run
//! in this process, behind the harness, and write their metrics as they do on Lambda; what AWS
//! itself measures is modelled.

mod aws;
mod observation;
mod traffic;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use keysync::domain::KeyId;
use keysync_testkit::{
    Client, EpochMillis, Harness, HarnessClock,
    dynamodb::{Fault as CallFault, Proxy, Times},
    iam::Health,
    lambda::{InvocationFailed, Mode},
    services::Behaviour,
};
use serde_json::{Value, json};

use crate::{
    definition::mapping,
    failure::Fault,
    metrics::{MetricId, Metrics},
    queue::{DeadLetters, EventQueue, Message},
};
use observation::{Observation, collector, emitted, is_disturbed};

/// The service that fails. The key with the usual traffic is not registered with it.
const SERVICE: &str = "data-catalog";
/// The minutes between two syncs.
const SYNC_EVERY: i64 = 5;
/// The messages in a batch of the event source mapping.
const BATCH: usize = 10;
/// The executed invocations after which the others of a failure that DynamoDB or SQS causes repeat
/// their metrics: each takes seconds, because the SDK retries.
const EXECUTED: usize = 3;

/// The minutes of a failure in which `sync` and `redeliver` are executed every half hour only, and
/// the pending notifications of the other runs are as old as time has passed.
const SAMPLED: std::ops::Range<i64> = 60..24 * 60 - 5;
const SAMPLE_EVERY: i64 = 30;
/// How often an invocation is repeated that failed without a reason, because this machine is busy
/// and a call took longer than its timeout.
const DISTURBED_REPEATS: usize = 50;

/// The minute of a failure that has not begun.
const NEVER: i64 = i64::MAX;
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
    /// The minute in which the failure that lasts began.
    began: i64,
    must_acknowledge: bool,
    events: EventQueue,
    /// Events that `EventBridge` could not deliver yet, by the minute of their publication.
    undelivered: Vec<i64>,
    dead_letters: BTreeMap<&'static str, DeadLetters>,
    /// The minutes in which a run of `redeliver` finds a deadline that is over.
    deadlines: BTreeSet<i64>,
    /// How often each function was invoked since the failure began or something changed, and what
    /// the last invocation did.
    observed: BTreeMap<&'static str, (usize, Observation)>,
}

impl Stack {
    /// Creates the stack with `keys` keys that are registered with the service that will fail,
    /// which may have to acknowledge its notifications.
    pub(crate) async fn create(keys: usize, must_acknowledge: bool) -> (Self, Vec<String>) {
        collector();
        let clock = HarnessClock::set_to(EpochMillis::new(1_795_496_400_000));
        let builder = Harness::builder().mode(Mode::InProcess).clock(clock).service(SERVICE);
        let builder = builder.service_setting(SERVICE, "acknowledges", must_acknowledge);
        let harness = builder.start().await.unwrap();
        let key = harness.sample_keys().await.unwrap().root;
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
            began: NEVER,
            must_acknowledge,
            events: EventQueue::new(visibility, u32::try_from(receives).unwrap()),
            undelivered: Vec::new(),
            dead_letters: QUEUES.map(|name| (name, DeadLetters::default())).into(),
            deadlines: BTreeSet::new(),
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

    /// Begins a failure, in which services are notified of a rotation of `keys`.
    pub(crate) fn begin(&mut self, fault: Fault, keys: &[String]) {
        (self.fault, self.began) = (fault, self.minute);
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
        (self.fault, self.began) = (Fault::Nothing, NEVER);
        self.observed.clear();
    }

    /// The next minute.
    pub(crate) async fn pass_minute(&mut self) {
        self.harness.advance_clock(Duration::from_mins(1)).await.unwrap();
        self.publish_events();
        self.process_events().await;
        self.sync().await;
        self.acknowledge();
        self.redeliver().await;
        self.report_queues();
        self.minute += 1;
    }

    fn behave(&self, behaviour: Behaviour) {
        self.harness.service(SERVICE).unwrap().behave(behaviour);
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
        let observation = self.observe("Lifecycle", repeats, async || function.invoke(&event).await).await;
        let failed = observation.result.map(|response| response["batchItemFailures"].to_string());
        for message in batch {
            if !failed.as_ref().is_ok_and(|failed| failed.contains(&format!("\"{}\"", message.id))) {
                self.events.delete(&message.id);
                self.observed.remove("Redeliver");
            }
        }
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
        let request = async || Ok(json!(manager.sync(&key).await.unwrap().status.as_u16()));
        let repeats = match self.fault {
            _ if self.is_sampled_out() => 1,
            Fault::DynamoDb(_) => EXECUTED,
            _ => usize::MAX,
        };
        let observation = self.observe("Sync", repeats, request).await;
        let status = observation.result.unwrap().as_u64().unwrap();
        self.count("Sync", "Url5xxCount", if status >= 500 { 1.0 } else { 0.0 });
        if status == 204 {
            self.observed.remove("Redeliver");
        }
    }

    /// The schedule. A run that finds nothing pending has the same metrics as the run before it, if
    /// no other function has written to the table and no deadline has ended since.
    async fn redeliver(&mut self) {
        match self.fault {
            Fault::NotInvoked => return,
            Fault::Throttled => return self.count("Redeliver", "Throttles", 1.0),
            Fault::DoesNotStart => return self.count_invocation("Redeliver", true),
            _ => {}
        }
        if self.deadlines.remove(&self.minute) {
            self.observed.remove("Redeliver");
        }
        let function = self.harness.redeliver_function().handle();
        let is_idle = |run: &Observation| run.result.as_ref().is_ok_and(|summary| summary["pending"] == 0);
        let repeats = match self.observed.get("Redeliver") {
            _ if matches!(self.fault, Fault::DynamoDb(_)) => EXECUTED,
            Some((_, last)) if is_idle(last) => 1,
            Some(_) if self.is_sampled_out() => 1,
            _ => usize::MAX,
        };
        if repeats == 1
            && let Some((_, last)) = self.observed.get_mut("Redeliver")
        {
            last.pass_minute();
        }
        let run = self.observe("Redeliver", repeats, async || function.invoke(&json!({})).await).await;
        if run.result.is_ok_and(|summary| summary["deadlines_checked"] != 0) {
            self.observed.remove("Redeliver"); // each deadline is checked once
        }
    }

    fn is_sampled_out(&self) -> bool {
        SAMPLED.contains(&(self.minute - self.began)) && self.minute % SAMPLE_EVERY != 0
    }

    /// Invokes a function, or repeats what its last invocation did if there were `repeats` of them,
    /// and records the metrics.
    async fn observe(
        &mut self,
        function: &'static str,
        repeats: usize,
        invocation: impl AsyncFn() -> Result<Value, InvocationFailed>,
    ) -> Observation {
        let (invoked, observation) = match self.observed.remove(function) {
            Some((invoked, last)) if invoked >= repeats => (invoked, last),
            earlier => {
                let mut result = invocation().await;
                for _ in 0..DISTURBED_REPEATS {
                    if self.fault.fails_calls() || !is_disturbed(&result) {
                        break;
                    }
                    emitted();
                    result = invocation().await;
                }
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

    fn add_letters(&mut self, queue: &'static str, messages: usize) {
        self.dead_letters.entry(queue).or_default().add(messages, self.minute);
    }
}
