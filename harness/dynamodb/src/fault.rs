//! Faults of calls to DynamoDB, and the rules that decide which calls they affect.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    Fault(InjectedFault),
    Decision(Decide),
}

/// A fault that was injected, and the calls that it still affects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFault {
    fault: Fault,
    times: Times,
    /// The operation whose calls fail; all operations if it is missing.
    operation: Option<String>,
}

/// A closure decides on faults, which cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a closure decides on faults of DynamoDB (`inject_with`), which cannot be stored: remove it with `clear_faults`"
)]
pub struct DecidedByClosure;

impl From<Vec<InjectedFault>> for Plan {
    fn from(faults: Vec<InjectedFault>) -> Self {
        Self(faults.into_iter().map(Rule::Fault).collect())
    }
}

impl Plan {
    pub(super) fn add(&mut self, fault: Fault, times: Times, operation: Option<String>) {
        self.0.push(Rule::Fault(InjectedFault { fault, times, operation }));
    }

    /// The faults in the order in which they were added.
    pub(super) fn faults(&self) -> Result<Vec<InjectedFault>, DecidedByClosure> {
        let faults = self.0.iter().map(|rule| match rule {
            Rule::Fault(fault) => Ok(fault.clone()),
            Rule::Decision(_) => Err(DecidedByClosure),
        });
        faults.collect()
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
        let InjectedFault { fault, times, operation: only } = match self {
            Self::Decision(decide) => return (decide(operation, request), true),
            Self::Fault(injected) => injected,
        };
        if only.as_ref().is_some_and(|only| only != operation) {
            return (None, true);
        }
        match times {
            Times::Always => (Some(*fault), true),
            Times::Next(0) => (None, false),
            Times::Next(left) => {
                *left -= 1;
                (Some(*fault), *left > 0)
            }
            Times::Nth(left) => {
                *left = left.saturating_sub(1);
                (if *left == 0 { Some(*fault) } else { None }, *left > 0)
            }
        }
    }
}
