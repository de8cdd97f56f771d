//! Rules for the end of a round, when faults have ended and `redeliver` has run.

use std::{collections::BTreeMap, sync::Arc};

use super::deadlines::{acted, event_id};
use crate::{
    item::Notified,
    key::{Claim, Key},
    plan::{ACKNOWLEDGING, SERVICES},
    world::{START, State, World},
};

/// Whether nothing is left to do: every event is processed, nothing is pending, and every deadline
/// is checked.
pub(crate) fn is_settled(state: &State) -> bool {
    let is_settled =
        |key: &Key| key.items.iter().flatten().all(|item| item.pending.is_empty() && item.due_at.is_none());
    state.in_queue == 0 && state.replication.under_way == 0 && state.keys.iter().all(is_settled)
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
        let Some(item) = key.item() else {
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
        for claim in key.claims.iter().filter(|claim| claim.is_confirmed) {
            for service in claim.services.iter().filter(|it| ACKNOWLEDGING.contains(&it.as_str())) {
                let is_silent = !is_accounted_for(&state, key, claim, service, skew);
                let number = claim.sequence;
                must(!is_silent, "G9", format!("{service} is silent about {number}, and nothing reports it"));
            }
        }
        let Some(claim) = key.claims.last() else { continue };
        for service in &claim.services {
            let status = item.current_outcome(service).map_or("none", |outcome| &outcome.status);
            must(
                ["delivered", "refused", "failed"].contains(&status),
                "G2",
                format!("{service} ended as {status}"),
            );
            let of = SERVICES.iter().position(|name| name == service).unwrap_or_default();
            let received = state.services[of].received.get(&number).and_then(BTreeMap::last_key_value);
            let newest = received.map_or(0, |(sequence, _)| *sequence);
            let has = status != "delivered" || newest == claim.sequence;
            must(has, "G2", format!("{service} has notification {newest} of {}", claim.sequence));
        }
    }
    drop(state);
    for (guarantee, description) in found {
        world.violated(guarantee, description);
    }
}

/// Whether a service acted on a confirmed notification in time, or was reported for it or for an
/// older one that it still had to acknowledge.
fn is_accounted_for(state: &State, key: &Key, claim: &Claim, service: &str, skew: u64) -> bool {
    let notified = Notified { claim: claim.id.clone(), sequence: claim.sequence, at: START + claim.at };
    // An acknowledgement of an older one that arrives late can leave a middle one unchecked.
    let of_older = key.acknowledgements.iter().any(|made| {
        SERVICES[made.service] == service
            && made.sequence < claim.sequence
            && made.processed_last.is_some_and(|at| at >= claim.written)
    });
    let older = key.claims.iter().filter(|older| older.sequence < claim.sequence);
    let reported_older = older.map(|older| event_id(key, &older.id, service)).any(|event_id| {
        let mut reports = state.reports.iter().filter(|report| report.kind == "overdue");
        reports.any(|report| report.event_id == event_id && report.at >= claim.written)
    });
    let is_last = key.claims.last().is_some_and(|last| last.id == claim.id);
    claim.excused.contains(service)
        || acted(state, key, service, &notified, skew)
        || (!is_last && (of_older || reported_older))
}
