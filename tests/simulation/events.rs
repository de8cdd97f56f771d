//! Events of the key-management service and of the services, and the queue that delivers them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use keysync::domain::{EpochMillis, LifecycleAction};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    functions,
    invocation::Invocation,
    key::MadeAcknowledgement,
    plan::{Acknowledgement, Faults, Function, INSTANCES, OUTSIDE, SERVICES, Step},
    rules,
    world::{FOREIGN_ACCOUNT, Received, START, World},
};

/// The time after which the queue delivers an event again.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(1);
/// Attempts for an event, by which every fault must have ended.
const MAX_RECEIVES: u64 = 100;
/// The first random numbers of events, as opposed to those of a step itself.
const EVENT: u64 = 1000;
/// The random numbers of a foreign event.
const FOREIGN: u64 = EVENT - 1;

/// Publishes events as part of a step, or of the setup.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    world: Arc<World>,
    step: usize,
    faults: Faults,
    /// The instance of `lifecycle` that receives an event first.
    instance: usize,
}

impl Publisher {
    /// The publisher of a step.
    pub(crate) fn of(world: &Arc<World>, step: &Step) -> Self {
        Self { world: world.clone(), step: step.id, faults: step.faults, instance: step.instance }
    }

    /// The publisher of the setup, without faults.
    pub(crate) fn of_setup(world: &Arc<World>) -> Self {
        Self { world: world.clone(), step: OUTSIDE, faults: Faults::None, instance: 0 }
    }

    /// Publishes a lifecycle action. The newest one decides the key's state.
    pub(crate) fn action(&self, key: usize, action: LifecycleAction) {
        let mut state = self.world.state();
        let key = &mut state.keys[key];
        let at = (START + self.world.now()).max(key.newest.0 + 1);
        key.newest = (at, state_after(action));
        let crn = key.crn.to_string();
        drop(state);
        let kind = format!("kms.secrets.{}", action.as_str());
        self.publish(&kind, &crn, at, self.facts(action));
    }

    /// Publishes an event of another account about the same key id.
    pub(crate) fn foreign_event(&self, key: usize) {
        let mut rng = self.world.plan.rng(self.step, FOREIGN);
        let service = rng.usize(..SERVICES.len());
        let state = self.world.state();
        let mut crn = state.keys[key].crn.clone();
        let received = state.services[service].received.get(&key).and_then(BTreeMap::last_key_value);
        let event_id = received.map(|(_, received)| received.event_id.clone());
        drop(state);
        FOREIGN_ACCOUNT.clone_into(&mut crn.instance.account);
        let crn = crn.to_string();
        let (kind, detail) = match (rng.u8(..4), event_id) {
            (0, Some(event_id)) => {
                let detail = json!({"eventId": event_id, "adopterKeyState": "ENABLED"});
                ("kms.secrets-event.ack", detail)
            }
            (1, _) => ("kms.secrets.purge", json!({})),
            (2, _) => ("kms.registrations.create", json!({"resourceCrn": resource_crn(&crn, service, 0)})),
            _ => ("kms.secrets.rotate", self.facts(LifecycleAction::Rotate)),
        };
        self.publish(kind, &crn, START + self.world.now(), detail);
    }

    /// Publishes that the key was purged.
    pub(crate) fn purge(&self, key: usize) {
        let mut state = self.world.state();
        state.keys[key].purge_published = true;
        let crn = state.keys[key].crn.to_string();
        drop(state);
        self.publish("kms.secrets.purge", &crn, START + self.world.now(), json!({}));
    }

    /// Publishes the start or end of a registration.
    pub(crate) fn registration(&self, key: usize, of: (usize, usize), registered: bool) {
        let mut state = self.world.state();
        let key = &mut state.keys[key];
        let last = key.registrations.get(&of).map_or(0, |(at, _)| *at);
        let at = (START + self.world.now()).max(last + 1);
        key.registrations.insert(of, (at, registered));
        let crn = key.crn.to_string();
        drop(state);
        let resource = resource_crn(&crn, of.0, of.1);
        let verb = if registered { "create" } else { "delete" };
        self.publish(&format!("kms.registrations.{verb}"), &crn, at, json!({"resourceCrn": resource}));
    }

    /// The service acknowledges one of the notifications that it has, counted from the newest one.
    pub(crate) fn acknowledgement(&self, key: usize, service: usize, kind: Acknowledgement) {
        let Acknowledgement { nth, contradicts, minutes_ago, resource } = kind;
        let state = self.world.state();
        let crn = state.keys[key].crn.to_string();
        let received = state.services[service].received.get(&key);
        let Some((sequence, received)) = received.and_then(|received| received.iter().rev().nth(nth)) else {
            return;
        };
        let (sequence, Received { event_id, key_state, at }) = (*sequence, received.clone());
        // It acted after it had the notification.
        let at = at.max(self.world.now().saturating_sub(minutes_ago * 60_000));
        drop(state);
        let is_disabled = (key_state == 1) == contradicts;
        let word = if is_disabled { "DISABLED" } else { "ENABLED" };
        let mut detail = json!({"eventId": event_id, "adopterKeyState": word});
        if let Some(resource) = resource {
            detail["resourceCrn"] = json!(resource_crn(&crn, service, resource));
        }
        let event = self.publish("kms.secrets-event.ack", &crn, START + at, detail);
        let made = MadeAcknowledgement {
            service,
            resource,
            sequence,
            is_disabled,
            at,
            event,
            processed: None,
            processed_last: None,
        };
        self.world.state().keys[key].acknowledgements.push(made);
    }

    /// A service acknowledges the newest notification, although it was not to get it.
    pub(crate) fn unasked_acknowledgement(&self, key: usize, service: usize) {
        let (state, name) = (self.world.state(), SERVICES[service]);
        let key = &state.keys[key];
        let claim = key.claims.last().filter(|claim| !claim.services.iter().any(|of| of == name));
        let Some(event_id) = claim.map(|claim| rules::event_id(key, &claim.id, name)) else { return };
        let crn = key.crn.to_string();
        drop(state);
        let detail = json!({"eventId": event_id, "adopterKeyState": "ENABLED"});
        self.publish("kms.secrets-event.ack", &crn, START + self.world.now(), detail);
    }

    /// Publishes an event, and returns it.
    fn publish(&self, kind: &str, crn: &str, at: u64, mut detail: Value) -> String {
        detail["schemaVersion"] = json!(1);
        detail["keyCrn"] = json!(crn);
        detail["occurredAt"] = json!(EpochMillis::new(at).to_string());
        let event = json!({"detail-type": kind, "detail": detail}).to_string();
        self.world.state().published.push(event.clone());
        self.deliver(&event);
        event
    }

    fn facts(&self, action: LifecycleAction) -> Value {
        json!({
            "keyType": "root", "keyState": state_after(action), "keyRing": "default",
            "keyVersion": {"id": format!("version-{}", self.step), "creationDate": "2026-11-24T05:00:00Z"},
        })
    }

    /// An earlier event arrives again.
    pub(crate) fn republish(&self, nth: usize) {
        let published = self.world.state().published.clone();
        if let Some(event) = published.get(nth % published.len().max(1)) {
            self.deliver(event);
        }
    }

    /// Puts an event into the queue, which delivers it at least once and in any order.
    fn deliver(&self, event: &str) {
        // A step publishes one event; the setup publishes several.
        let number = if self.step == OUTSIDE { self.world.state().published.len() } else { 0 };
        let mut rng = self.world.plan.rng(self.step, EVENT + number as u64);
        let copies = if rng.u8(..6) == 0 { 2 } else { 1 };
        for copy in 0..copies {
            let wait = match rng.u8(..10) {
                0..=6 => rng.u64(..50),
                7..=8 => rng.u64(..5000),
                _ => rng.u64(..180_000),
            };
            let numbers = EVENT * rng.u64(2..1 << 40);
            self.world.state().in_queue += 1;
            let (publisher, event) = (self.clone(), event.to_owned());
            tokio::spawn(async move {
                sleep(Duration::from_millis(wait)).await;
                publisher.process(&event, publisher.instance + copy, numbers).await;
                publisher.world.state().in_queue -= 1;
            });
        }
    }

    /// Invokes `lifecycle` with an event until it is processed.
    async fn process(&self, event: &str, instance: usize, numbers: u64) {
        for (attempt, instance) in (0..MAX_RECEIVES).zip(instance..) {
            let function = (Function::Lifecycle, instance % INSTANCES);
            let numbers = (self.step, numbers + attempt);
            let by = Invocation::new(&self.world, function, numbers, self.faults.of_attempt(attempt), None);
            match functions::lifecycle(&by, event).await {
                Some(true) => return rules::after_event(&by, event),
                Some(false) => rules::after_failed_event(&by),
                None => {}
            }
            sleep(VISIBILITY_TIMEOUT).await;
        }
        self.world.violated("G2", format!("an event was not processed in {MAX_RECEIVES} attempts: {event}"));
    }
}

/// Waits until every event is processed.
pub(crate) async fn wait_for_queue(world: &World) {
    while world.state().in_queue > 0 {
        sleep(Duration::from_millis(100)).await;
    }
}

/// The CRN of a resource of a service that is registered with a key.
fn resource_crn(key: &str, service: usize, resource: usize) -> String {
    key.replace("hs-crypto", SERVICES[service]).replace(":key:", &format!(":bucket:{resource}-"))
}

/// The state of a key after `action`.
fn state_after(action: LifecycleAction) -> u8 {
    match action {
        LifecycleAction::Disable => 2,
        LifecycleAction::Delete => 5,
        _ => 1,
    }
}
