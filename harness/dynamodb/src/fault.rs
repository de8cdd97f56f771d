//! Faults of calls to DynamoDB, and the rules that decide which calls they affect.

use std::time::Duration;

/// A fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request is held before it reaches the engine, until
    /// [`Proxy::release`](super::Proxy::release) or until its caller cancels it.
    HoldRequest,
    /// The engine applies the request, and the response is held until
    /// [`Proxy::release`](super::Proxy::release).
    HoldResponse,
    /// The engine applies the request, and the connection is cut before the response.
    LoseResponse,
    /// The connection is cut before the request reaches the engine.
    Cut,
    /// The request is forwarded after this delay.
    Delay(Duration),
    /// The response is `ProvisionedThroughputExceededException`; the request does not reach the
    /// engine.
    Throttle,
    /// The response is that for an item in an ongoing transaction: `TransactionConflictException`,
    /// or `TransactionCanceledException` for a transaction. The request does not reach the engine.
    Conflict,
    /// The response is 500; the request does not reach the engine.
    Fail,
    /// The engine applies the request, and the response is 500.
    FailAfter,
    /// The connection is cut, and the engine applies the request after this delay: a request that
    /// arrives although its sender has already retried it.
    ApplyLate(Duration),
}

/// The calls that a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Times {
    /// The next calls, this many.
    Next(usize),
    /// One call, counted from 1.
    Nth(usize),
    /// All calls until [`Proxy::clear_faults`](super::Proxy::clear_faults).
    Always,
}

/// Decides on the fault of a call by its operation and its request body.
pub(super) type Decide = Box<dyn FnMut(&str, &str) -> Option<Fault> + Send>;

/// The rules of faults, in the order in which they were added.
#[derive(Default)]
pub(super) struct Plan(Vec<Rule>);

enum Rule {
    Fault { fault: Fault, times: Times, operation: Option<String> },
    Decision(Decide),
}

impl Plan {
    pub(super) fn add(&mut self, fault: Fault, times: Times, operation: Option<String>) {
        self.0.push(Rule::Fault { fault, times, operation });
    }

    pub(super) fn add_decision(&mut self, decide: Decide) {
        self.0.push(Rule::Decision(decide));
    }

    /// The fault of the next call, if any. Counts down the rules.
    pub(super) fn next(&mut self, operation: &str, request: &str) -> Option<Fault> {
        let mut found = None;
        self.0.retain_mut(|rule| {
            if found.is_some() {
                return true;
            }
            let (fault, remains) = rule.next(operation, request);
            found = fault;
            remains
        });
        found
    }
}

impl Rule {
    /// The fault of the next call of `operation`, and whether the rule remains after it.
    fn next(&mut self, operation: &str, request: &str) -> (Option<Fault>, bool) {
        match self {
            Self::Decision(decide) => (decide(operation, request), true),
            Self::Fault { operation: Some(only), .. } if only != operation => (None, true),
            Self::Fault { fault, times: Times::Always, .. } => (Some(*fault), true),
            Self::Fault { times: Times::Next(0), .. } => (None, false),
            Self::Fault { fault, times: Times::Next(left), .. } => {
                *left -= 1;
                (Some(*fault), *left > 0)
            }
            Self::Fault { fault, times: Times::Nth(left), .. } => {
                *left = left.saturating_sub(1);
                (if *left == 0 { Some(*fault) } else { None }, *left > 0)
            }
        }
    }
}
