//! Rules for what the peers receive: callbacks and dead letters.

use std::sync::Arc;

use keysync::http_client::Request;
use serde_json::Value;

use crate::{
    invocation::Invocation,
    plan::SERVICES,
    world::{FOREIGN_ACCOUNT, Received, Violation},
};

/// A service handles a callback and responds with `status`.
pub(crate) fn callback(by: &Arc<Invocation>, service: usize, request: &Request, status: u16) {
    let world = &by.world;
    let (name, now) = (SERVICES[service], world.now());
    let event: Value = serde_json::from_slice(request.bytes()).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, subject) = (text(&event["id"]), text(&event["subject"]));
    let sequence: u64 = text(&event["sequence"]).parse().unwrap_or_default();
    let key_state =
        event["data"]["keyState"].as_u64().and_then(|state| u8::try_from(state).ok()).unwrap_or(0);
    let mut found = Vec::new();
    let mut must = |holds: bool, guarantee: &'static str, description: &str| {
        if !holds {
            found.push(Violation { guarantee, description: format!("{description}: {id} to {name}") });
        }
    };
    let mut guard = world.state();
    let state = &mut *guard;
    state.steps += 1;
    let key = state.keys.iter().position(|key| key.crn.key.to_string() == subject);
    must(key.is_some(), "G5", "a callback about an unknown key");
    if let Some(key) = key {
        let claim = state.keys[key].claims.iter().find(|claim| id.contains(&claim.id));
        must(claim.is_some(), "G4", "a callback without a claim");
        must(claim.is_none_or(|claim| claim.sequence == sequence), "G5", "a callback with another sequence");
        let crn = text(&event["data"]["keyCrn"]);
        must(crn == state.keys[key].crn.to_string(), "G10", "a callback with another account");
        let known = &mut state.services[service];
        if (200..300).contains(&status) {
            let received = known.received.entry(key).or_default();
            received.entry(sequence).or_insert_with(|| Received { event_id: id.clone(), key_state, at: now });
        }
    }
    let header = request.headers().get("webhook-id").and_then(|value| value.to_str().ok());
    let is_paused = state.services[service].is_known_to_be_paused(by, now);
    must(!is_paused, "pause", "a callback to a paused service");
    must(header == Some(&*id), "G5", "`webhook-id` is not the id of the event");
    must(id.ends_with(name), "G5", "an event for another service");
    let known = &mut state.services[service];
    known.responses.entry(id.clone()).or_default().insert(status);
    let body = String::from_utf8_lossy(request.bytes()).into_owned();
    let first = known.facts.entry(id.clone()).or_insert_with(|| body.clone());
    must(*first == body, "G5", "two different bodies of one event");
    drop(guard);
    for Violation { guarantee, description } in found {
        world.violated(guarantee, description);
    }
}

/// `lifecycle` moves an event to the dead-letter queue: only those that a retry cannot process.
pub(crate) fn dead_letter(by: &Arc<Invocation>, request: &[u8]) {
    let world = &by.world;
    let message: Value = serde_json::from_slice(request).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // The value alone: the order of JSON fields depends on the features of `serde_json` in a build.
    let (event, reason) =
        (text(&message["MessageBody"]), text(&message["MessageAttributes"]["reason"]["StringValue"]));
    world.note(&format!("{by} dead letter: {reason}"));
    let is_foreign = event.contains(FOREIGN_ACCOUNT);
    // A notification of a clock that is ahead is in the future of a service that acknowledges it.
    let is_early =
        reason.contains("must not be before the notification") && world.plan.clock_difference() > 0;
    if !is_foreign && !is_early {
        world.violated("G2", format!("a valid event was moved to the dead-letter queue: {reason}: {event}"));
    }
}
