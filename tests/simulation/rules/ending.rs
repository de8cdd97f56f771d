//! Rules for the end of a round, when faults have ended and `redeliver` has run.

use std::sync::Arc;

use super::write::has_acted;
use crate::{
    plan::{ACKNOWLEDGING, SERVICES},
    world::{Key, State, World},
};

/// Whether nothing is left to do: every event is processed, nothing is pending, and every deadline
/// is checked.
pub(crate) fn is_settled(state: &State) -> bool {
    let is_settled =
        |key: &Key| key.item.as_ref().is_none_or(|item| item.pending.is_empty() && item.due_at.is_none());
    state.in_queue == 0 && state.keys.iter().all(is_settled)
}

/// Checks what must hold once nothing is left to do.
pub(crate) fn at_end(world: &Arc<World>) {
    let skew = world.plan.clock_difference();
    let mut found = Vec::new();
    let state = world.state();
    for (number, key) in state.keys.iter().enumerate() {
        let mut must = |holds: bool, guarantee: &'static str, description: String| {
            if !holds {
                found.push((guarantee, format!("k{number} at the end: {description}")));
            }
        };
        let Some(item) = &key.item else {
            must(false, "G2", "the key is unknown".to_owned());
            continue;
        };
        must(item.event.at == key.newest.0, "G2", "the newest lifecycle action is not recorded".to_owned());
        must(item.state == key.newest.1, "G5", "the state is not that of the newest action".to_owned());
        must(item.purged_at.is_some() == key.purge_published, "G2", "the purge is not recorded".to_owned());
        for (service, name) in SERVICES.iter().enumerate() {
            let registered =
                key.registrations.iter().filter(|((of, _), (_, registered))| *of == service && *registered);
            let (expected, counted) =
                (registered.count() as u64, item.services.get(*name).copied().unwrap_or(0));
            must(
                expected == counted,
                "count",
                format!("{expected} registrations of {name}, and {counted} are counted"),
            );
        }
        let Some(claim) = key.claims.last() else { continue };
        for service in &claim.services {
            let status = item.current_outcome(service).map_or("none", |outcome| &outcome.status);
            must(
                ["delivered", "refused", "failed"].contains(&status),
                "G2",
                format!("{service} ended as {status}"),
            );
            let must_act = status == "delivered" && ACKNOWLEDGING.contains(&service.as_str());
            let acted = !must_act || has_acted(&state, number, item, service, claim, skew);
            must(acted, "G9", format!("{service} did not act, and no finding reports it"));
            let of = SERVICES.iter().position(|name| name == service).unwrap_or_default();
            let newest = state.services[of].newest.get(&number).map_or(0, |(sequence, ..)| *sequence);
            let has = status != "delivered" || newest == claim.sequence;
            must(has, "G2", format!("{service} has notification {newest} of {}", claim.sequence));
        }
    }
    drop(state);
    found.into_iter().for_each(|(guarantee, description)| world.violated(guarantee, description));
}
