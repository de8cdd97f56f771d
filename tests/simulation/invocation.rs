//! Invocations of functions: each has random numbers of its own, from which its calls draw their
//! latencies and faults.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use parking_lot::Mutex;

use crate::{
    key::Holder,
    plan::{Faults, Function},
    regions::Regions,
    world::{START, State, World},
};

/// The time limit of a function, as the template sets it.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// The invocation that the running task belongs to.
    static CURRENT: Arc<Invocation>;
}

/// An invocation of a function.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) number: u64,
    pub(crate) world: Arc<World>,
    pub(crate) function: Function,
    pub(crate) instance: usize,
    /// When it began.
    pub(crate) began: u64,
    /// The caller and the correlation id of a sync.
    pub(crate) request: Option<(String, String)>,
    faults: Faults,
    /// The number of writes so far.
    writes: AtomicU64,
    /// When the table executed its last call whose response it has.
    executed: AtomicU64,
    rng: Mutex<Rng>,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the request arrives.
    RequestLost,
    /// The request is carried out, and its response is lost.
    ResponseLost,
    /// The connection breaks, and the request arrives after this time, in ms.
    Late(u64),
    Throttled,
    Conflict,
    /// 500, and the request is not carried out.
    Failed,
    /// 500 although the request was carried out.
    FailedAfter,
    /// The request never arrives, and no error is returned.
    Hangs,
    /// The request is carried out, and its response never arrives.
    HangsAfter,
    /// The instance ends before the request arrives.
    CrashBefore,
    /// The instance ends after the request was carried out.
    CrashAfter,
}

impl Invocation {
    pub(crate) fn new(
        world: &Arc<World>,
        (function, instance): (Function, usize),
        (step, attempt): (usize, u64),
        faults: Faults,
        request: Option<(String, String)>,
    ) -> Arc<Self> {
        let mut state = world.state();
        state.invocations += 1;
        let number = state.invocations;
        drop(state);
        let rng = Mutex::new(world.plan.rng(step, attempt));
        let (world, began) = (world.clone(), world.now());
        Arc::new(Self {
            number,
            world,
            function,
            instance,
            began,
            request,
            faults,
            writes: AtomicU64::new(0),
            executed: AtomicU64::new(0),
            rng,
        })
    }

    /// The invocation that the running task belongs to.
    pub(crate) fn current() -> Arc<Self> {
        CURRENT.with(Clone::clone)
    }

    /// Runs the invocation in a task of its own. `None` if it crashes or takes too long.
    pub(crate) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let limited = tokio::time::timeout(FUNCTION_TIMEOUT, work);
        let task = tokio::spawn(CURRENT.scope(self.clone(), limited));
        self.world.state().instances[self.function as usize][self.instance].tasks.push(task.abort_handle());
        match task.await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(_)) => {
                self.world.note(&format!("{self} timed out"));
                None
            }
            Err(error) if error.is_panic() => {
                self.world.violated("defect", format!("{self} panicked: {error}"));
                None
            }
            Err(_) => None,
        }
    }

    /// The invocation as the holder of a lease.
    pub(crate) fn holder(&self) -> Holder {
        let ends = self.clock() + FUNCTION_TIMEOUT.as_secs() * 1000;
        Holder { invocation: self.number, ends, is_done: false }
    }

    /// This invocation has the response to a call that the table executed at this time.
    pub(crate) fn set_executed(&self, at: u64) {
        self.executed.store(at, Ordering::Relaxed);
    }

    /// When the table executed the last call whose response it has.
    pub(crate) fn executed(&self) -> u64 {
        self.executed.load(Ordering::Relaxed)
    }

    /// The replica of the table that it reads and writes.
    pub(crate) fn replica(&self) -> usize {
        if self.world.plan.regions == Regions::Eventual { self.instance } else { 0 }
    }

    /// A random number of this invocation.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// The latencies of a call, there and back, in ms.
    pub(crate) fn latencies(&self) -> (Duration, Duration) {
        let millis = |rng: &mut Rng| Duration::from_millis(rng.u64(1..=20));
        self.draw(|rng| (millis(rng), millis(rng)))
    }

    /// The time of its instance's clock when it began, in epoch ms.
    pub(crate) fn clock(&self) -> u64 {
        let ahead = self.world.plan.clocks[self.function as usize][self.instance];
        (START + self.began).saturating_add_signed(ahead)
    }

    /// Whether no other invocation has written since this one began.
    pub(crate) fn is_alone(&self, state: &State) -> bool {
        let mut others = state.writes.iter().filter(|(_, invocation)| *invocation != self.number);
        !others.any(|(at, _)| *at >= self.began)
    }

    /// Whether none of its calls can fail.
    pub(crate) fn is_faultless(&self) -> bool {
        self.faults == Faults::None
    }

    /// Whether a call has a fault. Reads have fewer: there are many of them, and they change
    /// nothing.
    pub(crate) fn fails(&self, is_read: bool) -> bool {
        let percent = match self.faults {
            _ if self.world.state().calm => 0,
            Faults::None | Faults::Planned(_) => 0,
            Faults::Some => 6,
            Faults::Many => 25,
        };
        self.draw(|rng| rng.u32(..if is_read { 1000 } else { 100 })) < percent
    }

    /// The fault of a call to DynamoDB.
    pub(crate) fn fault(&self, operation: &str) -> Option<Fault> {
        let is_read = operation == "Query";
        if let Faults::Planned(planned) = self.faults {
            let is_write = !is_read && operation != "GetItem";
            let is_next = is_write && self.writes.fetch_add(1, Ordering::Relaxed) == planned.write;
            return (is_next && !self.world.state().calm).then_some(planned.fault);
        }
        self.fails(is_read).then(|| {
            self.draw(|rng| match rng.u8(..16) {
                0 => Fault::RequestLost,
                1..=4 => Fault::ResponseLost,
                5..=6 => Fault::Late(rng.u64(1..=8000)),
                7 => Fault::Throttled,
                8 if !is_read => Fault::Conflict,
                8..=9 => Fault::Failed,
                10 => Fault::FailedAfter,
                11 => Fault::Hangs,
                12 => Fault::HangsAfter,
                13 => Fault::CrashBefore,
                _ => Fault::CrashAfter,
            })
        })
    }

    /// The time that each callback takes, in addition to the latency of a call.
    pub(crate) fn callback_time(&self) -> Duration {
        match self.faults {
            Faults::Planned(planned) => Duration::from_millis(planned.callbacks),
            _ => Duration::ZERO,
        }
    }

    /// Ends the instance of this invocation.
    pub(crate) async fn crash(&self) {
        self.world.crash(self.function, self.instance);
        std::future::pending::<()>().await;
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{} i{}", self.function, self.instance, self.number)
    }
}
