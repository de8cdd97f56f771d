//! G9, no silence: random sequences of syncs, lifecycle actions, acknowledgements, runs of
//! `redeliver` and steps of the clock. At the end, exactly those notifications are reported that
//! the service did not acknowledge in time, each once.
//!
//! The random seed is fixed; `KEYSYNC_TEST_SEED` sets another one.
//! `functions/src/ledger/no_silence.rs` plays thousands of longer ones, with crashes, on an item in
//! memory.

use std::{collections::BTreeSet, time::Duration};

use keysync::domain::EpochMillis;

use crate::{
    acknowledgement_deadline::{CHECKED, findings, must_acknowledge},
    support::{HOUR, World, text, world_of},
};

const STORAGE: &str = "cloud-object-storage";
const FOUR_HOURS: Duration = Duration::from_hours(4);
const STEPS: usize = 40;
/// Sums of these are minutes away from a deadline and its check, so that the time that a step takes
/// does not matter.
const CLOCK_STEP: Duration = Duration::from_mins(11);
const DELAY: Duration = Duration::from_mins(3);

#[derive(Clone)]
struct Notified {
    sequence: u64,
    event_id: String,
    at: EpochMillis,
}

/// What a service did, and what must be reported of it.
struct Witness {
    world: World,
    /// The time by which the clock was advanced: it moves the instants in the table instead.
    advanced: Duration,
    notified: Vec<Notified>,
    /// The numbers of acknowledged notifications, and when the service acted.
    acknowledged: Vec<(u64, EpochMillis)>,
    /// The oldest notification that the service has not acknowledged, and the newest one.
    owed: Vec<Notified>,
    overdue: BTreeSet<String>,
}

impl Witness {
    fn now(&self) -> EpochMillis {
        self.world.harness.clock().now().plus(self.advanced)
    }

    async fn advance(&mut self, by: Duration) {
        self.world.advance_clock(by).await;
        self.advanced += by;
    }

    fn is_acknowledged(&self, notified: &Notified) -> bool {
        let deadline = notified.at.plus(FOUR_HOURS);
        self.acknowledged.iter().any(|(sequence, at)| *sequence >= notified.sequence && *at <= deadline)
    }

    /// Finds out whether a request notified the service.
    async fn observe(&mut self) {
        let item = self.world.item().await;
        let sequence = item["sequence"].as_u64().unwrap_or_default();
        if self.notified.last().map_or(0, |last| last.sequence) == sequence {
            return;
        }
        let at = EpochMillis::new(item["notified_at"].as_u64().unwrap()).plus(self.advanced);
        let event_id = text(&item["outcome"][STORAGE]["event_id"]);
        let notified = Notified { sequence, event_id, at };
        let kept = self.owed.iter().find(|owed| !self.is_acknowledged(owed)).cloned();
        self.owed = kept.into_iter().chain([notified.clone()]).collect();
        self.notified.push(notified);
    }

    async fn acknowledge(&mut self, notified: &Notified, delay: Duration) {
        let at = self.now().minus(delay).max(notified.at);
        let (events, crn) = (self.world.harness.events(), self.world.crn(&self.world.key));
        let acted_at = at.minus(self.advanced);
        events.acknowledgement(&crn, &notified.event_id, "x", None, acted_at).processed().await;
        self.acknowledged.push((notified.sequence, at));
    }

    async fn redeliver(&mut self) {
        self.world.redeliver().await;
        let now = self.now();
        let over: Vec<_> = self.owed.extract_if(.., |owed| owed.at.plus(CHECKED) <= now).collect();
        let silent: Vec<_> = over.into_iter().filter(|owed| !self.is_acknowledged(owed)).collect();
        for owed in silent {
            assert!(self.overdue.insert(owed.event_id.clone()), "{} is found once", owed.event_id);
        }
    }
}

#[tokio::test]
async fn every_silent_notification_is_found_once() {
    let seed = std::env::var("KEYSYNC_TEST_SEED").map_or(1, |seed| seed.parse().expect("an integer"));
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = world_of(must_acknowledge()).await;
    let mut witness = Witness {
        world,
        advanced: Duration::ZERO,
        notified: Vec::new(),
        acknowledged: Vec::new(),
        owed: Vec::new(),
        overdue: BTreeSet::new(),
    };
    let mut is_enabled = true;
    for _ in 0..STEPS {
        match rng.u8(..10) {
            0 | 1 => {
                witness.world.sync().await;
                witness.observe().await;
            }
            2 => {
                let action = if is_enabled { "actions/disable" } else { "actions/enable" };
                is_enabled ^= witness.world.take(action).await.status == 204;
                witness.observe().await;
            }
            3 | 4 => {
                let last = witness.notified.len().saturating_sub(3);
                let recent = witness.notified[last..].to_vec();
                if let Some(notified) = rng.choice(recent) {
                    witness.acknowledge(&notified, if rng.bool() { DELAY } else { Duration::ZERO }).await;
                }
            }
            5 | 6 => witness.redeliver().await,
            _ => witness.advance(CLOCK_STEP * rng.u32(1..8)).await,
        }
    }
    for _ in 0..2 {
        witness.advance(FOUR_HOURS + HOUR).await;
        witness.redeliver().await;
    }
    assert!(witness.notified.len() > 3, "the sequence has several notifications");
    let found: Vec<_> = findings(&witness.world)
        .iter()
        .map(|finding| text(&finding["responseData"]["eventAckData"]["eventId"]))
        .collect();
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "each once: {found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), witness.overdue);
    assert_eq!(witness.world.item().await.get("due_at"), None);
}
