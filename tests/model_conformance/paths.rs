//! All paths of the model to a bounded depth.
//!
//! Two paths to the same state of the model continue alike, so each state is expanded once for each
//! depth that is left; the real item that it is expanded from is that of the first path. Actions
//! that the model rejects are taken, too: they must change nothing.

use std::{collections::HashMap, time::Duration};

use keysync_model::{bounds::Bounds, protocol::Action, state::State};

use crate::{Configuration, mapping::Scale, system::System};

/// Ticks of an hour: the window, and more than a lease, a backoff and the ten minutes of a replay.
pub(crate) const HOURS: Scale = Scale(Duration::from_hours(1));
pub(crate) const SMALL: Bounds = Bounds { late_callbacks: false, ..Bounds::SMALL };

struct Counts {
    states: usize,
    steps: usize,
}

/// A state to expand: the model's, the real one, the steps left, and the path that led to it.
struct Node {
    state: State,
    system: System,
    left: usize,
    path: Vec<Action>,
}

async fn explore(configuration: &Configuration, depth: usize) -> Counts {
    let root = Node {
        state: configuration.initial(),
        system: System::new(configuration).await,
        left: depth,
        path: Vec::new(),
    };
    let (mut open, mut expanded) = (vec![root], HashMap::new());
    let mut counts = Counts { states: 1, steps: 0 };
    while let Some(Node { state, system, left, path }) = open.pop() {
        // A longer path may have come first.
        if expanded.get(&state).is_some_and(|expanded| *expanded >= left) {
            continue;
        }
        counts.states += usize::from(expanded.insert(state, left).is_none());
        let actions = configuration.actions(&state).into_iter();
        for action in actions.filter(|action| !system.leases_again(*action)) {
            let mut system = system.clone();
            system.restore();
            let path: Vec<_> = path.iter().copied().chain([action]).collect();
            counts.steps += 1;
            match configuration.step(&mut system, &state, action).await {
                Ok(after) if after != state && left > 1 => {
                    open.push(Node { state: after, system, left: left - 1, path });
                }
                Ok(_) => {}
                Err(difference) => panic!("{difference} ({})\nafter {path:#?}", configuration.name),
            }
        }
    }
    counts
}

async fn assert_conforms(name: &'static str, bounds: &Bounds, depth: usize) {
    let configuration = Configuration::new(name, HOURS, bounds);
    let started = std::time::Instant::now();
    let Counts { states, steps } = explore(&configuration, depth).await;
    println!("{name}: all paths of {depth} steps, {states} states, {steps} steps, {:.1?}", started.elapsed());
}

#[tokio::test]
async fn ledger_follows_model_on_short_paths() {
    let callers = Bounds { callers: 3, events: 0, redeliverers: 0, ..SMALL };
    assert_conforms("three callers", &callers, 4).await;
    let services = Bounds { services: 2, retries_requests: false, uneven_backoff: true, ..SMALL };
    assert_conforms("a caller, an event and a redeliverer", &services, 3).await;
    let late = Bounds { callers: 1, events: 0, redeliverers: 2, late_requests: true, ..SMALL };
    assert_conforms("two redeliverers and late requests", &late, 4).await;
    let replays = Bounds { events: 0, services: 2, operator_replays: 1, ..SMALL };
    assert_conforms("an operator's replay", &replays, 4).await;
}
