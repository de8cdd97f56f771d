//! Synchronization of several keys: a task of the console, whose progress pages show.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{
    api::InstanceApi,
    pages::sync::{Outcome, outcome},
};

/// Maximum number of keys of a task.
pub(crate) const MAX_KEYS: usize = 200;
/// Number of keys that are synchronized at the same time.
const CONCURRENT_SYNCS: usize = 4;
/// Number of tasks of a session that are stored; the oldest are dropped first.
const MAX_TASKS: usize = 10;

/// The tasks of a session.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<VecDeque<Arc<Task>>>);

/// The synchronization of several keys.
pub(crate) struct Task {
    /// Id of the form that started it.
    pub(crate) id: Uuid,
    pub(crate) instance: Uuid,
    keys: Mutex<Vec<KeyProgress>>,
}

/// A key of a task.
#[derive(Clone)]
pub(crate) struct KeyProgress {
    pub(crate) key: Uuid,
    /// Its name, once it is known.
    pub(crate) title: Option<String>,
    /// The result; `None` before it is known.
    pub(crate) outcome: Option<Outcome>,
}

impl Tasks {
    pub(crate) fn find(&self, id: Uuid) -> Option<Arc<Task>> {
        self.0.lock().iter().find(|task| task.id == id).cloned()
    }

    /// Starts a task, unless the same form has started it before.
    pub(crate) fn start(
        &self,
        id: Uuid,
        instance: Uuid,
        keys: Vec<Uuid>,
        api: InstanceApi,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) {
        let mut tasks = self.0.lock();
        if tasks.iter().any(|task| task.id == id) {
            return;
        }
        let progress = keys.into_iter().map(|key| KeyProgress { key, title: None, outcome: None }).collect();
        let task = Arc::new(Task { id, instance, keys: Mutex::new(progress) });
        if tasks.len() == MAX_TASKS {
            tasks.pop_front();
        }
        tasks.push_back(task.clone());
        tokio::spawn(async move { task.run(&api, clock).await });
    }
}

impl Task {
    /// The keys, ordered by id.
    pub(crate) fn progress(&self) -> Vec<KeyProgress> {
        self.keys.lock().clone()
    }

    async fn run(&self, api: &InstanceApi, clock: impl Fn() -> Timestamp) {
        let clock = &clock;
        let synchronize = async |at: usize| {
            let key = self.keys.lock()[at].key;
            let request = Uuid::new_v4();
            let done = match api.key(key).await {
                Ok(found) => {
                    self.keys.lock()[at].title = Some(found.title());
                    outcome(api.sync(key, request).await, request, clock())
                }
                Err(error) => outcome(Err(error), request, clock()),
            };
            self.keys.lock()[at].outcome = Some(done);
        };
        let number = self.keys.lock().len();
        stream::iter(0..number).for_each_concurrent(CONCURRENT_SYNCS, synchronize).await;
    }
}
