//! W3C Trace Context: a request's trace id is in the log and in the callbacks. A request without a
//! valid one gets the trace that Lambda sends for X-Ray.

use std::time::Duration;

use http::{HeaderMap, Method};
use keysync_testkit::services::Behaviour;
use serde_json::json;

use crate::{
    log_lines::Lines,
    support::{World, text, world},
};

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

async fn sync(world: &World, headers: &[(&str, &str)]) {
    let path = format!("/api/v2/keys/{}/actions/sync", world.key);
    let mut request = world.manager.request(Method::POST, &path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.manager.send(request).await.unwrap().assert_status(204);
}

/// The headers of the last callback of each service.
fn received(world: &World) -> Vec<HeaderMap> {
    let services = world.harness.services().iter();
    services.map(|service| service.received().pop().unwrap().headers).collect()
}

/// Version, trace id, parent id, flags.
fn traceparent(headers: &HeaderMap) -> [String; 4] {
    let fields: Vec<String> =
        headers["traceparent"].to_str().unwrap().split('-').map(str::to_owned).collect();
    fields.try_into().unwrap()
}

#[tokio::test]
async fn request_trace_reaches_services_and_log() {
    let world = world().await;
    let state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
    sync(&world, &[("traceparent", &format!("00-{ID}-{PARENT}-01")), ("tracestate", state)]).await;
    let callbacks = received(&world);
    for headers in &callbacks {
        let [version, id, parent, flags] = traceparent(headers);
        assert_eq!((&*version, &*id, &*flags), ("00", ID, "01"));
        assert!(parent.len() == 16 && parent != PARENT && parent != "0".repeat(16), "{parent}");
        assert_eq!(headers["tracestate"], state);
    }
    assert_ne!(callbacks[0]["traceparent"], callbacks[1]["traceparent"], "each call has its own parent id");
    let lines = Lines::of(world.harness.sync_function().process());
    assert!(lines.log().iter().all(|line| line["trace_id"] == ID));
    assert!(lines.audit().iter().all(|line| line["traceId"] == ID));
}

#[tokio::test]
async fn invalid_traceparent_falls_back_to_lambda_trace() {
    let (upper, zero) = (ID.to_uppercase(), "0".repeat(32));
    let world = world().await;
    for malformed in [
        None,
        Some(format!("ff-{ID}-{PARENT}-01")),
        Some(format!("00-{upper}-{PARENT}-01")),
        Some(format!("00-{zero}-{PARENT}-01")),
        Some(format!("00-{ID}-{PARENT}-01-more")),
        Some("nonsense".to_owned()),
    ] {
        let mut headers = vec![("tracestate", "rojo=1")];
        headers.extend(malformed.as_deref().map(|value| ("traceparent", value)));
        sync(&world, &headers).await;
        let lines = Lines::of(world.harness.sync_function().process());
        let line = lines.log().into_iter().rfind(|line| line["message"] == "sync accepted").unwrap().clone();
        let xray = text(&line["xrayTraceId"]);
        let root = xray.strip_prefix("Root=1-").unwrap().split(';').next().unwrap().replace('-', "");
        assert_eq!(line["trace_id"], root, "{malformed:?}");
        for headers in received(&world) {
            let [_, id, _, flags] = traceparent(&headers);
            assert_eq!((id, &*flags), (root.clone(), "00"));
            assert_eq!(headers.get("tracestate"), None, "`tracestate` belongs to the discarded trace");
        }
        world.advance_clock(Duration::from_mins(61)).await;
    }
}

#[tokio::test]
async fn message_and_run_traces_reach_services() {
    let world = world().await;
    let now = world.harness.clock().now().to_string();
    let (account, instance) = (world.harness.account(), world.harness.instance());
    let crn = format!("crn:v1:bluemix:public:hs-crypto:us-south:a/{account}:{instance}:key:{}", world.key);
    let detail = json!({
        "schemaVersion": 1, "keyCrn": crn, "occurredAt": now, "keyType": "root", "keyState": 5,
        "keyRing": "default", "keyVersion": {"id": "v-1", "creationDate": now},
    });
    let event = world.harness.events().envelope("kms.secrets.delete", &detail).to_string();
    let xray = format!("Root=1-{}-{};Parent={PARENT};Sampled=1", &ID[..8], &ID[8..]);
    let batch = json!({"Records": [
        {"messageId": "0", "body": event, "attributes": {"AWSTraceHeader": xray}},
    ]});
    world.harness.databases().behave_next(1, Behaviour::respond(503));
    world.harness.lifecycle_function().invoke(&batch).await.unwrap();
    for headers in received(&world) {
        let [_, id, _, flags] = traceparent(&headers);
        assert_eq!((&*id, &*flags), (ID, "01"));
    }
    let lines = Lines::of(world.harness.lifecycle_function().processes());
    let of_trace = lines.log().into_iter().filter(|line| line["trace_id"] == ID);
    let messages: Vec<_> = of_trace.map(|line| text(&line["message"])).collect();
    assert_eq!(messages, ["callback", "callback", "lifecycle event processed"]);

    world.advance_clock(Duration::from_mins(2)).await;
    world.redeliver().await;
    let run =
        text(&Lines::of(world.harness.redeliver_function().processes()).only("redelivered")["trace_id"]);
    let last = world.harness.databases().received().pop().unwrap();
    assert_eq!(traceparent(&last.headers)[1], run, "an attempt of another run has that run's trace");
}
