//! `check-log` on the log of the real binaries: of a day with failures, crashes and lost responses,
//! and of the same day with a line changed.

use std::time::Duration;

use keysync_testkit::{
    Client, Harness, HarnessClock, Key,
    dynamodb::{Fault, Times},
    lambda::ProcessFunction,
    services::Behaviour,
};
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    binaries::binaries,
    support::{DONE, Folder, Run, SOME_FAILED, USAGE, run},
};

const STORAGE: &str = "cloud-object-storage";
const DATABASES: &str = "databases-for-postgresql";

/// A harness, and the lines that it prints when its clock is advanced.
struct Day {
    harness: Harness,
    manager: Client,
    advanced: Vec<Value>,
}

impl Day {
    async fn start() -> Self {
        let harness = binaries().acknowledging().start().await.unwrap();
        let manager = harness.manager().await.unwrap();
        Self { harness, manager, advanced: Vec::new() }
    }

    async fn key(&self) -> Key {
        let key = self.harness.new_key("invoices").with_registration(STORAGE, "bucket");
        key.with_registration(DATABASES, "db").create().await.unwrap()
    }

    /// The status of a sync with this correlation id.
    async fn sync(&self, key: &Key, id: &str) -> u16 {
        let path = format!("/api/v2/keys/{}/actions/sync", key.id());
        let request = self.manager.request(http::Method::POST, &path).header("correlation-id", id);
        self.manager.send(request).await.unwrap().status.into()
    }

    async fn advance(&mut self, by: Duration) {
        self.harness.advance_clock(by).await.unwrap();
        self.advanced.push(json!({
            "timestamp": HarnessClock::running().now().to_string(), "level": "INFO",
            "message": "the harness advanced the clock", "advanced_ms": u64::try_from(by.as_millis()).unwrap(),
        }));
    }

    async fn redeliver(&self) {
        self.harness.redeliver().await.unwrap();
    }

    /// The log of the three functions, one after the other.
    fn log(&self) -> Vec<Value> {
        let functions = [
            self.harness.sync_function().process(),
            self.harness.lifecycle_function().processes(),
            self.harness.redeliver_function().processes(),
        ];
        let lines = functions.into_iter().flatten().flat_map(ProcessFunction::log);
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

/// A day with everything that a log can show, and its log.
async fn day() -> (Day, Vec<Value>) {
    let mut day = Day::start().await;
    let (key, crashed, lost) = (day.key().await, day.key().await, day.key().await);
    day.harness.databases().behave(Behaviour::respond(503));
    assert_eq!(
        [day.sync(&key, "c-1").await, day.sync(&key, "c-2").await, day.sync(&key, "c-1").await],
        [204, 409, 204]
    );
    let proxy = day.harness.dynamodb().proxy();
    proxy.inject_on("UpdateItem", Fault::LoseResponse, Times::Nth(1));
    assert_eq!(day.sync(&lost, "c-3").await, 204);
    proxy.clear_faults();

    // Killed between its claim and its line.
    proxy.inject_on("UpdateItem", Fault::HoldResponse, Times::Nth(1));
    let kill = async {
        proxy.wait_until_held(1).await;
        day.harness.sync_function().process().unwrap().kill().await;
        proxy.clear_faults();
    };
    assert_eq!(tokio::join!(day.sync(&crashed, "c-4"), kill).0, 502);
    assert_eq!(day.sync(&crashed, "c-4").await, 204, "as a replay");
    day.advance(Duration::from_mins(2)).await;
    day.redeliver().await;
    assert!(key.rotate().await.unwrap().status.is_success());
    day.redeliver().await;

    // Retries of the databases are exhausted, and no service has acknowledged in time.
    day.advance(Duration::from_hours(5)).await;
    day.redeliver().await;
    day.advance(Duration::from_hours(20)).await;
    day.redeliver().await;
    day.redeliver().await;
    day.harness.databases().behave(Behaviour::Act);
    let (folder, replayed) = (Folder::new(), format!("{}/{}", day.harness.instance(), key.id()));
    let arguments = ["replay", &replayed, "--reason", "outage is over", "--operator", "ada"];
    run(&folder, &day.harness, &arguments).await.expect(DONE);
    day.redeliver().await;
    assert_eq!(day.sync(&key, "c-5").await, 204);
    let log = day.log();
    (day, log)
}

/// Runs the command over these lines.
async fn check(lines: impl IntoIterator<Item = &Value>) -> Run {
    let folder = Folder::new();
    let lines: Vec<_> = lines.into_iter().map(ToString::to_string).collect();
    folder.write("functions.log", &lines.join("\n"));
    Run::of(&mut folder.command(&["check-log", "functions.log", "--json"])).await
}

/// The first line with these fields.
fn find<'a>(log: &'a [Value], fields: &[(&str, &str)]) -> &'a Value {
    let mut found = log.iter().filter(|line| fields.iter().all(|(name, value)| line[*name] == *value));
    found.next().unwrap_or_else(|| panic!("{fields:?}"))
}

/// The guarantees that the log violates with this line added.
async fn violated_with(log: &[Value], line: &Value) -> Value {
    let found = check(log.iter().chain([line])).await.expect(SOME_FAILED).json();
    found["violations"].as_array().unwrap().iter().map(|row| row["guarantee"].clone()).collect()
}

#[tokio::test]
async fn log_of_real_binaries_violates_no_guarantee() {
    let (day, mut log) = day().await;
    // Without the lines of the harness, a day takes seconds.
    let found = check(&log).await.expect(SOME_FAILED).json();
    let violated = |guarantee: &str| {
        found["violations"].as_array().unwrap().iter().any(|row| row["guarantee"] == guarantee)
    };
    assert!(violated("G1") && violated("G2") && violated("G9"), "{found:#}");

    log.extend(day.advanced.clone());
    let found = check(&log).await.expect(DONE).json();
    assert_eq!((&found["violations"], &found["unreadable_lines"]), (&json!([]), &json!(0)));
    assert_eq!((&found["keys"], &found["claims"]), (&json!(3), &json!(5)), "{found:#}");
    // The process that was killed wrote no line about its claim.
    assert_eq!(found["undecided"].as_array().unwrap().len(), 2, "{found:#}");
    for message in ["callback", "sync accepted", "sync rejected", "redelivered", "lifecycle event processed"]
    {
        find(&log, &[("message", message)]);
    }
    for outcome in ["exhausted", "overdue", "replayed", "delivered"] {
        find(&log, &[("outcome", outcome)]);
    }
}

#[tokio::test]
async fn changed_log_of_real_binaries_violates_guarantees() {
    let (day, mut log) = day().await;
    log.extend(day.advanced.clone());

    let accepted = find(&log, &[("message", "sync accepted"), ("correlation_id", "c-5")]);
    let mut second = accepted.clone();
    second["correlation_id"] = json!("c-6");
    assert_eq!(violated_with(&log, &second).await, json!(["G1"]), "one claim, two claimants");
    let at: jiff::Timestamp = accepted["timestamp"].as_str().unwrap().parse().unwrap();
    let (seconds, nanoseconds) = (u64::try_from(at.as_second()).unwrap() + 2, 0);
    second["claim"] = json!(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanoseconds)).to_string());
    second["timestamp"] = json!((at + Duration::from_secs(3)).to_string());
    assert_eq!(violated_with(&log, &second).await, json!(["G1"]), "two claims within an hour");
    second.as_object_mut().unwrap().remove("claim");
    assert_eq!(violated_with(&log, &second).await, json!(["G4"]), "204 without a claim");

    let mut again = find(&log, &[("message", "callback"), ("outcome", "delivered")]).clone();
    again["requestId"] = json!("another");
    again["timestamp"] = json!((at + Duration::from_hours(1)).to_string());
    let violated = violated_with(&log, &again).await;
    assert!(violated.as_array().unwrap().contains(&json!("G7")), "a settled delivery: {violated}");
}

#[tokio::test]
async fn table_names_line_key_and_guarantee() {
    let folder = Folder::new();
    let (key, instance) = ("c548f82c-2d9c-4fb4-95b5-0d2b474d936d", "10424798-2bfe-4f25-8315-ac6b0307177a");
    let line = json!({
        "timestamp": "2026-11-28T11:24:07Z", "message": "sync accepted", "outcome": "notified", "requestId": "r-1",
        "instance": instance, "key": key, "correlation_id": "c-1",
    });
    folder.write("functions.log", &format!("START RequestId: r-1\n{line}\n"));
    folder.write("empty.log", "START RequestId: r-1\n");
    let found = Run::of(&mut folder.command(&["check-log", "functions.log"])).await.expect(SOME_FAILED);
    for expected in
        ["│ 2 ", &format!("{instance}/{key}"), "G4", "204 without a claim", "1 violation, 0 undecided"]
    {
        assert!(found.out.contains(expected), "{expected}: {}", found.out);
    }
    let none = Run::of(&mut folder.command(&["check-log", "empty.log"])).await.expect(USAGE);
    assert!(none.err.contains("no log line of keysync"), "{}", none.err);
}
