//! Pauses: the operator stops the deliveries to a service, and resumes them later.

use keysync::domain::EpochMillis;
use serde_json::{Map, Value, json};

use crate::{
    invocation::Invocation,
    plan::{Function, SERVICES},
    world::{START, Service, World},
};

/// The partition and sort key of the item.
const PAUSES: &str = "pauses";
/// The time for which `sync` and `lifecycle` use what they know, and that of one invocation.
const KNOWN: u64 = 60_000 + 30_000;

/// A pause of a service, in true time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    start: u64,
    /// `None` while the service is paused.
    end: Option<u64>,
}

impl World {
    /// Pauses a service. False if it is paused already.
    pub(crate) fn pause(&self, service: usize) -> bool {
        let now = self.now();
        let is_paused = self.state().services[service].is_paused();
        if !is_paused {
            self.state().services[service].pauses.push(Pause { start: now, end: None });
            self.write_pauses();
        }
        !is_paused
    }

    /// Ends the pause of a service, if it has one.
    pub(crate) fn resume(&self, service: usize) {
        let now = self.now();
        if let Some(pause) = self.state().services[service].pauses.last_mut() {
            pause.end.get_or_insert(now);
        }
        self.note(&format!("{} is not paused", SERVICES[service]));
        self.write_pauses();
    }

    /// Writes the last pause of each service, as the operator's command does.
    fn write_pauses(&self) {
        let at = |time: u64| json!({"N": EpochMillis::new(START + time).get().to_string()});
        let mut services = Map::new();
        for (service, name) in self.state().services.iter().zip(SERVICES) {
            let Some(Pause { start, end }) = service.pauses.last().copied() else { continue };
            let mut pause = json!({"at": at(start), "operator": {"S": "ada"}, "reason": {"S": "moved"}});
            if let Some(end) = end {
                pause["resumed"] = json!({"M": {"at": at(end), "operator": {"S": "ada"}}});
            }
            services.insert(name.to_owned(), json!({"M": pause}));
        }
        let item =
            json!({"pk": {"S": PAUSES}, "sk": {"S": PAUSES}, "services": {"M": Value::Object(services)}});
        self.tables.put(&item);
    }
}

impl Service {
    /// Whether the service is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|pause| pause.end.is_none())
    }

    /// Whether an invocation must know that the service is paused, at the time `now`.
    pub(crate) fn is_known_to_be_paused(&self, by: &Invocation, now: u64) -> bool {
        let Some(Pause { start, end: None }) = self.pauses.last().copied() else { return false };
        match by.function {
            Function::Redeliver => start < by.began,
            // If they cannot read the pauses, they call the services.
            _ => by.world.plan.is_faultless() && start + KNOWN < now,
        }
    }

    /// The end of the last pause that began before the time `before`, or `now` if that has not
    /// ended; 0 without one.
    pub(crate) fn paused_until(&self, before: u64, now: u64) -> u64 {
        let known = self.pauses.iter().filter(|pause| pause.start < before);
        known.map(|pause| pause.end.unwrap_or(now)).max().unwrap_or(0)
    }
}
