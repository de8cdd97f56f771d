//! G1–G8 and G10, as properties that the checker holds against every state.
//!
//! G2 and G7 can be read off any single state. The others are about what happens between two states:
//! there the transition compares the two with the history, and notes what was broken as a bit.

use stateright::Property;

use crate::{
    bounds::{Bounds, Explore},
    calm,
    protocol::Protocol,
    state::{Broken, CALLERS, State, Step, Who},
};

pub(crate) const G1: &str = "G1 one winner: two syncs never close the same window";
pub(crate) const G2_OUTBOX: &str = "G2 nothing lost: who is not told is in the outbox, and it is due";
pub(crate) const G2_AT_REST: &str = "G2 nothing lost: at rest everyone was told the newest";
pub(crate) const G2_IN_THE_END: &str = "G2 nothing lost: left in peace, everyone will be told";
pub(crate) const G3: &str = "G3 no false 409: nobody is refused because of its own claim";
pub(crate) const G4: &str = "G4 no false 204: its claim is durable";
pub(crate) const G5_OUTBOX: &str = "G5 newest wins: no confirmation touches a newer outbox";
pub(crate) const G5_RECEIVER: &str = "G5 newest wins: no receiver goes back to an older state";
pub(crate) const G5_FACTS: &str = "G5 newest wins: no event undoes a newer one";
pub(crate) const G6: &str = "G6 refusals change nothing";
pub(crate) const G7: &str = "G7 bounded: the outbox holds what is pending, and attempts end";
pub(crate) const G8_APART: &str = "G8 clocks: two syncs are a window less the skew apart";
pub(crate) const G8_FORWARD: &str = "G8 clocks: notified_at never goes back";
pub(crate) const G10: &str = "G10 isolation: nothing of another account changes a key";

impl Broken {
    pub(crate) const G1: u16 = 1;
    pub(crate) const G3: u16 = 1 << 1;
    pub(crate) const G4: u16 = 1 << 2;
    pub(crate) const G5_OUTBOX: u16 = 1 << 3;
    pub(crate) const G5_RECEIVER: u16 = 1 << 4;
    pub(crate) const G5_FACTS: u16 = 1 << 5;
    pub(crate) const G6: u16 = 1 << 6;
    pub(crate) const G7: u16 = 1 << 7;
    pub(crate) const G8_APART: u16 = 1 << 8;
    pub(crate) const G8_FORWARD: u16 = 1 << 9;
    pub(crate) const G10: u16 = 1 << 10;

    /// Notes that `guarantee` is broken if so.
    pub(crate) fn note(&mut self, guarantee: u16, if_so: bool) {
        if if_so {
            self.0 |= guarantee;
        }
    }

    fn keeps(self, guarantee: u16) -> bool {
        self.0 & guarantee == 0
    }
}

/// The guarantees, and what shows that the model is not empty of what they speak of.
pub(crate) fn properties(model: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(G1, holds::<{ Broken::G1 }>),
        Property::always(G2_OUTBOX, who_is_not_told_is_in_the_outbox),
        Property::always(G2_AT_REST, |model, state| !is_at_rest(state) || all_are_told(model, state)),
        Property::always(G2_IN_THE_END, calm::ends_well),
        Property::always(G3, holds::<{ Broken::G3 }>),
        Property::always(G4, holds::<{ Broken::G4 }>),
        Property::always(G5_OUTBOX, holds::<{ Broken::G5_OUTBOX }>),
        Property::always(G5_RECEIVER, holds::<{ Broken::G5_RECEIVER }>),
        Property::always(G5_FACTS, holds::<{ Broken::G5_FACTS }>),
        Property::always(G6, holds::<{ Broken::G6 }>),
        Property::always(G7, is_bounded),
        Property::always(G8_APART, holds::<{ Broken::G8_APART }>),
        Property::always(G8_FORWARD, holds::<{ Broken::G8_FORWARD }>),
        Property::always(G10, holds::<{ Broken::G10 }>),
    ];
    properties.extend(possibilities(&model.bounds));
    properties
}

/// What can be seen in a world of these bounds. Like the guarantees these must not ask for names.
fn possibilities(bounds: &Bounds) -> Vec<Property<Protocol>> {
    let mut possible = vec![Property::sometimes("everything comes to rest", |_, state: &State| {
        state.items[0].sequence > 0 && is_at_rest(state)
    })];
    if bounds.callers > 0 {
        possible.push(Property::sometimes("a lost answer finds its own claim", |_, state: &State| {
            Who::all().any(|who| is_unsure(state, who, true))
        }));
    }
    if bounds.callers > 1 && bounds.keys == 1 {
        possible.push(Property::sometimes("a second sync wins", |_, state: &State| {
            let callers = &state.processes[..CALLERS];
            let one_is_done = callers.iter().any(|caller| caller.step == Step::Done);
            one_is_done && callers.iter().any(|caller| caller.is_at_work()) && state.items[0].event == 0
        }));
    }
    if bounds.explore != Explore::Reduced {
        possible.push(Property::sometimes("a slow process is overtaken", |_, state: &State| {
            Who::all().any(|who| is_overtaken(state, who))
        }));
    }
    if bounds.explore != Explore::Reduced && bounds.callers + usize::from(bounds.events) > 1 {
        possible.push(Property::sometimes("a lost answer finds a newer claim", |_, state: &State| {
            Who::all().any(|who| is_unsure(state, who, false))
        }));
    }
    possible
}

fn holds<const GUARANTEE: u16>(_: &Protocol, state: &State) -> bool {
    state.broken.keeps(GUARANTEE)
}

fn who_is_not_told_is_in_the_outbox(model: &Protocol, state: &State) -> bool {
    (0..model.bounds.keys).all(|key| {
        let item = &state.items[key];
        (0..model.bounds.services).all(|service| {
            let entry = item.outbox[service];
            let told = state.receivers[key][service].knows >= item.sequence;
            told || entry.given_up || (entry.pending && item.due_at.is_some())
        })
    })
}

/// No process has anything to finish, and nothing is due for a redeliverer, now or later. Callers and the
/// queue may come with something new, but need not; and a callback in flight may be lost.
pub(crate) fn is_at_rest(state: &State) -> bool {
    !state.processes.iter().any(|process| process.is_at_work() && process.step != Step::Looked)
        && state.items.iter().all(|item| item.due_at.is_none())
}

pub(crate) fn all_are_told(model: &Protocol, state: &State) -> bool {
    (0..model.bounds.keys).all(|key| {
        let item = &state.items[key];
        (0..model.bounds.services).all(|service| {
            item.outbox[service].given_up || state.receivers[key][service].knows == item.sequence
        })
    })
}

/// `due_at` is there precisely while something is pending, so that the index stays sparse; `retries` has
/// no service that is not pending; and no service is tried for ever.
fn is_bounded(model: &Protocol, state: &State) -> bool {
    state.broken.keeps(Broken::G7)
        && state.items.iter().all(|item| {
            let pending = item.outbox.iter().any(|entry| entry.pending);
            pending == item.due_at.is_some()
                && item.outbox.iter().all(|entry| entry.attempts <= model.bounds.most_attempts())
        })
}

fn is_unsure(state: &State, who: Who, still_its_own: bool) -> bool {
    let process = state.process(who);
    let is_newest = process.sequence == state.items[process.key()].sequence;
    process.step == Step::Unsure && is_newest == still_its_own
}

fn is_overtaken(state: &State, who: Who) -> bool {
    let process = state.process(who);
    process.step == Step::Holding && state.items[process.key()].lease != Some(who)
}
