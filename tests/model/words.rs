//! Tells a path in plain words, a line for each step.

use std::fmt::Write;

use stateright::{Model, Path};

use crate::{
    protocol::{Action, Callback, Protocol},
    state::{Role, SERVICES, State, Step, Time, Who},
};

/// The path, with the ticks gone by before each step.
pub(crate) fn tell(model: &Protocol, path: Path<State, Action>) -> String {
    let mut told = String::new();
    let mut ticks = 0;
    for (before, action) in path.into_vec() {
        let Some(action) = action else { break };
        let Some(after) = model.next_state(&before, action) else { continue };
        if action == Action::Tick {
            ticks += 1;
        }
        let words = Teller { model, before: &before, after: &after }.step(action);
        // A String takes any write.
        let _ = writeln!(told, "    t={ticks}  {words}");
    }
    told
}

struct Teller<'a> {
    model: &'a Protocol,
    before: &'a State,
    after: &'a State,
}

impl Teller<'_> {
    fn step(&self, action: Action) -> String {
        match action {
            Action::Tick => "a tick goes by".to_owned(),
            Action::Look { who, key, clock } => {
                format!("{} reads {}{} and finds the window open", name(who), self.key(key), on(clock))
            }
            Action::Claim { who, key, clock, .. } => self.claim(who, key, clock),
            Action::ClaimFromAnotherAccount { who, key, clock } => {
                self.claim(who, key, clock) + ", from another account"
            }
            Action::RecordOfAnotherAccount { who, clock } => self.record(who, clock) + ", of another account",
            Action::Vanish { who } => {
                format!("{}: no try of its claim reaches DynamoDB, and it is answered 204", name(who))
            }
            Action::Record { who, clock, .. } => self.record(who, clock),
            Action::LeaseAgain { who, key, clock } => {
                self.lease(who, key, clock) + ", at the second try: the first is still under way"
            }
            Action::Straggle { who } => {
                let key = self.before.process(who).key();
                let took = self.after.items[key].lease == Some(who)
                    && self.after.items[key] != self.before.items[key];
                let end = if took { "and takes the lease again" } else { "to no effect" };
                format!("the first try of {}'s lease request arrives, {end}", name(who))
            }
            Action::Lease { who, key, clock, .. } => self.lease(who, key, clock),
            Action::Resend { who } => self.resend(who),
            Action::Fill { who, .. } => format!("{} fills the outbox in a second write", name(who)),
            Action::Deliver { who, callbacks } => self.deliver(who, callbacks),
            Action::Arrive { key, service, sequence } => {
                let went = self.went(key, service);
                format!("the late callback {sequence} reaches {}{went}", self.service(service))
            }
            Action::Confirm { who, .. } => self.confirm(who),
            Action::ConfirmPart { who, .. } => format!("{} confirms a first part", name(who)),
            Action::Die { who } => match who.role() {
                Role::Caller(_) => format!("{} dies or learns nothing: 502 or 503", name(who)),
                Role::Lifecycle { .. } | Role::Redeliverer(_) => format!("{} dies", name(who)),
            },
        }
    }

    fn claim(&self, who: Who, key: usize, clock: Time) -> String {
        let (sequence, key_name) = (self.after.items[key].sequence, self.key(key));
        let claims = format!("{} claims {key_name}{}", name(who), on(clock));
        if sequence == self.before.items[key].sequence {
            return format!("{claims}: refused, and answered 204 as a replay");
        }
        match self.after.process(who).step {
            Step::Unsure => format!("{claims}: written as notification {sequence}, the answer is lost"),
            Step::Idle | Step::Done => {
                format!("{claims}: written as notification {sequence}, and only then answered 409")
            }
            _ => format!("{claims}: won, notification {sequence}"),
        }
    }

    fn record(&self, who: Who, clock: Time) -> String {
        let Role::Lifecycle { key, .. } = who.role() else { return String::new() };
        let (before, after) = (self.before.items[key], self.after.items[key]);
        let mut told = format!("{} is recorded{}: notification {}", name(who), on(clock), after.sequence);
        if after.notified_at < before.notified_at {
            told += ", notified_at goes back";
        }
        if after.event < before.event {
            told += ", and a newer event is undone";
        }
        if self.after.process(who).step == Step::Unsure {
            told += ", the answer is lost";
        }
        told
    }

    fn lease(&self, who: Who, key: usize, clock: Time) -> String {
        let process = self.after.process(who);
        let whom = if process.todo == 0 { "nobody".to_owned() } else { self.services(process.todo) };
        let lost = if process.step == Step::Unsure { ", the answer is lost" } else { "" };
        let (who, key) = (name(who), self.key(key));
        format!("{who} leases {key}{} to tell {whom} of notification {}{lost}", on(clock), process.sequence)
    }

    fn resend(&self, who: Who) -> String {
        let end = match (self.after.process(who).step, who.role()) {
            (Step::Holding | Step::Delivered | Step::Unfilled, _) => "finds its own write and goes on",
            (Step::Done, Role::Caller(_)) if self.is_still_its_own(who) => "is answered 204 as a replay",
            (_, Role::Caller(_)) if self.is_still_its_own(who) => "is answered 409 because of its own claim",
            (_, Role::Caller(_)) => "is answered 409: a newer notification has come",
            (_, _) => "leaves it at that",
        };
        format!("{}: the SDK sends again, and it {end}", name(who))
    }

    fn is_still_its_own(&self, who: Who) -> bool {
        !Protocol::finds_itself_replaced(self.before, who)
    }

    fn deliver(&self, who: Who, callbacks: [Callback; SERVICES]) -> String {
        let process = self.before.process(who);
        let told = (0..SERVICES).filter(|service| process.todo & 1 << service != 0).map(|service| {
            let service_name = self.service(service);
            match callbacks[service] {
                Callback::Acknowledged => {
                    format!("{service_name} acknowledges{}", self.went(process.key(), service))
                }
                Callback::Failed => format!("{service_name} is not reached"),
                Callback::InFlight => format!("{service_name} does not answer in time"),
            }
        });
        let told = told.collect::<Vec<_>>().join(", ");
        format!("{} calls with notification {}: {told}", name(who), process.sequence)
    }

    fn confirm(&self, who: Who) -> String {
        let key = self.before.process(who).key();
        let (before, after) = (self.before.items[key], self.after.items[key]);
        if (before.outbox, before.due_at) == (after.outbox, after.due_at) {
            return format!("{}: its confirmation changes nothing", name(who));
        }
        let pending = (0..SERVICES).filter(|&service| after.outbox[service].pending);
        let pending = self.services(pending.map(|service| 1 << service).sum());
        let pending = if pending.is_empty() { "nothing".to_owned() } else { pending };
        let due = if after.due_at.is_some() { "it is due again" } else { "it is not due any more" };
        let ours = self.before.process(who).sequence;
        format!("{} confirms notification {ours}: {pending} stays pending, {due}", name(who))
    }

    fn went(&self, key: usize, service: usize) -> String {
        let knew = self.before.receivers[key][service].knows;
        let knows = self.after.receivers[key][service].knows;
        if knows < knew { format!(", and goes back from {knew} to {knows}") } else { String::new() }
    }

    fn key(&self, key: usize) -> &'static str {
        match (self.model.bounds.keys, key) {
            (1, _) => "the key",
            (_, 0) => "key A",
            (_, _) => "key B",
        }
    }

    fn service(&self, service: usize) -> &'static str {
        match (self.model.bounds.services, service) {
            (1, _) => "the service",
            (_, 0) => "storage",
            (_, _) => "database",
        }
    }

    fn services(&self, services: u8) -> String {
        let names = (0..SERVICES).filter(|service| services & 1 << service != 0);
        names.map(|service| self.service(service)).collect::<Vec<_>>().join(" and ")
    }
}

fn name(who: Who) -> String {
    match who.role() {
        Role::Caller(0) => "alice (id x)".to_owned(),
        Role::Caller(1) => "alice (id y)".to_owned(),
        Role::Caller(_) => "bob (id x)".to_owned(),
        Role::Lifecycle { event, .. } => format!("event {event}"),
        Role::Redeliverer(nth) => format!("redeliverer {}", nth + 1),
    }
}

fn on(clock: Time) -> String {
    match clock {
        0 => String::new(),
        1.. => format!(" (its clock {clock} ahead)"),
        _ => " (its clock stepped back)".to_owned(),
    }
}
