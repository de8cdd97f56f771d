//! Formats a path as text, one line for each step.

use std::fmt::Write;

use stateright::{Model, Path};

use crate::{
    protocol::{Action, Callback, Protocol},
    state::{ProcessId, Role, SERVICES, State, Step, Time},
};

/// Formats a path with the number of ticks elapsed at each step.
#[must_use]
pub fn format(model: &Protocol, path: Path<State, Action>) -> String {
    let mut text = String::new();
    let mut ticks = 0;
    for (before, action) in path.into_vec() {
        let Some(action) = action else { break };
        let Some(after) = model.next_state(&before, action) else { continue };
        if action == Action::Tick {
            ticks += 1;
        }
        let line = StepFormatter { model, before: &before, after: &after }.step(action);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    t={ticks}  {line}");
    }
    text
}

struct StepFormatter<'a> {
    model: &'a Protocol,
    before: &'a State,
    after: &'a State,
}

impl StepFormatter<'_> {
    fn step(&self, action: Action) -> String {
        match action {
            Action::Tick => "one tick".to_owned(),
            Action::Read { pid, key, clock } => {
                format!("{} reads {}{} and finds the window open", name(pid), self.key(key), on(clock))
            }
            Action::Claim { pid, key, clock, .. } => self.claim(pid, key, clock),
            Action::ClaimFromAnotherAccount { pid, key, clock } => {
                self.claim(pid, key, clock) + ", from another account"
            }
            Action::RecordOfAnotherAccount { pid, clock } => self.record(pid, clock) + ", of another account",
            Action::LoseClaim { pid } => {
                format!("{}: no attempt of its claim reaches DynamoDB, but it gets 204", name(pid))
            }
            Action::Record { pid, clock, .. } => self.record(pid, clock),
            Action::LeaseByRetry { pid, key, clock } => {
                self.lease(pid, key, clock) + " by a retry, with the first attempt still in flight"
            }
            Action::DeliverLateRequest { pid } => {
                let key = self.before.process(pid).key();
                let took = self.after.items[key].lease == Some(pid)
                    && self.after.items[key] != self.before.items[key];
                let end = if took { "and takes the lease again" } else { "without effect" };
                format!("the first attempt of {}'s lease request arrives, {end}", name(pid))
            }
            Action::Lease { pid, key, clock, .. } => self.lease(pid, key, clock),
            Action::Resend { pid } => self.resend(pid),
            Action::Fill { pid, .. } => format!("{} fills the outbox in a second write", name(pid)),
            Action::Deliver { pid, callbacks } => self.deliver(pid, callbacks),
            Action::Arrive { key, service, sequence } => {
                let regression = self.regression(key, service);
                format!("the late callback {sequence} reaches {}{regression}", self.service(service))
            }
            Action::Replay { service, clock, .. } => {
                format!("an operator replays it to {}{}", self.service(service), on(clock))
            }
            Action::Confirm { pid, .. } => self.confirm(pid),
            Action::Acknowledge { service, .. } => format!("{} reports that it acted", self.service(service)),
            Action::Purge { key } => format!("{} is purged", self.key(key)),
            Action::Reject { write, .. } => format!("{write:?}, rejected"),
            Action::Check { pid, clock } => self.check(pid, clock),
            Action::Report { pid } => format!("{} reports who did not acknowledge", name(pid)),
            Action::ConfirmPart { pid, .. } => format!("{} confirms the first service", name(pid)),
            Action::Crash { pid } => match pid.role() {
                Role::Caller(_) => format!("{} crashes or gets no response: 502 or 503", name(pid)),
                Role::Lifecycle { .. } | Role::Redeliverer(_) => format!("{} crashes", name(pid)),
            },
        }
    }

    fn claim(&self, pid: ProcessId, key: usize, clock: Time) -> String {
        let (sequence, key_name) = (self.after.items[key].sequence, self.key(key));
        let claims = format!("{} claims {key_name}{}", name(pid), on(clock));
        if sequence == self.before.items[key].sequence {
            return format!("{claims}: rejected, then 204 as a replay");
        }
        match self.after.process(pid).step {
            Step::ResponseLost => {
                format!("{claims}: written as notification {sequence}, the response is lost")
            }
            Step::Idle | Step::Done => {
                format!("{claims}: written as notification {sequence}, but it gets 409")
            }
            _ => format!("{claims}: won, notification {sequence}"),
        }
    }

    fn record(&self, pid: ProcessId, clock: Time) -> String {
        let Role::Lifecycle { key, .. } = pid.role() else { return String::new() };
        let (before, after) = (self.before.items[key], self.after.items[key]);
        let mut text = format!("{} is recorded{}: notification {}", name(pid), on(clock), after.sequence);
        if after.notified_at < before.notified_at {
            text += ", notified_at goes back";
        }
        if after.event < before.event {
            text += ", and a newer event is undone";
        }
        if self.after.process(pid).step == Step::ResponseLost {
            text += ", the response is lost";
        }
        text
    }

    fn lease(&self, pid: ProcessId, key: usize, clock: Time) -> String {
        let process = self.after.process(pid);
        let services =
            if process.to_notify == 0 { "no service".to_owned() } else { self.services(process.to_notify) };
        let lost = if process.step == Step::ResponseLost { ", the response is lost" } else { "" };
        let (name, key) = (name(pid), self.key(key));
        format!(
            "{name} leases {key}{} to notify {services} of notification {}{lost}",
            on(clock),
            process.sequence
        )
    }

    fn resend(&self, pid: ProcessId) -> String {
        let end = match (self.after.process(pid).step, pid.role()) {
            (Step::Delivering | Step::Delivered | Step::Unfilled, _) => "finds its own write and continues",
            (Step::Done, Role::Caller(_)) if self.has_own_claim(pid) => "gets 204 as a replay",
            (_, Role::Caller(_)) if self.has_own_claim(pid) => "gets 409 because of its own claim",
            (_, Role::Caller(_)) => "gets 409 because of a newer notification",
            (_, _) => "stops",
        };
        format!("{}: the SDK retries, and it {end}", name(pid))
    }

    fn has_own_claim(&self, pid: ProcessId) -> bool {
        !Protocol::is_superseded(self.before, pid)
    }

    fn deliver(&self, pid: ProcessId, callbacks: [Callback; SERVICES]) -> String {
        let process = self.before.process(pid);
        let results = (0..SERVICES).filter(|service| process.to_notify & 1 << service != 0).map(|service| {
            let service_name = self.service(service);
            match callbacks[service] {
                Callback::Acknowledged => {
                    format!("{service_name} acknowledges{}", self.regression(process.key(), service))
                }
                Callback::Failed => format!("{service_name} is not reached"),
                Callback::InFlight => format!("{service_name} times out"),
            }
        });
        let results = results.collect::<Vec<_>>().join(", ");
        format!("{} calls with notification {}: {results}", name(pid), process.sequence)
    }

    fn confirm(&self, pid: ProcessId) -> String {
        let key = self.before.process(pid).key();
        let (before, after) = (self.before.items[key], self.after.items[key]);
        if (before.outbox, before.due_at) == (after.outbox, after.due_at) {
            return format!("{}: its confirmation changes nothing", name(pid));
        }
        let pending = (0..SERVICES).filter(|&service| after.outbox[service].pending);
        let pending = self.services(pending.map(|service| 1 << service).sum());
        let pending = if pending.is_empty() { "nothing".to_owned() } else { pending };
        let due = if after.due_at.is_some() { "it is due again" } else { "it is no longer due" };
        let sequence = self.before.process(pid).sequence;
        format!("{} confirms notification {sequence}: {pending} stays pending, {due}", name(pid))
    }

    fn check(&self, pid: ProcessId, clock: Time) -> String {
        let key = self.before.process(pid).key();
        let found = self.after.history[key].reported & !self.before.history[key].reported;
        let end = match (self.after.process(pid).checked, found) {
            (false, _) => "the deadline is not over".to_owned(),
            (true, 0) => "it reports nothing new".to_owned(),
            (true, found) => format!("it reports {}", self.services(found)),
        };
        format!("{} checks the deadline{}: {end}", name(pid), on(clock))
    }

    fn regression(&self, key: usize, service: usize) -> String {
        let before = self.before.receivers[key][service].last_sequence;
        let after = self.after.receivers[key][service].last_sequence;
        if after < before { format!(", which goes back from {before} to {after}") } else { String::new() }
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

fn name(pid: ProcessId) -> String {
    match pid.role() {
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
