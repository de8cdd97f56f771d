//! Rules for the responses to callers.

use std::sync::Arc;

use super::{
    HOUR, REPLAY,
    deadlines::{acknowledged, event_id},
};
use crate::{
    invocation::Invocation,
    key::Claim,
    plan::{Caller, SERVICES},
    world::{State, Violation},
};

/// Checks the response to a sync that has just ended.
pub(crate) fn after_sync(by: &Arc<Invocation>, caller: Caller, key: usize, response: Option<u16>) {
    let world = &by.world;
    let (now, skew) = (world.now(), world.plan.clock_difference());
    let mut state = world.state();
    state.steps += 1;
    let key_state = &state.keys[key];
    let claims = &key_state.claims;
    let own = claims.iter().any(|claim| claim.invocation == by.number);
    let is_same = |claim: &Claim| claim.correlation == by.request;
    let mut found = Vec::new();
    let mut must = |holds: bool, guarantee: &'static str, description: &str| {
        if !holds {
            found.push(Violation { guarantee, description: description.to_owned() });
        }
    };
    let may_sync = !matches!(caller, Caller::Reader | Caller::Foreign);
    must(may_sync || !own, "G10", "a caller without access claimed");
    match response {
        Some(204) => {
            let recent = |claim: &Claim| now.saturating_sub(claim.written) <= REPLAY + skew + 60_000;
            let accepted = own || claims.iter().any(|claim| is_same(claim) && recent(claim));
            must(accepted, "G4", "204 without a claim");
            must(delivers_its_claims(&state, by), "G3", "204 for its own claim, and it delivered nothing");
            must(may_sync, "G10", "204 for a caller without access");
        }
        Some(409) => {
            must(may_sync, "G10", "409 for a caller without access");
            // A claim of its own is only in the way if another one has replaced it.
            let newest = claims.last();
            must(
                newest.is_none_or(|claim| claim.invocation != by.number),
                "G3",
                "409 because of its own claim",
            );
            let closed = claims.iter().any(|claim| by.began <= claim.at + HOUR + skew);
            must(closed, "G3", "409, and nothing closed the window within an hour");
            // A claim that came after the rejected one is accepted, and this sync is none of its
            // replays.
            let is_earlier = |claim: &Claim| claim.written < by.executed();
            let replay = newest
                .is_some_and(|claim| is_same(claim) && is_earlier(claim) && now + skew <= claim.at + REPLAY);
            must(!replay, "G3", "409 for a replay of the accepted request");
        }
        Some(404) => {
            must(!own, "G6", "404, and the window is closed");
            let purged = key_state.items.iter().flatten().any(|item| item.purged_at.is_some());
            must(purged || caller == Caller::Foreign, "G6", "404 for a key that exists");
        }
        Some(401) => {
            must(!own, "G6", "401, and the window is closed");
            must(caller == Caller::Reader, "G6", "401 for a caller with access");
        }
        Some(429 | 503) | None => {}
        Some(_) => must(false, "G6", "a response that is not documented"),
    }
    drop(state);
    world.note(&format!("{by} responds {response:?} to {caller:?} about k{key}"));
    for Violation { guarantee, description } in found {
        world.violated(guarantee, format!("{description}: {response:?} to {caller:?} about k{key}, by {by}"));
    }
}

/// Checks an event that was processed.
pub(crate) fn after_event(by: &Arc<Invocation>, event: &str) {
    let delivers = delivers_its_claims(&by.world.state(), by);
    if !delivers {
        by.world.violated("G3", format!("a processed event claimed and delivered nothing, by {by}"));
    }
    acknowledged(by, event);
}

/// Checks an event that `lifecycle` returned to the queue.
pub(crate) fn after_failed_event(by: &Arc<Invocation>) {
    let state = by.world.state();
    let mut claims = state.keys.iter().flat_map(|key| &key.claims);
    // A later call of the same invocation has shown it.
    let is_known = claims.any(|claim| claim.invocation == by.number && claim.written < by.executed());
    let delivers = !is_known || delivers_its_claims(&state, by);
    // A registration fails until its key is created.
    let is_unknown = state.keys.iter().any(|key| key.items[by.replica()].is_none());
    let is_hindered = !by.is_faultless() || is_unknown || !by.is_alone(&state);
    drop(state);
    if !delivers {
        by.world.violated("G3", format!("an event failed although it was recorded, by {by}"));
    }
    if !is_hindered {
        by.world.violated("G2", format!("an event failed without a reason, by {by}"));
    }
}

/// Whether the invocation attempted to deliver what it claimed, as it must before it responds. If
/// the response to its claim was lost, a newer claim may have replaced it meanwhile, or a run of
/// `redeliver` by a clock far ahead may have delivered and confirmed it.
fn delivers_its_claims(state: &State, by: &Invocation) -> bool {
    let newest = state.keys.iter().filter_map(|key| Some((key, key.claims.last()?)));
    let own = newest.filter(|(_, claim)| claim.invocation == by.number && !claim.is_confirmed);
    own.flat_map(|(key, claim)| claim.services.iter().map(move |service| (key, claim, service))).all(
        |(key, claim, service)| {
            let number = SERVICES.iter().position(|name| name == service);
            let was_paused = number.is_some_and(|number| !state.services[number].pauses.is_empty());
            was_paused || state.attempts.contains(&(by.number, event_id(key, &claim.id, service)))
        },
    )
}
