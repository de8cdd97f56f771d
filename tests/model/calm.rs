//! What happens once the accidents stop: the answer to "will it be told *eventually*?"
//!
//! From any state on, nobody dies any more, no answer is lost and no callback fails. Processes finish what
//! they are at, redeliverers take up what is due, time goes on. That must lead to rest.

use stateright::Model;

use crate::{
    guarantees::{all_are_told, is_at_rest},
    protocol::{Action, Callback, Protocol},
    state::{SERVICES, State, Step, Who},
};

/// Many more steps than it takes: each is a process's next step, a lease or a tick.
const PATIENCE: usize = 60;

/// Left in peace, everything comes to rest and everyone was told.
pub(crate) fn ends_well(model: &Protocol, state: &State) -> bool {
    let mut state = *state;
    for _ in 0..PATIENCE {
        if is_at_rest(&state) {
            return all_are_told(model, &state);
        }
        let action = next_step(&state).or_else(|| lease(model, &state)).unwrap_or(Action::Tick);
        state = model.next_state(&state, action).unwrap_or(state);
    }
    false
}

fn next_step(state: &State) -> Option<Action> {
    Who::all().find_map(|who| match state.process(who).step {
        Step::Idle | Step::Looked | Step::Done => None,
        Step::Unsure => Some(Action::Resend { who }),
        Step::Unfilled => Some(Action::Fill { who, clock: 0 }),
        Step::Holding => Some(Action::Deliver { who, callbacks: [Callback::Acknowledged; SERVICES] }),
        Step::Delivered => Some(Action::Confirm { who, clock: 0, later: 0 }),
    })
}

/// By now every process is idle, so the first redeliverer is as good as any.
fn lease(model: &Protocol, state: &State) -> Option<Action> {
    let is_due = |key: &usize| state.items[*key].due_at.is_some_and(|due_at| due_at <= 0);
    let key = (0..model.bounds.keys).find(is_due)?;
    Some(Action::Lease { who: Who::redeliverer(0), key, clock: 0, answer_lost: false })
}
