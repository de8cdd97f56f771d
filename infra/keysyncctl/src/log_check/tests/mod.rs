//! Each rule finds a log that contradicts it, and none finds fault with a valid one.

mod claims;
mod deliveries;
mod formats;

use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use super::*;

const INSTANCE: &str = "10424798-2bfe-4f25-8315-ac6b0307177a";
const KEY: &str = "c548f82c-2d9c-4fb4-95b5-0d2b474d936d";
const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";
/// The instant from which the tests count seconds.
const BEGIN: u64 = 1_795_906_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A log in the making; instants are in seconds.
#[derive(Clone, Default)]
struct Log(Vec<String>);

/// An invocation that writes lines.
struct Invocation<'a> {
    log: &'a mut Log,
    id: String,
    claim: Uuid,
    began: u64,
}

fn claim(at: u64) -> Uuid {
    Uuid::new_v7(Timestamp::from_unix(NoContext, BEGIN + at, 0))
}

fn timestamp(at: u64) -> String {
    jiff::Timestamp::from_second(i64::try_from(BEGIN + at).unwrap()).unwrap().to_string()
}

impl Log {
    fn line(&mut self, fields: &Value) {
        self.0.push(fields.to_string());
    }

    /// An invocation that began at an instant and works on a claim.
    fn invocation(&mut self, began: u64, claim: Uuid) -> Invocation<'_> {
        let id = format!("request-{}-{began}", self.0.len());
        Invocation { log: self, id, claim, began }
    }

    /// A sync at an instant that delivers to object storage, with this outcome.
    fn sync(&mut self, at: u64, id: &str, outcome: &str) -> Uuid {
        let claim = claim(at);
        self.invocation(at, claim).callback(at, STORAGE, 1, outcome).accepted(at, id);
        claim
    }

    /// A run of `redeliver` that makes an attempt.
    fn redeliver(&mut self, at: u64, claim: Uuid, attempt: u64, outcome: &str) {
        self.invocation(at, claim).callback(at, STORAGE, attempt, outcome).redelivered(at);
    }

    /// A response to a sync without a claim.
    fn response(&mut self, at: u64, id: &str, message: &str, more: &Value) {
        let mut line = json!({
            "timestamp": timestamp(at), "level": "INFO", "message": message, "requestId": format!("{message}-{at}"),
            "instance": INSTANCE, "key": KEY, "correlation_id": id, "duration_ms": 5,
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.line(&line);
    }

    fn too_early(&mut self, at: u64, until: u64) {
        let reason = format!("the window is closed until {}", timestamp(until));
        self.response(at, "c-9", "sync rejected", &json!({"outcome": "REQ_TOO_EARLY_ERR", "reason": reason}));
    }

    fn replayed(&mut self, at: u64, id: &str) {
        self.response(at, id, "sync accepted", &json!({"outcome": "replayed", "status": 204}));
    }

    fn text(&self) -> String {
        self.0.join("\n")
    }

    fn report(&self) -> Report {
        report(&self.text())
    }

    /// Asserts that there is one violation, in the last line, of this guarantee.
    #[track_caller]
    fn assert_last_violates(&self, guarantee: &str, message: &str) {
        let found = serde_json::to_value(self.report()).unwrap();
        let rows = found["violations"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!(rows[0]["guarantee"], guarantee, "{rows:#?}");
        assert!(rows[0]["message"].as_str().unwrap().contains(message), "{rows:#?}");
        assert_eq!(rows[0]["key"], format!("{INSTANCE}/{KEY}"));
        let line = usize::try_from(rows[0]["line"].as_u64().unwrap()).unwrap();
        assert!(self.0.len() - line <= 1, "line {line} of {}", self.0.len());
    }

    #[track_caller]
    fn assert_valid(&self) {
        let found = serde_json::to_value(self.report()).unwrap();
        assert_eq!(found["violations"], json!([]));
    }
}

fn report(text: &str) -> Report {
    check(&[(String::new(), text.to_owned())], Duration::from_secs(1)).unwrap()
}

impl Invocation<'_> {
    fn line(self, at: u64, message: &str, more: &Value) -> Self {
        let mut line = json!({
            "timestamp": timestamp(at), "level": "INFO", "message": message, "requestId": self.id,
            "instance": INSTANCE, "key": KEY, "claim": self.claim.to_string(),
            "duration_ms": (at - self.began) * 1000,
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.log.line(&line);
        self
    }

    fn event(&self, service: &str) -> String {
        format!("{KEY}_{}_{service}", self.claim)
    }

    fn callback(self, at: u64, service: &str, attempt: u64, outcome: &str) -> Self {
        let event = self.event(service);
        let more = json!({
            "service": service, "event_id": event, "attempt": attempt, "outcome": outcome, "duration_ms": 3,
        });
        self.line(at, "callback", &more)
    }

    fn reported(self, at: u64, outcome: &str) -> Self {
        let event = self.event(STORAGE);
        self.line(at, "a service did not act", &json!({"event_id": event, "outcome": outcome}))
    }

    fn rejected(self, at: u64) -> Self {
        self.line(at, "confirmation rejected: lease or claim superseded", &json!({}))
    }

    fn accepted(self, at: u64, id: &str) {
        self.line(at, "sync accepted", &json!({"outcome": "notified", "status": 204, "correlation_id": id}));
    }

    fn recorded(self, at: u64) {
        self.line(at, "lifecycle event processed", &json!({"outcome": "notified"}));
    }

    fn redelivered(self, at: u64) {
        let more = json!({"outcome": "done", "claim": null, "key": null, "instance": null});
        self.line(at, "redelivered", &more);
    }
}

/// Two hours of a key: a sync, its replay, a 409, a retry, a rotation, and a sync after the hour.
fn valid() -> Log {
    let mut log = Log::default();
    let first = claim(0);
    let sync =
        log.invocation(0, first).callback(0, STORAGE, 1, "delivered").callback(1, DATABASES, 1, "failed");
    sync.accepted(1, "c-1");
    log.replayed(20, "c-1");
    log.too_early(30, HOUR + 1);
    log.invocation(60, first).callback(61, DATABASES, 2, "delivered").redelivered(62);
    let rotation = claim(10 * MINUTE);
    log.invocation(10 * MINUTE, rotation).callback(10 * MINUTE, STORAGE, 1, "failed").recorded(10 * MINUTE);
    log.redeliver(11 * MINUTE, rotation, 2, "delivered");
    log.sync(70 * MINUTE + 2, "c-2", "delivered");
    log
}
