//! Long random paths of the model.

use std::collections::BTreeMap;

use fastrand::Rng;
use keysync_model::{
    bounds::Bounds,
    protocol::Action,
    state::{NEVER, State},
};
use stateright::Model;

use crate::{
    Configuration, Through,
    paths::{DEADLINE, HOURS, SMALL},
    system::System,
};

const WALKS: u64 = 40;
/// Those with 33 services.
const WALKS_IN_PARTS: u64 = 10;
const STEPS: usize = 60;

/// Everything that the ledger has, and retries that are exhausted after 24 hours.
const ALL: Bounds = Bounds {
    callers: 3,
    events: 2,
    redeliverers: 2,
    services: 2,
    late_callbacks: true,
    late_requests: true,
    // One: two at the same instant are one in the code, which rejects the second.
    operator_replays: 1,
    uneven_backoff: true,
    retry_limit: 24,
    steps_back: true,
    rejected_writes: true,
    ..SMALL
};

/// Everything that the dispatcher has, except deadlines and exhausted retries. Its backoff is at
/// most an hour.
const DISPATCHED: Bounds = Bounds { uneven_backoff: false, retry_limit: NEVER, ..ALL };
const EXHAUSTED: Bounds = Bounds { retry_limit: 24, callers: 2, events: 1, steps_back: false, ..DISPATCHED };
/// Deadlines, with replays. A late lease request may restore a lease whose process has read an
/// older deadline.
const DEADLINES: Bounds = Bounds {
    deadline: DEADLINE,
    any_acknowledgement: true,
    late_requests: false,
    steps_back: false,
    ..DISPATCHED
};

const STEADY: Pace = Pace { one_of: 20, up_to: 1 };

/// Confirmations in two writes: an outcome may be stored, and the outbox not yet changed.
const IN_PARTS: Bounds = Bounds { confirms_in_parts: true, operator_replays: 0, callers: 2, ..DEADLINES };

/// The steps that were taken, by the names of their actions.
type Taken = BTreeMap<String, usize>;

/// How time passes: one of so many steps is time, and takes up to so many ticks.
#[derive(Clone, Copy, Debug)]
struct Pace {
    one_of: u8,
    up_to: usize,
}

/// Takes random steps until none but time is left, at most [`STEPS`].
async fn walk(configuration: &Configuration, seed: u64, pace: Pace, taken: &mut Taken) {
    fastrand::seed(seed); // The backoff is random.
    let mut rng = Rng::with_seed(seed);
    let (mut state, mut system) = (configuration.initial(), System::new(configuration).await);
    let mut path = Vec::new();
    for _ in 0..STEPS {
        let mut actions = configuration.actions(&state);
        actions.retain(|action| system.is_comparable(*action, &state));
        // Rejections would be most of the steps.
        if rng.u8(..4) > 0 {
            actions.retain(|action| configuration.model.next_state(&state, *action).is_some());
        }
        if actions.iter().all(|action| *action == Action::Tick) && state.items[0].due_at.is_none() {
            break;
        }
        let next = if rng.u8(..pace.one_of) == 0 {
            vec![Action::Tick; rng.usize(1..=pace.up_to)]
        } else {
            rng.choice(actions).into_iter().collect()
        };
        for action in next {
            if !system.is_comparable(action, &state) {
                break;
            }
            path.push(action);
            match configuration.step(&mut system, &state, action).await {
                Ok(after) => state = after,
                Err(difference) => {
                    panic!("{difference} ({}, seed {seed})\nafter {path:#?}", configuration.name)
                }
            }
            count(taken, action, &state);
        }
    }
}

fn count(taken: &mut Taken, action: Action, state: &State) {
    let name = format!("{action:?}").split(' ').next().unwrap_or_default().to_owned();
    *taken.entry(name).or_default() += 1;
    for (what, is_so) in [
        ("exhausted retries", state.items[0].outbox.iter().any(|entry| entry.exhausted)),
        ("a report", state.history[0].reported != 0),
        ("an older deadline", state.items[0].older.iter().any(|at| *at != NEVER)),
    ] {
        *taken.entry(what.to_owned()).or_default() += usize::from(is_so);
    }
}

/// Takes the walks. They must take, or lead to, what is `expected`.
async fn assert_walks_conform(configuration: Configuration, pace: Pace, expected: &[&str]) {
    let first = std::env::var("KEYSYNC_TEST_SEED").map_or(1, |seed| seed.parse().expect("an integer"));
    let mut taken = Taken::new();
    let walks = if configuration.model.bounds.confirms_in_parts { WALKS_IN_PARTS } else { WALKS };
    for seed in first..first + walks {
        walk(&configuration, seed, pace, &mut taken).await;
    }
    println!("{}: {walks} walks from seed {first}: {taken:?}", configuration.name);
    for what in expected {
        assert!(taken.get(*what).is_some_and(|count| *count > 0), "no walk has {what}: {taken:?}");
    }
}

#[tokio::test]
async fn ledger_follows_model_on_random_walks() {
    let all = Configuration::new("random walks", HOURS, &ALL, Through::Ledger);
    assert_walks_conform(all, STEADY, &["Confirm", "Replay", "DeliverLateRequest", "Resend"]).await;
}

#[tokio::test]
async fn dispatcher_follows_model_on_random_walks() {
    let dispatched = |name, bounds: &Bounds| Configuration::new(name, HOURS, bounds, Through::Dispatcher);
    let all = dispatched("random walks of the dispatcher", &DISPATCHED);
    assert_walks_conform(all, STEADY, &["Confirm", "Replay", "DeliverLateRequest", "Resend"]).await;
    let exhausted = dispatched("exhausted retries", &EXHAUSTED);
    assert_walks_conform(exhausted, Pace { one_of: 6, up_to: 30 }, &["Confirm", "exhausted retries"]).await;
    let deadlines = dispatched("deadlines", &DEADLINES);
    let reached = ["Acknowledge", "Check", "Replay", "a report", "an older deadline"];
    assert_walks_conform(deadlines, Pace { one_of: 6, up_to: 5 }, &reached).await;
    let deadlines = dispatched("deadlines, confirmed in parts", &IN_PARTS);
    assert_walks_conform(deadlines, Pace { one_of: 6, up_to: 5 }, &["ConfirmPart", "a report"]).await;
    let exhausted = Bounds { retry_limit: 24, deadline: NEVER, ..IN_PARTS };
    let exhausted = dispatched("exhausted retries, confirmed in parts", &exhausted);
    assert_walks_conform(exhausted, Pace { one_of: 6, up_to: 30 }, &["ConfirmPart", "exhausted retries"])
        .await;
}
