//! What the actors of a round do.

use fastrand::Rng;
use http::{Method, StatusCode};
use keysync::domain::{EpochMillis, KeyFacts, KeyState, KeyVersion, LifecycleAction};
use keysync::ledger::{
    KeyRecord,
    item::{KEY_ITEM, key_pk},
};
use keysync_testkit::HarnessError;
use tokio::sync::watch;

use crate::{
    history::{Answer, Entry, Lifecycle, Registration, Span, Sync, Taken},
    plan::{Kind, Whom},
    round::Round,
};

/// How often a sync is asked for that should be accepted at once.
const CALM_TRIES: u32 = 5;

impl Round<'_> {
    /// A sync, sent again with the same correlation id until it is known what became of it.
    pub(crate) async fn sync(&self, caller: usize, key: usize, correlation: usize, tries: u32) {
        let correlation_id = format!("round-{}-{correlation}", self.plan.seed);
        for _ in 0..tries {
            let sync = self.try_sync(caller, key, &correlation_id).await;
            let is_known = matches!(sync.answer, Answer::Status(204 | 400..=428 | 430..=500, _));
            self.record(Entry::Sync(sync));
            if is_known {
                return;
            }
        }
    }

    /// A sync when nothing fails and the window is open. A machine that is too busy for the time-outs may
    /// still fail it; then it is asked again.
    pub(crate) async fn calm_sync(&self, key: usize) {
        let correlation_id = format!("round-{}-calm", self.plan.seed);
        for left in (0..CALM_TRIES).rev() {
            let mut sync = self.try_sync(0, key, &correlation_id).await;
            let too_busy = left > 0 && matches!(sync.answer, Answer::Status(502 | 503, _));
            sync.calm = !too_busy;
            self.record(Entry::Sync(sync));
            if !too_busy {
                return;
            }
        }
    }

    async fn try_sync(&self, caller: usize, key: usize, correlation_id: &str) -> Sync {
        let client = &self.world.callers[caller];
        let path = format!("/api/v2/keys/{}/actions/sync", self.keys[key]);
        let request = client.request(Method::POST, &path).header("correlation-id", correlation_id);
        let mut deaths = self.deaths_of(Whom::Sync);
        let began = self.now();
        let answer = tokio::select! {
            answer = client.send(request) => match answer {
                Ok(answer) => Answer::Status(answer.status.as_u16(), answer.code().to_owned()),
                Err(_) => Answer::None,
            },
            () = self.hang_up(&mut deaths) => Answer::None,
        };
        let ended = self.now();
        let item =
            if answer == Answer::Status(204, String::new()) { Some(self.item(key).await) } else { None };
        self.stats.synced(&answer);
        let correlation_id = correlation_id.to_owned();
        Sync { caller, key, correlation_id, span: Span { began, ended }, answer, item, calm: false }
    }

    /// Waits for a death in this process. A real one shows by itself.
    async fn hang_up(&self, deaths: &mut watch::Receiver<usize>) {
        match self.plan.kind {
            Kind::InProcess => drop(deaths.changed().await),
            Kind::Real => std::future::pending().await,
        }
    }

    /// A lifecycle action over the endpoint.
    pub(crate) async fn act(&self, key: usize, action: LifecycleAction) {
        let (client, id) = (self.world.manager(), &self.keys[key]);
        let began = self.now();
        let answer = match action {
            LifecycleAction::Delete => client.delete(id).await,
            LifecycleAction::Restore => client.post(&format!("/api/v2/keys/{id}/restore")).await,
            other => client.post(&format!("/api/v2/keys/{id}/actions/{}", other.as_str())).await,
        };
        let span = Span { began, ended: self.now() };
        let result = match answer {
            Ok(answer) if answer.status.is_success() => Taken::Surely,
            Ok(answer) if matches!(answer.status, StatusCode::CONFLICT | StatusCode::GONE) => Taken::Refused,
            // The endpoint's own calls to DynamoDB are not under test, but have time-outs, too.
            Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => Taken::Perhaps,
            other => {
                self.defect(format!("{} of k{key}: {other:?}", action.as_str()));
                Taken::Perhaps
            }
        };
        let (action, state) = (action.as_str().to_owned(), u8::from(leads_to(action)));
        self.record(Entry::Lifecycle(Lifecycle { key, action, state, span, result }));
    }

    /// Actions whose events come in any order, and some of them twice.
    pub(crate) async fn muddle(&self, key: usize, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let harness = &self.world.harness;
        let pk = key_pk(harness.instance(), self.keys[key].parse().unwrap());
        let mut items = harness.items().await.unwrap();
        items.retain(|item| item["pk"] == pk && item["sk"] == KEY_ITEM);
        let KeyRecord { crn, key_type, state, ring, version, event, .. } =
            serde_json::from_value(items.remove(0)).unwrap();
        let facts = KeyFacts { crn, key_type, state, ring, version };
        let events = actions(&mut rng, facts, event.at, harness.clock().now());
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
        self.older().extend(bodies);
        for delivery in deliveries {
            delivery.taken().await;
        }
        let span = Span { began, ended: self.now() };
        for (action, _, facts) in events.iter().rev().skip(1) {
            let (action, state) = (action.as_str().to_owned(), u8::from(facts.state));
            let result = Taken::Perhaps;
            self.record(Entry::Lifecycle(Lifecycle { key, action, state, span, result }));
        }
        self.record(Entry::Lifecycle(Lifecycle { key, action: newest, state, span, result: Taken::Surely }));
    }

    /// Some of the events of long ago once more: they are known, and change nothing.
    pub(crate) async fn repeat(&self, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let mut older: Vec<String> = self.older().clone();
        rng.shuffle(&mut older);
        older.truncate(4);
        let deliveries: Vec<_> =
            older.iter().map(|event| self.world.harness.events().publish_raw(event)).collect();
        let count = deliveries.len();
        for delivery in deliveries {
            delivery.taken().await;
        }
        self.note(format!("{count} event(s) of long ago came again"));
    }

    /// A resource is registered with a key, or is no longer.
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
            client.send(client.request(Method::DELETE, &path)).await.map(|answer| answer.status)
        };
        let span = Span { began, ended: self.now() };
        let done = match status {
            Ok(status) if status.is_success() => true,
            // A key that is disabled or deleted protects nothing new.
            Ok(StatusCode::CONFLICT | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY) => false,
            other => {
                self.defect(format!("{service} registered k{key} ({registered}): {other:?}"));
                false
            }
        };
        self.record(Entry::Registration(Registration { key, service, registered, span, done }));
    }

    /// A run of redelivery.
    pub(crate) async fn redeliver(&self) {
        let mut deaths = self.deaths_of(Whom::Redeliver);
        let began = self.now();
        let result = tokio::select! {
            result = self.world.harness.redeliver() => match result {
                Ok(summary) => summary.to_string(),
                Err(error) => error.to_string(),
            },
            () = self.hang_up(&mut deaths) => "hung up".to_owned(),
        };
        self.stats.redelivered();
        self.note(format!("redelivery, begun at #{}: {result}", began.tick));
    }
}

/// Actions one after the other, each as the state after the one before allows, with their instants.
fn actions(
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
            facts.state = leads_to(action);
            if action == Rotate {
                let id = uuid::Builder::from_random_bytes(rng.u128(..).to_le_bytes()).into_uuid().to_string();
                facts.version = KeyVersion { id, created_at: at };
            }
            (action, at, facts.clone())
        })
        .collect()
}

/// The state of a key after an action of these.
fn leads_to(action: LifecycleAction) -> KeyState {
    match action {
        LifecycleAction::Disable => KeyState::Suspended,
        LifecycleAction::Delete => KeyState::Destroyed,
        _ => KeyState::Active,
    }
}
