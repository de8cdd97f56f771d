//! The result of a run: for each rule passed, failed and why, or not checked and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Rule, exchange::Response};

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The receiver's URL.
    pub url: String,
    /// The service that the receiver is.
    pub service: String,
    /// The rules that were selected, in order.
    pub rules: Vec<RuleReport>,
}

/// The result for one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: Rule,
    /// What a receiver must do.
    pub description: &'static str,
    /// The result.
    pub result: Verdict,
    /// The number of checks.
    pub checks: usize,
    /// The checks that failed.
    pub failures: Vec<Failure>,
    /// Why the rule was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All checks passed.
    Passed,
    /// A check failed.
    Failed,
    /// There was no check, because the command cannot see what the rule is about.
    NotChecked,
}

impl Verdict {
    /// The verdict's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The name of the check: that of the test vector where it is from one.
    pub check: String,
    /// What was sent.
    pub sent: String,
    /// What was expected.
    pub expected: String,
    /// What was received.
    pub received: String,
}

impl Report {
    /// The rules with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rules.iter().filter(|rule| rule.result == verdict).count()
    }

    /// The report of a rule, if it was selected.
    #[must_use]
    pub fn rule(&self, rule: Rule) -> Option<&RuleReport> {
        self.rules.iter().find(|report| report.rule == rule)
    }
}

/// What a receiver must respond with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Accepted,
    Rejected,
}

impl Expected {
    /// Whether the response is the expected one, or what was expected.
    pub(crate) fn check(self, response: Response) -> Result<(), &'static str> {
        match (self, response) {
            (Self::Accepted, Response::Status(200..=299))
            | (
                Self::Rejected,
                Response::Closed | Response::NotHttp | Response::Status(400..=409 | 411..=499),
            ) => Ok(()),
            (Self::Accepted, _) => Err("a 2xx, in time"),
            (Self::Rejected, Response::Status(410)) => {
                Err("a 4xx other than 410, which says that the receiver wants no more notifications")
            }
            (Self::Rejected, _) => Err("a 4xx, or that the connection is closed"),
        }
    }
}

/// Collects the results of checks.
pub(crate) struct Recorder {
    rules: BTreeMap<Rule, Recorded>,
}

#[derive(Default)]
struct Recorded {
    checks: usize,
    failures: Vec<Failure>,
    reason: Option<String>,
}

impl Recorder {
    /// A recorder for these rules.
    pub(crate) fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| (rule, Recorded::default())).collect() }
    }

    /// Whether one of the rules is selected.
    pub(crate) fn wants(&self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| self.rules.contains_key(rule))
    }

    /// Records a check by the response.
    pub(crate) fn response(
        &mut self,
        rule: Rule,
        check: &str,
        sent: &str,
        expected: Expected,
        response: Response,
    ) -> bool {
        let result = expected.check(response).map_err(|expected| (expected.to_owned(), response.to_string()));
        let passed = result.is_ok();
        self.check(rule, check, sent, result);
        passed
    }

    /// Records a check: what was expected and what was received, if it failed.
    pub(crate) fn check(
        &mut self,
        rule: Rule,
        check: &str,
        sent: &str,
        result: Result<(), (String, String)>,
    ) {
        let Some(recorded) = self.rules.get_mut(&rule) else { return };
        recorded.checks += 1;
        if let Err((expected, received)) = result {
            let (check, sent) = (check.to_owned(), sent.to_owned());
            recorded.failures.push(Failure { check, sent, expected, received });
        }
    }

    /// Records why a rule is not checked.
    pub(crate) fn not_checked(&mut self, rules: &[Rule], reason: &str) {
        for rule in rules {
            if let Some(recorded) = self.rules.get_mut(rule) {
                recorded.reason = Some(reason.to_owned());
            }
        }
    }

    pub(crate) fn report(self, url: String, service: String) -> Report {
        let rules = self.rules.into_iter().map(|(rule, recorded)| {
            let Recorded { checks, failures, reason } = recorded;
            let result = match (checks, failures.is_empty()) {
                (0, _) => Verdict::NotChecked,
                (_, true) => Verdict::Passed,
                (_, false) => Verdict::Failed,
            };
            let reason = reason.filter(|_| result == Verdict::NotChecked);
            RuleReport { rule, description: rule.description(), result, checks, failures, reason }
        });
        Report { url, service, rules: rules.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_4xx_but_410_and_closing_reject() {
        for response in [400, 401, 403, 413, 499].map(Response::Status) {
            assert_eq!(Expected::Rejected.check(response), Ok(()), "{response}");
        }
        assert_eq!(Expected::Rejected.check(Response::Closed), Ok(()));
        for response in [200, 204, 302, 410, 500, 503].map(Response::Status) {
            assert!(Expected::Rejected.check(response).is_err(), "{response}");
        }
        assert!(Expected::Rejected.check(Response::TimedOut).is_err());
    }

    #[test]
    fn rule_without_checks_is_never_passed() {
        let mut recorder = Recorder::new([Rule::RepeatWithoutEffect]);
        recorder.not_checked(&[Rule::RepeatWithoutEffect], "no effects");
        let report = recorder.report(String::new(), String::new());
        assert_eq!(
            (report.rules[0].result, report.rules[0].reason.as_deref()),
            (Verdict::NotChecked, Some("no effects"))
        );
    }
}
