//! The actions of a round.

use fastrand::Rng;
use http::{Method, StatusCode};
use keysync::domain::{EpochMillis, KeyFacts, KeyState, KeyVersion, LifecycleAction};
use keysync::ledger::{
    KeyRecord,
    item::{KEY_ITEM, key_pk},
};
use keysync_model::trace::{Event, EventKind, Millis, Request};
use keysync_testkit::HarnessError;
use tokio::sync::watch;

use crate::{
    history::{Entry, Lifecycle, Outcome, Registration, Response, Span, Sync},
    plan::{Kind, Target},
    round::Round,
    trace::Step,
};

/// Maximum number of attempts of a sync that must succeed.
const MAX_ATTEMPTS: u32 = 5;

impl Round<'_> {
    /// Sends a sync, up to `attempts` times with the same correlation id until its outcome is
    /// known.
    pub(crate) async fn sync(&self, caller: usize, key: usize, correlation: usize, attempts: u32) {
        let correlation_id = format!("round-{}-{correlation}", self.plan.seed);
        for _ in 0..attempts {
            let sync = self.send_sync(caller, key, &correlation_id).await;
            let is_known = matches!(sync.response, Response::Status(204 | 400..=428 | 430..=500, _));
            self.record(Entry::Sync(sync));
            if is_known {
                return;
            }
        }
    }

    /// Sends a sync that must succeed, because there are no faults and the window is open. It is
    /// retried on 502 and 503: on a busy machine a call can still time out.
    pub(crate) async fn final_sync(&self, key: usize) {
        let correlation_id = format!("round-{}-final", self.plan.seed);
        for left in (0..MAX_ATTEMPTS).rev() {
            let mut sync = self.send_sync(0, key, &correlation_id).await;
            let too_busy = left > 0 && matches!(sync.response, Response::Status(502 | 503, _));
            sync.must_succeed = !too_busy;
            self.record(Entry::Sync(sync));
            if !too_busy {
                return;
            }
        }
    }

    async fn send_sync(&self, caller: usize, key: usize, correlation_id: &str) -> Sync {
        let client = &self.world.callers[caller];
        let path = format!("/api/v2/keys/{}/actions/sync", self.keys[key]);
        let request = client.request(Method::POST, &path).header("correlation-id", correlation_id);
        let mut kills = self.subscribe_to_kills(Target::Sync);
        let began = self.now();
        let response = tokio::select! {
            response = client.send(request) => match response {
                Ok(response) => Response::Status(response.status.as_u16(), response.code().to_owned()),
                Err(_) => Response::None,
            },
            () = self.wait_for_kill(&mut kills) => Response::None,
        };
        let (ended, number) = (self.now(), self.world.harness.journal().next_number());
        let item =
            if response == Response::Status(204, String::new()) { Some(self.item(key).await) } else { None };
        self.stats.synced(&response);
        if let Response::Status(status, _) = response {
            // The trace has the caller's IAM id from the claims of the request.
            let request = Request { caller: String::new(), correlation_id: correlation_id.to_owned() };
            let kind = EventKind::Response { request, status };
            let event = Event { at: Millis::try_from(ended.at).unwrap(), kind };
            self.trace(Some(Step { key, number, event }));
        }
        let (correlation_id, span) = (correlation_id.to_owned(), Span { began, ended });
        Sync { caller, key, correlation_id, span, response, item, must_succeed: false }
    }

    /// Waits for a kill in process. With the real binaries the kill itself ends the connection.
    async fn wait_for_kill(&self, kills: &mut watch::Receiver<usize>) {
        match self.plan.kind {
            Kind::InProcess => drop(kills.changed().await),
            Kind::Real => std::future::pending().await,
        }
    }

    /// Performs a lifecycle action through the emulated KMS.
    pub(crate) async fn lifecycle_action(&self, key: usize, action: LifecycleAction) {
        let (client, id) = (self.world.manager(), &self.keys[key]);
        let began = self.now();
        let response = match action {
            LifecycleAction::Delete => client.delete(id).await,
            LifecycleAction::Restore => client.post(&format!("/api/v2/keys/{id}/restore")).await,
            other => client.post(&format!("/api/v2/keys/{id}/actions/{}", other.as_str())).await,
        };
        let span = Span { began, ended: self.now() };
        let result = match response {
            Ok(response) if response.status.is_success() => Outcome::Recorded,
            Ok(response) if matches!(response.status, StatusCode::CONFLICT | StatusCode::GONE) => {
                Outcome::Rejected
            }
            // The emulated KMS's own DynamoDB calls are not under test, but can time out as well.
            Ok(response) if response.status == StatusCode::SERVICE_UNAVAILABLE => Outcome::Uncertain,
            other => {
                self.defect(format!("{} of k{key}: {other:?}", action.as_str()));
                Outcome::Uncertain
            }
        };
        let (action, state) = (action.as_str().to_owned(), u8::from(state_after(action)));
        self.record(Entry::Lifecycle(Lifecycle { key, action, state, span, result }));
    }

    /// Publishes events of several actions in random order, some of them twice.
    pub(crate) async fn reorder(&self, key: usize, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let harness = &self.world.harness;
        let pk = key_pk(harness.instance(), self.keys[key].parse().unwrap());
        let mut items = harness.items().await.unwrap();
        items.retain(|item| item["pk"] == pk && item["sk"] == KEY_ITEM);
        let KeyRecord { crn, key_type, state, ring, version, event, .. } =
            serde_json::from_value(items.remove(0)).unwrap();
        let facts = KeyFacts { crn, key_type, state, ring, version };
        let events = random_lifecycle_actions(&mut rng, facts, event.at, harness.clock().now());
        let Some((newest, _, facts)) = events.last() else { return };
        let (newest, state) = (newest.as_str().to_owned(), u8::from(facts.state));

        let began = self.now();
        harness.events().queue().hold();
        let mut deliveries: Vec<_> =
            events.iter().map(|(action, at, facts)| harness.events().action(*action, facts, *at)).collect();
        let mut bodies = Vec::new();
        harness.events().queue().release(|events| {
            rng.shuffle(events);
            bodies.clone_from(events);
        });
        let again = bodies.iter().filter(|_| rng.bool()).map(|body| harness.events().publish_raw(body));
        deliveries.extend(again);
        self.published().extend(bodies);
        for delivery in deliveries {
            delivery.processed().await;
        }
        let span = Span { began, ended: self.now() };
        for (action, _, facts) in events.iter().rev().skip(1) {
            let (action, state) = (action.as_str().to_owned(), u8::from(facts.state));
            let result = Outcome::Uncertain;
            self.record(Entry::Lifecycle(Lifecycle { key, action, state, span, result }));
        }
        self.record(Entry::Lifecycle(Lifecycle {
            key,
            action: newest,
            state,
            span,
            result: Outcome::Recorded,
        }));
    }

    /// Publishes up to four earlier events again. They are duplicates and must change nothing.
    pub(crate) async fn republish(&self, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let mut events: Vec<String> = self.published().clone();
        rng.shuffle(&mut events);
        events.truncate(4);
        let deliveries: Vec<_> =
            events.iter().map(|event| self.world.harness.events().publish_raw(event)).collect();
        let count = deliveries.len();
        for delivery in deliveries {
            delivery.processed().await;
        }
        self.note(format!("{count} earlier event(s) published again"));
    }

    /// Adds or removes a registration.
    pub(crate) async fn register(&self, key: usize, service: usize, resource: usize, registered: bool) {
        let service = self.world.harness.services()[service].name().to_owned();
        let (account, instance) = (self.world.harness.account(), self.world.harness.instance());
        let crn = format!(
            "crn:v1:bluemix:public:{service}:us-south:a/{account}:{instance}:bucket:k{key}-{resource}"
        );
        let (client, id) = (self.world.manager(), &self.keys[key]);
        let began = self.now();
        let status = if registered {
            match client.register(id, &crn).await {
                Ok(()) => Ok(StatusCode::CREATED),
                Err(HarnessError::Unexpected { status, .. }) => Ok(status),
                Err(error) => Err(error),
            }
        } else {
            let encoded = crn.replace(':', "%3A").replace('/', "%2F");
            let path = format!("/api/v2/keys/{id}/registrations/{encoded}");
            client.send(client.request(Method::DELETE, &path)).await.map(|response| response.status)
        };
        let span = Span { began, ended: self.now() };
        let done = match status {
            Ok(status) if status.is_success() => true,
            // A disabled or deleted key accepts no new registration.
            Ok(StatusCode::CONFLICT | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY) => false,
            other => {
                self.defect(format!("{service} registered k{key} ({registered}): {other:?}"));
                false
            }
        };
        self.record(Entry::Registration(Registration { key, service, registered, span, done }));
    }

    /// Runs redelivery once.
    pub(crate) async fn redeliver(&self) {
        let mut kills = self.subscribe_to_kills(Target::Redeliver);
        let began = self.now();
        let result = tokio::select! {
            result = self.world.harness.redeliver() => match result {
                Ok(summary) => format!("{summary:?}"),
                Err(error) => error.to_string(),
            },
            () = self.wait_for_kill(&mut kills) => "connection dropped".to_owned(),
        };
        self.stats.redelivered();
        self.note(format!("redelivery, started at #{}: {result}", began.tick));
    }
}

/// Two to four successive actions, each allowed in the state after the previous one, with their
/// times.
fn random_lifecycle_actions(
    rng: &mut Rng,
    mut facts: KeyFacts,
    last: EpochMillis,
    now: EpochMillis,
) -> Vec<(LifecycleAction, EpochMillis, KeyFacts)> {
    use LifecycleAction::{Delete, Disable, Enable, Restore, Rotate};
    let milli = std::time::Duration::from_millis(1);
    let mut at = now.max(last);
    (0..rng.usize(2..=4))
        .map(|_| {
            let action = match facts.state {
                KeyState::Active => [Rotate, Rotate, Disable, Delete][rng.usize(..4)],
                KeyState::Suspended => [Enable, Enable, Delete][rng.usize(..3)],
                KeyState::Deactivated => Delete,
                KeyState::Destroyed => Restore,
            };
            at = at.plus(milli);
            facts.state = state_after(action);
            if action == Rotate {
                let id = uuid::Builder::from_random_bytes(rng.u128(..).to_le_bytes()).into_uuid().to_string();
                facts.version = KeyVersion { id, created_at: at };
            }
            (action, at, facts.clone())
        })
        .collect()
}

/// The state of a key after `action`.
fn state_after(action: LifecycleAction) -> KeyState {
    match action {
        LifecycleAction::Disable => KeyState::Suspended,
        LifecycleAction::Delete => KeyState::Destroyed,
        _ => KeyState::Active,
    }
}
