//! The signing key is changed in two steps, and at no moment does a receiver reject a callback: not one that knows
//! the old key, not one that knows the new one, and not one that follows the published set.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use keysync::{Clock, config::SIGNING_KEY_SECRET};
use keysync_receiver::Verifier;
use keysync_testkit::{Harness, Key, secrets};
use serde_json::Value;

/// The first two test vectors of RFC 8032: private key, public key.
const OLD: (&str, &str) = (
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
);
const NEW: (&str, &str) = (
    "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=",
    "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
);

/// A receiver that is told the key by a person.
const BY_HAND: &str = "told-by-hand";
/// A receiver that fetches the set.
const BY_SET: &str = "follows-the-set";

/// What the receivers believe, and what reached them.
#[derive(Default)]
struct Receivers {
    by_hand: Option<Verifier>,
    by_set: Option<Verifier>,
    signatures: Vec<String>,
}

type Shared = Arc<Mutex<Receivers>>;

async fn callback(
    State(receivers): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut receivers = receivers.lock().unwrap_or_else(PoisonError::into_inner);
    receivers.signatures.push(headers["webhook-signature"].to_str().unwrap().to_owned());
    let verifier = if name == BY_HAND { &receivers.by_hand } else { &receivers.by_set };
    let now = UNIX_EPOCH + Duration::from_millis(Clock::system().now().get());
    let verdict = verifier.as_ref().unwrap().verify(&headers, &body, now);
    verdict.map_or_else(|rejected| rejected.status(), |_| StatusCode::NO_CONTENT)
}

/// A sender whose signing key is in a secret, and its receivers.
struct Rotation {
    harness: Harness,
    receivers: Shared,
}

impl Rotation {
    async fn start() -> Self {
        let receivers = Shared::default();
        let router = Router::new().route("/{name}", post(callback)).with_state(receivers.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let builder = [BY_HAND, BY_SET]
            .into_iter()
            .fold(Harness::builder(), |builder, name| builder.service_at(name, &format!("{url}/{name}")));
        let harness = builder.env(SIGNING_KEY_SECRET, secrets::SIGNING_KEY).start().await.unwrap();
        Self { harness, receivers }
    }

    /// The operator stores these keys, and has all functions start anew.
    async fn sign_with(&self, keys: &[(&str, &str)]) {
        let private: Vec<_> = keys.iter().map(|key| key.0).collect();
        self.harness.secrets().put(secrets::SIGNING_KEY, &private.join(" "));
        let sync = self.harness.sync_function().process();
        let others =
            [self.harness.lifecycle_function().processes(), self.harness.redeliver_function().processes()];
        for processes in others.into_iter().chain([sync]) {
            processes.unwrap().kill().await;
        }
        let public: Vec<_> = keys.iter().map(|key| key.1).collect();
        assert_eq!(self.published().await.1, public, "published are the keys that sign, and no others");
    }

    /// The key set, and the keys in it.
    async fn published(&self) -> (String, Vec<String>) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/.well-known/jwks.json", self.harness.endpoint_url());
        let set = http.get(url).send().await.unwrap().text().await.unwrap();
        let document: Value = serde_json::from_str(&set).unwrap();
        let keys = document["keys"].as_array().unwrap().iter();
        let keys = keys.map(|key| key["whpk"].as_str().unwrap().to_owned()).collect();
        (set, keys)
    }

    fn receivers(&self) -> std::sync::MutexGuard<'_, Receivers> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_hand_knows(&self, key: (&str, &str)) {
        self.receivers().by_hand = Some(Verifier::new([key.1]).unwrap());
    }

    async fn by_set_fetches(&self) {
        let set = self.published().await.0;
        self.receivers().by_set = Some(Verifier::from_jwks(set).unwrap());
    }

    /// Has `sync`, and then `lifecycle`, tell both receivers of a new key: what became of it at each.
    async fn tell(&self) -> [(String, String); 2] {
        let key =
            self.harness.new_key("a-key").with_registration(BY_HAND, "one").with_registration(BY_SET, "two");
        let key = key.create().await.unwrap();
        key.sync().await.unwrap().assert_status(204);
        let by_sync = standing(&key).await;
        key.rotate().await.unwrap().assert_status(204);
        [by_sync, standing(&key).await]
    }

    /// Both receivers took what both functions signed, with so many signatures.
    async fn both_take_what_has(&self, signatures: usize) {
        self.receivers().signatures.clear();
        let delivered = || ("delivered".to_owned(), "delivered".to_owned());
        assert_eq!(self.tell().await, [delivered(), delivered()]);
        let count = |text: &String| text.split(' ').filter(|it| it.starts_with("v1a,")).count();
        let counts: Vec<_> = self.receivers().signatures.iter().map(count).collect();
        assert_eq!(counts, [signatures; 4]);
    }
}

/// How far the key's last notification has come, by hand and by set.
async fn standing(key: &Key) -> (String, String) {
    let standings = key.notifications().await.unwrap();
    let of = |name: &str| standings.iter().find(|it| it.service == name).unwrap().status.clone();
    (of(BY_HAND), of(BY_SET))
}

#[tokio::test]
async fn with_both_keys_in_between() {
    let rotation = Rotation::start().await;

    rotation.sign_with(&[OLD]).await;
    rotation.by_hand_knows(OLD);
    rotation.by_set_fetches().await;
    rotation.both_take_what_has(1).await;

    rotation.sign_with(&[OLD, NEW]).await;
    rotation.both_take_what_has(2).await; // nobody has learnt anything yet
    rotation.by_hand_knows(NEW);
    rotation.by_set_fetches().await;
    rotation.both_take_what_has(2).await;

    rotation.sign_with(&[NEW]).await;
    rotation.both_take_what_has(1).await; // the set that was fetched holds both
    rotation.by_set_fetches().await;
    rotation.both_take_what_has(1).await;
}

#[tokio::test]
async fn and_who_learns_too_late_loses_nothing() {
    let rotation = Rotation::start().await;
    rotation.sign_with(&[OLD]).await;
    rotation.by_hand_knows(OLD);
    rotation.by_set_fetches().await;

    rotation.sign_with(&[NEW]).await; // without the step in between, as when the old key got out
    let retrying = || ("retrying".to_owned(), "retrying".to_owned());
    assert_eq!(rotation.tell().await, [retrying(), retrying()]);

    rotation.by_hand_knows(NEW);
    rotation.by_set_fetches().await;
    rotation.harness.advance_clock(Duration::from_mins(2)).await.unwrap();
    let summary = rotation.harness.redeliver().await.unwrap();
    assert_eq!((&summary["delivered"], &summary["retrying"]), (&2.into(), &0.into()));
}
