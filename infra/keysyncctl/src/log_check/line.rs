//! What a line of a function says. Messages and fields are those of
//! `docs/reference/logs-metrics-audit.md`.

use keysync::domain::{EventId, KeyCrn};
use serde_json::Value;
use uuid::Uuid;

use super::{Millis, Position};

/// A line that says something about a key or a run.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) position: Position,
    /// When it was written.
    pub(super) at: Millis,
    /// When began what it reports the end of.
    pub(super) started: Millis,
    /// Lambda's request ID, or else the trace.
    pub(super) invocation: String,
    /// `<instance>/<key>`.
    pub(super) key: String,
    pub(super) claim: Option<String>,
    pub(super) kind: Kind,
}

/// The kinds of lines.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A 204.
    Accepted(Accepted),
    /// A 409, and the instant until which the window is closed.
    TooEarly(Option<Millis>),
    /// A lifecycle action was recorded, and its notification claimed.
    Recorded,
    /// A delivery attempt.
    Callback { event: EventId, number: u64, is_settled: bool },
    /// Retries are exhausted.
    Exhausted(EventId),
    /// The results of the callbacks were not recorded.
    NotConfirmed,
    /// A service did not acknowledge in time.
    Overdue(EventId),
    /// The end of a run of `redeliver`.
    Run { left_nothing_due: bool },
    /// A service is paused.
    Paused(String),
    /// An operator replayed the claim to services.
    Replayed(Vec<String>),
    /// The harness advanced its clock.
    Advanced(Millis),
}

/// An accepted sync.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// Whether it is the audit event, which repeats the log line.
    pub(super) is_audit: bool,
    /// Whether it is an idempotent replay.
    pub(super) is_replay: bool,
    pub(super) correlation_id: String,
    /// Audit events have it.
    pub(super) caller: Option<String>,
}

impl Line {
    /// The line with these fields. `None` if it says nothing that a rule needs.
    pub(super) fn read(fields: &Value, position: Position) -> Option<Self> {
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        if fields["audit"] == true {
            return audit_event(fields, position);
        }
        let at = instant(&fields["timestamp"])?;
        let number = |name: &str| fields[name].as_u64().unwrap_or_default();
        let event = || fields["event_id"].as_str()?.parse::<EventId>().ok();
        let outcome = fields["outcome"].as_str().unwrap_or_default();
        let kind = match fields["message"].as_str()? {
            "sync accepted" => Kind::Accepted(Accepted {
                is_audit: false,
                is_replay: outcome == "replayed",
                correlation_id: text("correlation_id")?,
                caller: None,
            }),
            "sync rejected" if outcome == "REQ_TOO_EARLY_ERR" => Kind::TooEarly(closed_until(fields)),
            "lifecycle event processed" if outcome == "notified" => Kind::Recorded,
            "callback" => Kind::Callback {
                event: event()?,
                number: number("attempt"),
                is_settled: matches!(outcome, "delivered" | "refused"),
            },
            "confirmation rejected: lease or claim superseded"
            | "confirmation failed; notification stays pending and will be redelivered" => Kind::NotConfirmed,
            "redelivered" => {
                let left = ["errors", "left_due", "contended", "unseen_shards", "paused_services"];
                let left_nothing_due = outcome == "done" && left.into_iter().all(|name| number(name) == 0);
                Kind::Run { left_nothing_due }
            }
            "service is paused" => Kind::Paused(text("service")?),
            "the harness advanced the clock" => {
                Kind::Advanced(Millis::try_from(number("advanced_ms")).unwrap_or_default())
            }
            _ if outcome == "exhausted" => Kind::Exhausted(event()?),
            _ if outcome == "overdue" => Kind::Overdue(event()?),
            _ => return None,
        };
        let key = text("instance").zip(text("key")).map(|(instance, key)| format!("{instance}/{key}"));
        Some(Self {
            // Durations are rounded down.
            started: at - Millis::try_from(number("duration_ms")).unwrap_or_default() - 1,
            invocation: text("requestId")
                .or_else(|| text("trace_id"))
                .unwrap_or_else(|| position.to_string()),
            key: key.unwrap_or_default(),
            claim: text("claim"),
            position,
            at,
            kind,
        })
    }
}

/// The audit event of an accepted sync or of a replay by an operator.
fn audit_event(fields: &Value, position: Position) -> Option<Line> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (action, response) = (fields["action"].as_str()?, &fields["responseData"]);
    let crn: KeyCrn = fields["target"]["id"].as_str()?.parse().ok()?;
    let kind = if action.ends_with(".secrets.sync") && fields["outcome"] == "success" {
        Kind::Accepted(Accepted {
            is_audit: true,
            is_replay: response["outcome"] == "replayed",
            correlation_id: text(&fields["correlationId"])?,
            caller: text(&fields["initiator"]["id"]),
        })
    } else if action.ends_with(".secrets-event.replay") {
        let services = fields["requestData"]["services"].as_array()?;
        Kind::Replayed(services.iter().filter_map(text).collect())
    } else {
        return None;
    };
    let at = instant(&fields["eventTime"])?;
    Some(Line {
        at,
        started: at,
        invocation: text(&fields["traceId"]).unwrap_or_else(|| position.to_string()),
        key: format!("{}/{}", crn.instance.instance, crn.key),
        claim: text(&response["claimId"]),
        position,
        kind,
    })
}

fn instant(value: &Value) -> Option<Millis> {
    value.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The instant in the reason of a 409: `the window is closed until 2026-11-24T06:00:01Z`.
fn closed_until(fields: &Value) -> Option<Millis> {
    let (_, until) = fields["reason"].as_str()?.rsplit_once(' ')?;
    instant(&Value::from(until))
}

/// When a claim was made: its id is a version 7 UUID.
pub(super) fn claimed_at(claim: &str) -> Option<Millis> {
    let (seconds, nanoseconds) = Uuid::parse_str(claim).ok()?.get_timestamp()?.to_unix();
    Millis::try_from(seconds.checked_mul(1000)?.checked_add(u64::from(nanoseconds / 1_000_000))?).ok()
}
