//! The trace of a key: its writes, as the engine applied them, the callbacks that services
//! accepted, and the responses of callers. `keysync_model::trace` replays it through the model.
//!
//! The model's clock only advances. A harness of the real binaries moves the table's times back
//! instead. The test adds the total of these moves to each time of the table and of the functions:
//! then the times of the item stay, and the clock advances.

use std::collections::BTreeMap;

use keysync_model::trace::{Delivery, Event, EventKind, Item, Millis, Request, Write, WriteKind};
use keysync_testkit::{
    dynamodb::Applied,
    services::{Received, Verdict},
};
use serde_json::Value;

/// An event of a key, with its place in the order of all events.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) key: usize,
    pub(crate) number: u64,
    pub(crate) event: Event,
}

/// The trace of each of the first `keys` keys.
pub(crate) fn by_key(mut steps: Vec<Step>, keys: usize) -> Vec<Vec<Event>> {
    steps.sort_by_key(|step| step.number);
    let mut traces = vec![Vec::new(); keys];
    for Step { key, event, .. } in steps {
        traces[key].push(event);
    }
    for trace in &mut traces {
        name_callers(trace);
    }
    traces
}

/// Gives each response the IAM id of its caller: that of the claims with its correlation id.
fn name_callers(trace: &mut [Event]) {
    let claimed = |event: &Event| match &event.kind {
        EventKind::Write(write) => match &write.kind {
            WriteKind::Claim { request, .. } => {
                Some((request.correlation_id.clone(), request.caller.clone()))
            }
            _ => None,
        },
        _ => None,
    };
    let callers: BTreeMap<_, _> = trace.iter().filter_map(claimed).collect();
    for event in trace {
        if let EventKind::Response { request, .. } = &mut event.kind
            && let Some(caller) = callers.get(&request.correlation_id)
        {
            request.caller.clone_from(caller);
        }
    }
}

/// The write of a key. `clock` converts its times to the clock of the trace.
pub(crate) fn write(applied: &Applied, key: usize, clock: impl Fn(u64) -> u64) -> Step {
    let at = |instant: u64| Millis::try_from(clock(instant)).unwrap();
    let write = Write {
        kind: kind(&applied.request, &at),
        applied: applied.applied,
        response: response(&applied.fault),
        item: item(&applied.item, &at),
    };
    let event = Event { at: at(applied.at), kind: EventKind::Write(Box::new(write)) };
    Step { key, number: applied.number, event }
}

/// Recognizes a write by its values.
fn kind(request: &Value, at: &impl Fn(u64) -> Millis) -> WriteKind {
    let values = &request["ExpressionAttributeValues"];
    let text = |name: &str| values[name]["S"].as_str().map(str::to_owned);
    let instant = |name: &str| values[name]["N"].as_str().and_then(|value| value.parse().ok()).map(at);
    let lease = || Some((instant(":now")?, instant(":due_at")?));
    let claim = || {
        let request = Request { caller: text(":caller")?, correlation_id: text(":correlation_id")? };
        let (clock, until) = lease()?;
        Some(WriteKind::Claim { claim: text(":claim")?, request, clock, until })
    };
    let record = || {
        let (clock, until) = lease()?;
        let occurred_at = instant(":occurred_at")?;
        Some(WriteKind::Record { claim: text(":claim")?, occurred_at, clock, until })
    };
    let leased = || {
        let (clock, until) = (instant(":now")?, instant(":until")?);
        Some(WriteKind::Lease { lease: text(":lease")?, clock, until })
    };
    let confirmation = || {
        values.get(":pending")?;
        Some(WriteKind::Confirm { claim: text(":claim")?, lease: text(":lease")? })
    };
    claim().or_else(record).or_else(leased).or_else(confirmation).unwrap_or_else(|| {
        WriteKind::Other(request["UpdateExpression"].as_str().unwrap_or_default().to_owned())
    })
}

/// Whether the response of a call with this fault arrived.
fn response(fault: &str) -> Delivery {
    match fault {
        "" | "Throttle" | "Conflict" => Delivery::Delivered,
        "LoseResponse" | "FailAfter" => Delivery::Lost,
        late if late.starts_with("ApplyLate") => Delivery::Lost,
        // Held or delayed: the SDK may have timed out.
        _ => Delivery::Unknown,
    }
}

fn item(item: &Value, at: &impl Fn(u64) -> Millis) -> Item {
    let text = |name: &str| item[name].as_str().map(str::to_owned);
    let instant = |value: &Value| value.as_u64().map(at);
    let entries = |name: &str| item[name].as_object().into_iter().flatten();
    let names = |name: &str| entries(name).map(|(service, _)| service.clone()).collect();
    let next_at = |(service, retry): (&String, &Value)| Some((service.clone(), instant(&retry["next_at"])?));
    let status = |(service, outcome): (&String, &Value)| {
        Some((service.clone(), outcome["status"].as_str()?.to_owned()))
    };
    let request = || Some(Request { caller: text("caller")?, correlation_id: text("correlation_id")? });
    Item {
        notified_at: instant(&item["notified_at"]),
        sequence: item["sequence"].as_u64().unwrap_or_default(),
        event_at: instant(&item["event"]["at"]).unwrap_or_default(),
        request: request(),
        claim: text("claim"),
        lease: text("lease"),
        due_at: instant(&item["due_at"]),
        services: names("services"),
        pending: names("pending"),
        retries: entries("retries").filter_map(next_at).collect(),
        outcome: entries("outcome").filter_map(status).collect(),
    }
}

/// The receipt of a callback, if its service acted on it or refused it.
pub(crate) fn callback(
    received: &Received,
    key: usize,
    event_id: &str,
    at: u64,
    refuses: bool,
) -> Option<Step> {
    if !refuses && !matches!(received.verdict, Verdict::Acted | Verdict::Repeated | Verdict::Stale) {
        return None;
    }
    let [_, claim, service] = event_id.splitn(3, '_').collect::<Vec<_>>()[..] else { return None };
    let kind = EventKind::Callback { service: service.to_owned(), claim: claim.to_owned() };
    Some(Step { key, number: received.number, event: Event { at: Millis::try_from(at).unwrap(), kind } })
}
