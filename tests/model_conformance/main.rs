//! The code beside the model of its protocol (`tests/model`): each step of the model is taken by
//! the real ledger on the embedded engine, too, and afterwards the key's item has to equal the
//! model's (`mapping.rs`).
//!
//! - `paths.rs`: all paths to a bounded depth
//! - `walks.rs`: long random paths, seeded
//! - `dispatch.rs`, `services.rs`: deliveries and confirmations by the real dispatcher
//! - `system.rs`, `calls.rs`: what the real processes, the table and the services do in a step
//! - `acknowledgements.rs`, `rejected.rs`: acknowledgements, and writes that must change nothing
//! - `one_write.rs`: a confirmation that ends between two writes
//! - `resent.rs`: a record of two attempts whose second response is lost
//! - `observed.rs`, `difference.rs`: what the model expects of it, and what differs
//!
//! `docs/explanation/model.md` says what this shows, and what it leaves out.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

mod acknowledgements;
mod calls;
mod difference;
mod dispatch;
mod mapping;
mod observed;
mod one_write;
mod paths;
mod rejected;
mod resent;
mod services;
mod system;
mod walks;

use keysync_model::{
    bounds::{Bounds, Explore},
    guards::Guards,
    protocol::{Action, Protocol},
    state::State,
};

use mapping::Scale;
use observed::Observed;
use stateright::Model;
use system::System;

/// A configuration of the model, and how long a tick takes in the code.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    name: &'static str,
    model: Protocol,
    scale: Scale,
    through: Through,
    /// The real services for the model's first one.
    members: usize,
}

/// What delivers and confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// The test itself calls the services and then the ledger, as the model does: with any next
    /// attempts, and without deadlines.
    Ledger,
    /// The real dispatcher.
    Dispatcher,
}

impl Configuration {
    fn new(name: &'static str, scale: Scale, bounds: &Bounds, through: Through) -> Self {
        // Time within a window and a replay follows from the tick: the code's durations are fixed.
        let bounds = Bounds {
            window: scale.window(),
            replay: scale.replay(),
            explore: Explore::Everything,
            ..bounds.clone()
        };
        // A write of a confirmation has 32 outcomes.
        let members = if bounds.confirms_in_parts { 32 } else { 1 };
        Self { name, model: Protocol { bounds, guards: Guards::ALL }, scale, through, members }
    }

    fn initial(&self) -> State {
        State::initial(&self.model.bounds)
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        self.model.actions(state, &mut actions);
        actions
    }

    /// Takes `action` in the model and in the system. Returns the state after it.
    async fn step(&self, system: &mut System, before: &State, action: Action) -> Result<State, String> {
        let after = self.model.next_state(before, action);
        let expected = self.expected(system, before, after.as_ref(), action);
        let after = after.unwrap_or(*before);
        let (is_rejected, item) = (after == *before, system.item.clone());
        let observed = system.take(action, &after).await;
        if observed != expected && expected != Observed::Unknown {
            return Err(format!("the model expects {expected:?}, the code shows {observed:?}: {action:?}"));
        }
        // An acknowledgement that changes nothing in the model may change what is stored of it.
        if is_rejected && !matches!(action, Action::Acknowledge { .. }) && item != system.item {
            return Err(format!("the model rejects this, the item changes: {action:?}"));
        }
        let difference = system.difference(&after, &self.model);
        difference.map_or(Ok(after), |difference| Err(format!("{difference}: {action:?}")))
    }
}
