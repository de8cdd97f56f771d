//! Liveness: once faults stop, every service is eventually notified.
//!
//! From any state, no process crashes, no response is lost and no callback fails any more.
//! Processes finish their work, redeliverers lease due items, and time advances. This must reach
//! quiescence.

use stateright::Model;

use crate::{
    guarantees::{all_notified, is_quiescent},
    protocol::{Action, Callback, Protocol},
    state::{ProcessId, SERVICES, State, Step},
};

/// Upper bound on the steps to quiescence, far more than necessary. Each step is a process's next
/// step, a lease or a tick.
const MAX_STEPS: usize = 60;

/// Whether the protocol reaches quiescence without faults, with every service notified.
pub(crate) fn reaches_quiescence(model: &Protocol, state: &State) -> bool {
    let mut state = *state;
    for _ in 0..MAX_STEPS {
        if is_quiescent(&state) {
            return all_notified(model, &state);
        }
        let action = next_step(model, &state).or_else(|| lease(model, &state)).unwrap_or(Action::Tick);
        state = model.next_state(&state, action).unwrap_or(state);
    }
    false
}

fn next_step(model: &Protocol, state: &State) -> Option<Action> {
    ProcessId::all().find_map(|pid| match state.process(pid).step {
        Step::Idle | Step::HasRead | Step::Done => None,
        Step::ResponseLost => Some(Action::Resend { pid }),
        Step::Unfilled => Some(Action::Fill { pid, clock: 0 }),
        Step::Delivering => Some(Action::Deliver { pid, callbacks: [Callback::Acknowledged; SERVICES] }),
        Step::Delivered if model.must_check(state, pid) => Some(Action::Check { pid, clock: 0 }),
        Step::Reporting => Some(Action::Report { pid }),
        Step::Delivered | Step::Checked => Some(Action::Confirm { pid, clock: 0, later: 0 }),
    })
}

/// Every process is idle here, so any redeliverer can take the lease.
fn lease(model: &Protocol, state: &State) -> Option<Action> {
    let is_due = |key: &usize| state.items[*key].due_at.is_some_and(|due_at| due_at <= 0);
    let key = (0..model.bounds.keys).find(is_due)?;
    Some(Action::Lease { pid: ProcessId::redeliverer(0), key, clock: 0, response_lost: false })
}
