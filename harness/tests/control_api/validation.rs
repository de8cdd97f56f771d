//! Invalid requests to the control API: values out of range, and bodies and paths that cannot be
//! parsed.

use http::Method;
use serde_json::{Value, json};

use super::Control;
use crate::world::text;

#[tokio::test]
async fn value_out_of_range_is_rejected_with_range() {
    let mut control = Control::start().await;
    let (post, put) = (Method::POST, Method::PUT);
    let behaviour = "/_harness/services/{name}/behaviour";
    let storage = "/_harness/services/cloud-object-storage/behaviour";
    let faults = "/_harness/dynamodb/faults";
    let (time, clock, health) = ("/_harness/time", "/_harness/iam/clock", "/_harness/iam/health");
    for (method, template, path, body, range) in [
        (&post, time, time, json!({"advance": "0"}), "from 1ms to 366d"),
        (&post, time, time, json!({"advance": "0s"}), "from 1ms to 366d"),
        (&post, time, time, json!({"advance": "367d"}), "from 1ms to 366d"),
        (&post, time, time, json!({"advance": "-1h"}), "from 1ms to 366d"),
        (&post, time, time, json!({"advance": "99999999999999999999h"}), "from 1ms to 366d"),
        (&put, clock, clock, json!({"ahead": "-1ms"}), "from 0s to 366d"),
        (&put, clock, clock, json!({"ahead": "100y"}), "from 0s to 366d"),
        (&put, health, health, json!({"health": {"slow": {"millis": 3_600_001}}}), "from 0 to 3600000"),
        (&put, health, health, json!({"health": {"slow": {"millis": -1}}}), "from 0 to 3600000"),
        (&post, faults, faults, json!({"fault": "cut", "times": 0}), "from 1 to 1000000"),
        (&post, faults, faults, json!({"fault": "cut", "times": 1.5}), "from 1 to 1000000"),
        (&post, faults, faults, json!({"fault": {"delay": {"millis": 1e30}}}), "from 0 to 3600000"),
        (&post, faults, faults, json!({"fault": {"apply-late": {"millis": "soon"}}}), "from 0 to 3600000"),
        (&put, behaviour, storage, json!({"behaviour": {"respond": {"status": 999}}}), "from 200 to 599"),
        (&put, behaviour, storage, json!({"behaviour": {"respond": {"status": 100}}}), "from 200 to 599"),
        (&put, behaviour, storage, json!({"behaviour": {"respond": {"status": 70_000}}}), "from 200 to 599"),
        (
            &put,
            behaviour,
            storage,
            json!({"behaviour": {"respond": {"status": 503, "retry_after": 31_536_001}}}),
            "from 0 to 31536000",
        ),
        (
            &put,
            behaviour,
            storage,
            json!({"behaviour": {"delay": {"millis": u64::MAX}}}),
            "from 0 to 3600000",
        ),
        (
            &put,
            behaviour,
            storage,
            json!({"behaviour": {"flaky": {"seed": 1, "percent": 101}}}),
            "from 0 to 100",
        ),
        (
            &put,
            behaviour,
            storage,
            json!({"behaviour": {"redirect": {"to": "a b"}}}),
            "1 to 2048 visible ASCII",
        ),
        (&put, behaviour, storage, json!({"behaviour": "act", "times": 0}), "from 1 to 1000000"),
        (&put, behaviour, storage, json!({"behaviour": "act", "times": 1_000_001}), "from 1 to 1000000"),
        (&put, behaviour, storage, json!({"behaviour": "act", "times": -1}), "from 1 to 1000000"),
    ] {
        let response = control.call(method.clone(), template, path, body.clone(), 400).await;
        assert!(text(&response["error"]).contains(range), "{body}: {response}");
    }
    let template = "/_harness/services/{name}/callbacks";
    for (query, range) in [
        ("within=61s", "from 0s to 1m"),
        ("within=-1s", "from 0s to 1m"),
        ("at_least=-1", "from 0 to 10000"),
        ("at_least=10001", "from 0 to 10000"),
        ("at_least=many", "from 0 to 10000"),
    ] {
        let path = format!("/_harness/services/cloud-object-storage/callbacks?{query}");
        let response = control.call(Method::GET, template, &path, Value::Null, 400).await;
        assert!(text(&response["error"]).contains(range), "{query}: {response}");
    }
}

#[tokio::test]
async fn clock_cannot_pass_the_year_9999() {
    let clock = keysync_testkit::HarnessClock::set_to(keysync_testkit::EpochMillis::new(253_402_300_799_000));
    let mut control = Control::start_at(clock).await;
    let time = "/_harness/time";
    control.call(Method::POST, time, time, json!({"advance": "999ms"}), 204).await;
    let response = control.call(Method::POST, time, time, json!({"advance": "1ms"}), 400).await;
    assert!(text(&response["error"]).contains("past the year 9999"), "{response}");
}

/// Requests that axum rejects before the handler get an error document, too.
#[tokio::test]
async fn unreadable_request_returns_a_documented_error() {
    let mut control = Control::start().await;
    let keys = "/_harness/keys";
    for (method, template, path, body, status) in [
        (Method::POST, keys, keys, "{", 400),
        (Method::POST, keys, keys, "", 400),
        (Method::POST, keys, keys, "[\"own\"]", 400),
        (Method::POST, keys, keys, "null", 400),
        (Method::GET, "/_harness/keys/{id}", "/_harness/keys/%FF", "", 400),
        (Method::GET, "/_harness/keys/{id}", "/_harness/keys/no-key", "", 400),
        (Method::GET, "/_harness/services/{name}", "/_harness/services/%FF", "", 400),
        (
            Method::GET,
            "/_harness/services/{name}/callbacks",
            "/_harness/services/cloud-object-storage/callbacks?key=a&key=b",
            "",
            400,
        ),
    ] {
        let response = control.send(method, template, path, body.to_owned(), status).await;
        assert!(!text(&response["error"]).is_empty(), "{path} {body}: {response}");
    }
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(3 << 20));
    let response = control.send(Method::POST, keys, keys, large, 413).await;
    assert!(text(&response["error"]).contains("at most 2 MB"), "{response}");
}
