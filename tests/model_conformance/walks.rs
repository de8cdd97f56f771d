//! Long random paths of the model.

use fastrand::Rng;
use keysync_model::{bounds::Bounds, protocol::Action};
use stateright::Model;

use crate::{
    Configuration,
    paths::{HOURS, SMALL},
    system::System,
};

const WALKS: u64 = 40;
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
    ..SMALL
};

/// Takes random steps until none but time is left, at most [`STEPS`].
async fn walk(configuration: &Configuration, seed: u64) -> usize {
    let mut rng = Rng::with_seed(seed);
    let (mut state, mut system) = (configuration.initial(), System::new(configuration).await);
    let mut path = Vec::new();
    while path.len() < STEPS {
        let mut actions = configuration.actions(&state);
        actions.retain(|action| !system.leases_again(*action));
        // Rejections would be most of the steps.
        if rng.u8(..4) > 0 {
            actions.retain(|action| configuration.model.next_state(&state, *action).is_some());
        }
        if actions.iter().all(|action| *action == Action::Tick) && state.items[0].due_at.is_none() {
            break;
        }
        let Some(action) = rng.choice(actions) else { break };
        path.push(action);
        match configuration.step(&mut system, &state, action).await {
            Ok(after) => state = after,
            Err(difference) => {
                panic!("{difference} ({}, seed {seed})\nafter {path:#?}", configuration.name)
            }
        }
    }
    path.len()
}

async fn assert_random_walks_conform(name: &'static str, bounds: &Bounds) {
    let first = std::env::var("KEYSYNC_TEST_SEED").map_or(1, |seed| seed.parse().expect("an integer"));
    let configuration = Configuration::new(name, HOURS, bounds);
    let mut steps = 0;
    for seed in first..first + WALKS {
        steps += walk(&configuration, seed).await;
    }
    println!("{name}: {WALKS} walks from seed {first}, {steps} steps");
}

#[tokio::test]
async fn ledger_follows_model_on_random_walks() {
    assert_random_walks_conform("random walks", &ALL).await;
}
