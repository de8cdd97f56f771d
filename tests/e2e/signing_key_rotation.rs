//! Rotation of the signing key in two steps: no receiver rejects a callback at any time, whether it
//! knows the old key, the new key or the published key set.

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
use keysync_testkit::{DeliveryStatus, Harness, Key, secrets};
use serde_json::Value;

use crate::binaries::binaries;

/// The first two test vectors of RFC 8032: private key, public key.
const OLD: (&str, &str) = (
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
);
const NEW: (&str, &str) = (
    "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=",
    "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
);

/// A receiver whose key is configured by hand.
const BY_HAND: &str = "configured-by-hand";
/// A receiver that fetches the key set.
const BY_SET: &str = "fetches-the-set";

/// The receivers' keys, and the signatures of the callbacks they received.
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
            .fold(binaries(), |builder, name| builder.service_at(name, &format!("{url}/{name}")));
        let harness = builder.env(SIGNING_KEY_SECRET, secrets::SIGNING_KEY).start().await.unwrap();
        Self { harness, receivers }
    }

    /// Stores these keys and restarts all functions, as an operator does.
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
        assert_eq!(self.published().await.1, public, "exactly the signing keys are published");
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

    fn configure_by_hand(&self, key: (&str, &str)) {
        self.receivers().by_hand = Some(Verifier::new(BY_HAND, [key.1]).unwrap());
    }

    async fn fetch_by_set(&self) {
        let set = self.published().await.0;
        self.receivers().by_set = Some(Verifier::from_jwks(BY_SET, set).unwrap());
    }

    /// Notifies both receivers about a new key, by `sync` and then by `lifecycle`; returns the
    /// delivery status at each.
    async fn notify(&self) -> [(DeliveryStatus, DeliveryStatus); 2] {
        let key =
            self.harness.new_key("a-key").with_registration(BY_HAND, "one").with_registration(BY_SET, "two");
        let key = key.create().await.unwrap();
        key.sync().await.unwrap().assert_status(204);
        let by_sync = notification_status(&key).await;
        key.rotate().await.unwrap().assert_status(204);
        [by_sync, notification_status(&key).await]
    }

    /// Asserts that both receivers accept the callbacks of both functions, with this number of
    /// signatures each.
    async fn assert_both_accept(&self, signatures: usize) {
        self.receivers().signatures.clear();
        let delivered = (DeliveryStatus::Delivered, DeliveryStatus::Delivered);
        assert_eq!(self.notify().await, [delivered, delivered]);
        let count = |text: &String| text.split(' ').filter(|it| it.starts_with("v1a,")).count();
        let counts: Vec<_> = self.receivers().signatures.iter().map(count).collect();
        assert_eq!(counts, [signatures; 4]);
    }
}

/// The delivery status of the key's last notification at both receivers.
async fn notification_status(key: &Key) -> (DeliveryStatus, DeliveryStatus) {
    let statuses = key.notifications().await.unwrap();
    let of = |name: &str| statuses.iter().find(|it| it.service == name).unwrap().status;
    (of(BY_HAND), of(BY_SET))
}

#[tokio::test]
async fn overlapping_keys_lose_no_callback() {
    let rotation = Rotation::start().await;

    rotation.sign_with(&[OLD]).await;
    rotation.configure_by_hand(OLD);
    rotation.fetch_by_set().await;
    rotation.assert_both_accept(1).await;

    rotation.sign_with(&[OLD, NEW]).await;
    rotation.assert_both_accept(2).await; // the receivers have the old key only
    rotation.configure_by_hand(NEW);
    rotation.fetch_by_set().await;
    rotation.assert_both_accept(2).await;

    rotation.sign_with(&[NEW]).await;
    rotation.assert_both_accept(1).await; // the fetched key set has both keys
    rotation.fetch_by_set().await;
    rotation.assert_both_accept(1).await;
}

#[tokio::test]
async fn late_receiver_gets_callbacks_by_redelivery() {
    let rotation = Rotation::start().await;
    rotation.sign_with(&[OLD]).await;
    rotation.configure_by_hand(OLD);
    rotation.fetch_by_set().await;

    rotation.sign_with(&[NEW]).await; // without the intermediate step, as after a leak of the old key
    let retrying = (DeliveryStatus::Retrying, DeliveryStatus::Retrying);
    assert_eq!(rotation.notify().await, [retrying, retrying]);

    rotation.configure_by_hand(NEW);
    rotation.fetch_by_set().await;
    rotation.harness.advance_clock(Duration::from_mins(2)).await.unwrap();
    let summary = rotation.harness.redeliver().await.unwrap();
    assert_eq!((summary.delivered, summary.retrying), (2, 0));
}
