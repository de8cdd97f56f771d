//! Acknowledgements: what a service reports to have acted on, and when.
//!
//! An exploration has one kind: of the last notification, as soon as it was made. The comparison
//! with the code has all of them (`Bounds::any_acknowledgement`).

use crate::{
    protocol::{Action, Protocol},
    state::{NEVER, State, Time},
};

/// An acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Whether it names the notification before the last one. That counts for an older notification
    /// that the service must acknowledge.
    pub superseded: bool,
    /// When the service acted.
    pub acted: Acted,
    /// Whether the state that it reports contradicts the key's. It counts nevertheless.
    pub contradicts: bool,
}

/// The instant at which a service acted, relative to the notification that its acknowledgement
/// counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// Before it was made. Nothing is written.
    Before,
    /// When it was made.
    AtOnce,
    /// When the acknowledgement arrives, in time or late.
    Now,
}

impl Acknowledgement {
    /// That of an exploration.
    pub const AT_ONCE: Self = Self { superseded: false, acted: Acted::AtOnce, contradicts: false };
}

impl Protocol {
    /// A service may acknowledge what it has received at any time, or never.
    pub(crate) fn acknowledgements(&self, state: &State, key: usize, actions: &mut Vec<Action>) {
        let item = &state.items[key];
        if !self.bounds.has_deadline() || item.sequence == 0 {
            return;
        }
        for service in 0..self.bounds.services {
            let received = state.receivers[key][service].last_sequence;
            let acknowledge = |acknowledgement| Action::Acknowledge { key, service, acknowledgement };
            if self.bounds.any_acknowledgement {
                actions.extend(any(received, item.sequence).map(acknowledge));
            } else if received == item.sequence && item.acknowledged & 1 << service == 0 {
                actions.push(acknowledge(Acknowledgement::AT_ONCE));
            }
        }
    }

    /// `Ledger::acknowledge`. One in time stays in time, whatever follows.
    pub(crate) fn acknowledge(
        &self,
        state: &mut State,
        key: usize,
        service: usize,
        Acknowledgement { superseded, acted, .. }: Acknowledgement,
    ) {
        let item = &mut state.items[key];
        let named = if superseded { item.older[service] } else { item.notified_at };
        let at = match acted {
            Acted::Before => return,
            Acted::AtOnce => named,
            Acted::Now => 0,
        };
        if named == NEVER || at < named {
            return;
        }
        let is_in_time = |of: Time| of != NEVER && at - of <= self.bounds.deadline;
        item.older_acknowledged |= u8::from(is_in_time(item.older[service])) << service;
        if !superseded {
            item.acknowledged |= u8::from(is_in_time(item.notified_at)) << service;
            if self.bounds.any_acknowledgement {
                let counted = &mut item.counted[service];
                *counted = if *counted == NEVER { at } else { at.max(*counted) };
            }
        }
        let owed = &mut state.history[key].owed[service];
        if is_in_time(*owed) {
            *owed = NEVER;
        }
    }
}

/// All acknowledgements by a service that has received notification `received` of `last`.
fn any(received: u8, last: u8) -> impl Iterator<Item = Acknowledgement> {
    let acted = [Acted::Before, Acted::AtOnce, Acted::Now];
    let latest = move |acted| {
        [false, true].map(|contradicts| Acknowledgement { superseded: false, acted, contradicts })
    };
    let latest = acted.into_iter().filter(move |_| received == last).flat_map(latest);
    let superseded = |acted| Acknowledgement { superseded: true, acted, contradicts: false };
    // It has received that notification, or the last one in its place.
    let superseded = acted.into_iter().filter(move |_| last > 1 && received + 1 >= last).map(superseded);
    latest.chain(superseded)
}
