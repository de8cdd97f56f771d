//! The control API does what its `OpenAPI` document says: each operation is called, well and badly, and
//! each answer is held against the document.

use std::collections::BTreeSet;

use http::Method;
use keysync_testkit::{Harness, lambda::Mode};
use serde_json::{Value, json};

use crate::support::text;

/// No key's id.
const NOBODY: &str = "02fd6835-6001-4482-a892-13bd2085f75d";

/// The control API, and what describes it.
struct Control {
    harness: Harness,
    http: reqwest::Client,
    document: Value,
    called: BTreeSet<String>,
}

impl Control {
    async fn start() -> Self {
        Self::of(Harness::builder().mode(Mode::InProcess)).await
    }

    async fn start_at(clock: keysync_testkit::HarnessClock) -> Self {
        Self::of(Harness::builder().mode(Mode::InProcess).clock(clock)).await
    }

    async fn of(builder: keysync_testkit::HarnessBuilder) -> Self {
        let harness = builder.start().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/_harness/openapi.json", harness.endpoint_url());
        let document = http.get(url).send().await.unwrap().json().await.unwrap();
        Self { harness, http, document, called: BTreeSet::new() }
    }

    /// Calls an operation. The answer's status is the one expected, and both are documented.
    async fn call(&mut self, method: Method, template: &str, path: &str, body: Value, status: u16) -> Value {
        self.send(method, template, path, body.to_string(), status).await
    }

    /// The same with a body that need not be JSON.
    async fn send(&mut self, method: Method, template: &str, path: &str, body: String, status: u16) -> Value {
        let operation = &self.document["paths"][template][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{method} {template} is documented");
        self.called.insert(format!("{method} {template}"));
        let documented = &operation["responses"][status.to_string()];
        assert!(documented.is_object(), "{status} of {method} {template} is documented");

        let url = format!("{}{path}", self.harness.endpoint_url());
        let answer = self.http.request(method.clone(), url).body(body).send().await.unwrap();
        let came = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        assert_eq!(came, status, "{method} {path}: {body}");
        match documented["content"]["application/json"].get("schema") {
            Some(schema) => self.assert_valid(schema, &body),
            None => assert_eq!(body, Value::Null, "{method} {path} answers nothing"),
        }
        body
    }

    fn assert_valid(&self, schema: &Value, body: &Value) {
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let problem = schema.validate(body).err().map(|error| error.to_string());
        assert_eq!(problem, None, "{body}");
    }

    fn documented(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, operations): (&String, &Value)| -> Vec<String> {
            let methods = operations.as_object().unwrap().keys();
            methods.map(|method| format!("{} {path}", method.to_uppercase())).collect()
        };
        paths.iter().flat_map(of_path).collect()
    }
}

#[tokio::test]
async fn operation_by_operation() {
    let mut control = Control::start().await;
    assert!(text(&control.document["openapi"]).starts_with("3.1"));
    let info = control.call(Method::GET, "/_harness", "/_harness", Value::Null, 200).await;
    assert_eq!(info["endpoint"], control.harness.endpoint_url());
    let key = keys(&mut control).await;
    services(&mut control).await;
    callbacks(&mut control, &key).await;
    faults(&mut control).await;
    the_whole(&mut control, &info).await;
    assert_eq!(control.called, control.documented(), "every operation was called");
}

/// Makes a key, and returns its id.
async fn keys(control: &mut Control) -> String {
    let (get, post) = (Method::GET, Method::POST);
    let keys = "/_harness/keys";
    let bucket = json!({"service": "cloud-object-storage", "resource": "b"});
    let wanted = json!({"name": "own", "alias": "own", "protects": [bucket]});
    let key = control.call(post.clone(), keys, keys, wanted.clone(), 201).await;
    control.call(post.clone(), keys, keys, wanted, 409).await; // the alias is taken
    control.call(post.clone(), keys, keys, json!({"name": 7}), 400).await;
    let all = control.call(get.clone(), keys, keys, Value::Null, 200).await;
    assert_eq!(all.as_array().unwrap().len(), 3, "the samples, and this one: none whose alias was taken");

    let id = text(&key["id"]);
    let (one, path) = ("/_harness/keys/{id}", format!("/_harness/keys/{id}"));
    let found = control.call(get.clone(), one, &path, Value::Null, 200).await;
    assert_eq!(found["protects"], key["protects"]);
    control.call(get, one, &format!("/_harness/keys/{NOBODY}"), Value::Null, 404).await;

    let template = "/_harness/keys/{id}/registrations";
    let path = format!("/_harness/keys/{id}/registrations");
    let resource = json!({"service": "databases-for-postgresql", "resource": "d"});
    control.call(post.clone(), template, &path, resource.clone(), 201).await;
    control.call(post.clone(), template, &path, resource.clone(), 409).await;
    control.call(post, template, &format!("/_harness/keys/{NOBODY}/registrations"), resource, 404).await;
    id
}

async fn services(control: &mut Control) {
    let (get, put) = (Method::GET, Method::PUT);
    let services = "/_harness/services";
    let all = control.call(get.clone(), services, services, Value::Null, 200).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let (template, path) = ("/_harness/services/{name}", "/_harness/services/cloud-object-storage");
    let storage = control.call(get.clone(), template, path, Value::Null, 200).await;
    assert_eq!(storage["resources"]["b"]["opens"], true);
    control.call(get, template, "/_harness/services/nobody", Value::Null, 404).await;

    let template = "/_harness/services/{name}/behaviour";
    let path = "/_harness/services/cloud-object-storage/behaviour";
    for behaviour in [
        json!("act"),
        json!("miss"),
        json!("hang"),
        json!("reset"),
        json!("act-and-reset"),
        json!("half-a-body"),
        json!({"answer": {"status": 503, "retry_after": 1}}),
        json!({"delay": {"millis": 1}}),
        json!({"redirect": {"to": "http://127.0.0.1:1"}}),
        json!({"flaky": {"seed": 1, "percent": 20}}),
        json!("act"),
    ] {
        let wanted = json!({"behaviour": behaviour});
        control.assert_valid(&json!({"$ref": "#/components/schemas/Behave"}), &wanted);
        control.call(put.clone(), template, path, wanted, 204).await;
    }
    control.call(put.clone(), template, path, json!({"behaviour": "dance"}), 400).await;
    let nobody = "/_harness/services/nobody/behaviour";
    control.call(put, template, nobody, json!({"behaviour": "act"}), 404).await;
}

async fn callbacks(control: &mut Control, key: &str) {
    let (get, delete) = (Method::GET, Method::DELETE);
    control.harness.key(key).await.unwrap().sync().await.unwrap().assert_status(204);
    let template = "/_harness/services/{name}/callbacks";
    let path = "/_harness/services/cloud-object-storage/callbacks";
    let enough = format!("{path}?key={key}&at_least=1&within=5s");
    let callbacks = control.call(get.clone(), template, &enough, Value::Null, 200).await;
    assert_eq!(callbacks["callbacks"].as_array().unwrap().len(), 1);
    let too_many = format!("{path}?at_least=9&within=1ms");
    assert_eq!(control.call(get.clone(), template, &too_many, Value::Null, 200).await, callbacks);
    control.call(get, template, &format!("{path}?within=soon"), Value::Null, 400).await;
    control.call(delete.clone(), template, path, Value::Null, 204).await;
    control.call(delete, template, "/_harness/services/nobody/callbacks", Value::Null, 404).await;
}

async fn faults(control: &mut Control) {
    let (post, put) = (Method::POST, Method::PUT);
    for (method, path, good, bad) in [
        (&post, "/_harness/time", json!({"advance": "61m"}), json!({"advance": "-1h"})),
        (&post, "/_harness/iam/rotate", json!({"withdraw": true}), json!({"withdraw": 3})),
        (&post, "/_harness/dynamodb/faults", json!({"fault": "cut", "times": 1}), json!({"fault": "fire"})),
        (&put, "/_harness/iam/health", json!({"health": {"slow": {"millis": 1}}}), json!({"health": "ill"})),
        (&put, "/_harness/iam/health", json!({"health": "up"}), json!({})),
        (&put, "/_harness/iam/clock", json!({"ahead": "0s"}), json!({"ahead": "far"})),
        (&put, "/_harness/iam/issuer", json!({"issuer": keysync_testkit::iam::ISSUER}), json!({"issuer": 7})),
    ] {
        control.call(method.clone(), path, path, good, 204).await;
        control.call(method.clone(), path, path, bad, 400).await;
    }
    let faults = "/_harness/dynamodb/faults";
    control.call(Method::DELETE, faults, faults, Value::Null, 204).await;
    let tokens = "/_harness/iam/tokens";
    for roles in
        [json!({"roles": ["manager", "key-purge"]}), json!({"roles": []}), json!({"role": "reader-plus"})]
    {
        control.call(post.clone(), tokens, tokens, roles, 201).await;
    }
    for wrong in [json!({"roles": ["manager", "king"]}), json!({"role": "king"}), json!({})] {
        control.call(post.clone(), tokens, tokens, wrong, 400).await;
    }
}

async fn the_whole(control: &mut Control, info: &Value) {
    let (get, post) = (Method::GET, Method::POST);
    control.call(post.clone(), "/_harness/redeliver", "/_harness/redeliver", Value::Null, 200).await;
    let requests = "/_harness/requests";
    let asked = control.call(get.clone(), requests, requests, Value::Null, 200).await;
    assert!(asked.to_string().contains("actions/sync") && !asked.to_string().contains("_harness"));
    control.call(Method::DELETE, requests, requests, Value::Null, 204).await;
    control.harness.events().publish_raw("no event").taken().await;
    let letters = "/_harness/dead-letters";
    assert_eq!(control.call(get, letters, letters, Value::Null, 200).await[0]["event"], "no event");
    let reset = control.call(post, "/_harness/reset", "/_harness/reset", Value::Null, 200).await;
    assert_ne!(reset["root_key_id"], info["root_key_id"]);
}

#[tokio::test]
async fn values_out_of_range_are_rejected_with_the_range() {
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
        (&put, behaviour, storage, json!({"behaviour": {"answer": {"status": 999}}}), "from 200 to 599"),
        (&put, behaviour, storage, json!({"behaviour": {"answer": {"status": 100}}}), "from 200 to 599"),
        (&put, behaviour, storage, json!({"behaviour": {"answer": {"status": 70_000}}}), "from 200 to 599"),
        (
            &put,
            behaviour,
            storage,
            json!({"behaviour": {"answer": {"status": 503, "retry_after": 31_536_001}}}),
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
        let said = control.call(method.clone(), template, path, body.clone(), 400).await;
        assert!(text(&said["error"]).contains(range), "{body}: {said}");
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
        let said = control.call(Method::GET, template, &path, Value::Null, 400).await;
        assert!(text(&said["error"]).contains(range), "{query}: {said}");
    }
}

#[tokio::test]
async fn the_clock_stops_before_the_year_10000() {
    let clock = keysync_testkit::HarnessClock::set_to(keysync_testkit::EpochMillis::new(253_402_300_799_000));
    let mut control = Control::start_at(clock).await;
    let time = "/_harness/time";
    control.call(Method::POST, time, time, json!({"advance": "999ms"}), 204).await;
    let said = control.call(Method::POST, time, time, json!({"advance": "1ms"}), 400).await;
    assert!(text(&said["error"]).contains("past the year 9999"), "{said}");
}

/// What axum rejects by itself is in the same form as all else.
#[tokio::test]
async fn unreadable_requests_get_a_documented_problem() {
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
        let said = control.send(method, template, path, body.to_owned(), status).await;
        assert!(!text(&said["error"]).is_empty(), "{path} {body}: {said}");
    }
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(3 << 20));
    let said = control.send(Method::POST, keys, keys, large, 413).await;
    assert!(text(&said["error"]).contains("2 MB at most"), "{said}");
}

#[tokio::test]
async fn every_response_says_that_it_is_from_a_harness() {
    let control = Control::start().await;
    for (method, path) in [
        (Method::GET, "/_harness"),
        (Method::GET, "/_harness/openapi.json"),
        (Method::GET, "/_harness/"),
        (Method::GET, "/_harness/nothing"),
        (Method::PUT, "/_harness/time"),
        (Method::POST, "/_harness/time"),
    ] {
        let request = control.http.request(method, format!("{}{path}", control.harness.endpoint_url()));
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key(keysync_testkit::VERSION_HEADER), "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
    }
}

#[tokio::test]
async fn a_part_that_is_out_is_a_documented_503() {
    let mut control = Control::start().await;
    let health = "/_harness/iam/health";
    control.call(Method::PUT, health, health, json!({"health": "down"}), 204).await;
    let tokens = "/_harness/iam/tokens";
    control.call(Method::POST, tokens, tokens, json!({"role": "reader"}), 503).await;
    let keys = "/_harness/keys";
    control.call(Method::POST, keys, keys, json!({"name": "own"}), 503).await;
}

#[tokio::test]
async fn each_operation_has_a_name_and_a_summary_of_its_own_and_each_answer_a_description() {
    let control = Control::start().await;
    let mut names = BTreeSet::new();
    for operation in control.document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        assert!(names.insert(text(&operation["operationId"])), "{operation}");
        assert!(!text(&operation["summary"]).is_empty());
        for answer in operation["responses"].as_object().unwrap().values() {
            assert!(!text(&answer["description"]).is_empty(), "{operation}");
        }
    }
    assert_eq!(names.len(), control.documented().len());
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_so() {
    let control = Control::start().await;
    for (method, path, status) in [
        (Method::GET, "/_harness/nothing", 404),
        (Method::PUT, "/_harness/time", 405),
        (Method::GET, "/_harness/services/cloud-object-storage/behaviour", 405),
    ] {
        let url = format!("{}{path}", control.harness.endpoint_url());
        let answer = control.http.request(method, url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let said: Value = answer.json().await.unwrap();
        assert!(text(&said["error"]).contains("GET /_harness/openapi.json"), "{said}");
    }
}
