//! What is to go wrong with calls to DynamoDB, how often, and in what order.

use std::time::Duration;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is held before it reaches the engine, until [`Proxy::release`](super::Proxy::release) or until the caller has gone.
    HoldRequest,
    /// The engine applies it, and the answer is held, until [`Proxy::release`](super::Proxy::release).
    HoldResponse,
    /// The engine applies it, and the connection is cut before the answer.
    LoseResponse,
    /// The connection is cut before it reaches the engine.
    Cut,
    /// It goes through, this much later.
    Delay(Duration),
    /// Answered with `ProvisionedThroughputExceededException`; it does not reach the engine.
    Throttle,
    /// Answered as where a transaction holds the item: with `TransactionConflictException`, or, where it is a
    /// transaction itself, with `TransactionCanceledException`. It does not reach the engine.
    Conflict,
    /// Answered with 500; it does not reach the engine.
    Fail,
    /// The engine applies it, and the answer is 500.
    FailAfter,
    /// The connection is cut, and the engine applies it this much later: a request that its sender has
    /// given up, and sent again, and that arrives all the same.
    ApplyLate(Duration),
}

/// How often it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Times {
    /// For this many calls.
    Next(usize),
    /// For this call only, counted from 1.
    Nth(usize),
    /// Until [`Proxy::clear_faults`](super::Proxy::clear_faults).
    Always,
}

/// Decides by a call's operation and its request's body.
pub(super) type Decide = Box<dyn FnMut(&str, &str) -> Option<Fault> + Send>;

/// What is planned, first things first.
#[derive(Default)]
pub(super) struct Plan(Vec<Rule>);

enum Rule {
    Fault { fault: Fault, times: Times, operation: Option<String> },
    By(Decide),
}

impl Plan {
    pub(super) fn add(&mut self, fault: Fault, times: Times, operation: Option<String>) {
        self.0.push(Rule::Fault { fault, times, operation });
    }

    pub(super) fn add_by(&mut self, decide: Decide) {
        self.0.push(Rule::By(decide));
    }

    /// What goes wrong with the next call, counted down.
    pub(super) fn next(&mut self, operation: &str, request: &str) -> Option<Fault> {
        let mut found = None;
        self.0.retain_mut(|rule| {
            if found.is_some() {
                return true;
            }
            let (fault, stays) = rule.next(operation, request);
            found = fault;
            stays
        });
        found
    }
}

impl Rule {
    /// What it has for the next call of `operation`, and whether it goes on after that.
    fn next(&mut self, operation: &str, request: &str) -> (Option<Fault>, bool) {
        match self {
            Self::By(decide) => (decide(operation, request), true),
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
