//! Single callbacks: those of the test vectors, and raw requests.

use std::sync::Arc;

use super::{NO_EFFECTS, Run, raw};
use crate::{
    Error, Rule,
    exchange::End,
    report::Expected,
    vectors::{Expect, RawVector, Vector},
};

/// A test vector with the rule that it is about.
struct Check<'a> {
    rule: Rule,
    expected: Expected,
    vector: Request<'a>,
}

/// A test vector. It is turned into a request when it is sent, because that is signed as of now.
enum Request<'a> {
    Callback(&'a Vector),
    Raw(&'a RawVector),
}

impl Run<'_> {
    pub(super) async fn callbacks(&mut self) -> Result<(), Error> {
        let sender = Arc::clone(&self.sender);
        let raw = sender.raw_requests().iter().filter_map(of_raw);
        let checks = sender.vectors().filter_map(of_callback).chain(raw);
        let (accepted, rejected): (Vec<_>, Vec<_>) =
            checks.partition(|check| check.expected == Expected::Accepted);
        for check in accepted {
            if self.recorder.wants(&[check.rule]) {
                self.request(&check).await;
            }
        }
        let without_effect = Rule::RejectedWithoutEffect;
        let before = match &self.effects {
            Some(effects) => Some(effects.wait_for(0).await.map_err(Error::Effects)?),
            None => None,
        };
        let all_count = before.is_some() && self.recorder.wants(&[without_effect]);
        for check in rejected {
            if all_count || self.recorder.wants(&[check.rule]) {
                self.request(&check).await;
            }
        }
        if before.is_none() {
            self.recorder.not_checked(&[without_effect], NO_EFFECTS);
        }
        if !all_count {
            return Ok(());
        }
        let sent = "everything that must be rejected, then an authentic callback";
        self.no_effect_since(before, without_effect, "all-rejected", sent).await
    }

    async fn request(&mut self, check: &Check<'_>) {
        (self.progress)(check.rule);
        let (name, why, request, end) = match check.vector {
            Request::Callback(vector) => {
                let callback = self.sender.adapted(vector);
                (&vector.name, &vector.why, callback.request(&self.target), End::Wait)
            }
            Request::Raw(vector) => {
                (&vector.name, &vector.why, self.sender.adapted_raw(vector, &self.target), End::Close)
            }
        };
        let response = self.target.send(&request, end).await;
        self.recorder.response(check.rule, name, why, check.expected, response);
    }
}

fn of_callback(vector: &Vector) -> Option<Check<'_>> {
    let (rule, expected) = match &vector.expect {
        Expect::Accepted(_) => (Rule::AuthenticAccepted, Expected::Accepted),
        Expect::Rejected(code) => (of_code(code)?, Expected::Rejected),
    };
    Some(Check { rule, expected, vector: Request::Callback(vector) })
}

fn of_raw(vector: &RawVector) -> Option<Check<'_>> {
    let (rule, expected) = raw::rule(vector)?;
    Some(Check { rule, expected, vector: Request::Raw(vector) })
}

/// The rule that the code of a rejection belongs to.
fn of_code(code: &str) -> Option<Rule> {
    Some(match code {
        "signature" => Rule::SignatureVerified,
        "no-signature" => Rule::SignatureRequired,
        "header" | "timestamp" => Rule::HeadersValidated,
        "too-old" | "too-new" => Rule::TimestampChecked,
        "id" => Rule::IdMatches,
        "service" => Rule::AudienceChecked,
        "body" => Rule::BodyValidated,
        "too-large" => Rule::BodyLimited,
        _ => return None,
    })
}
