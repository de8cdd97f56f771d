//! The access decision: IAM's policy decision point, `POST /v2/authz`, cached as long as it allows.

use std::{num::NonZeroUsize, sync::Mutex, time::Duration};

use lru::LruCache;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{IamError, UnverifiedToken};
use crate::{clock::Clock, domain::EpochMillis, http_client, strict_json};

/// The action that a caller needs.
const ACTION: &str = "kms.secrets.sync";
/// How long a denial is remembered at most (contract section 3): a new grant works within a minute.
const MAX_DENIAL_AGE: Duration = Duration::from_mins(1);
/// How long a permit is remembered at most, whatever IAM allows: what a token lives.
const MAX_PERMIT_AGE: Duration = Duration::from_hours(1);
/// One question, answer included.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How many decisions are remembered; the least recently used goes first.
const CACHED_DECISIONS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Asks IAM, and remembers the answers.
#[derive(Debug)]
pub(super) struct Access {
    url: Url,
    http: Client,
    clock: Clock,
    cached: Mutex<LruCache<Question, Decision>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Question {
    iam_id: String,
    resource: String,
}

#[derive(Clone, Copy, Debug)]
struct Decision {
    permitted: bool,
    valid_until: EpochMillis,
}

impl Access {
    pub(super) fn new(url: Url, http: Client, clock: Clock) -> Self {
        Self { url, http, clock, cached: Mutex::new(LruCache::new(CACHED_DECISIONS)) }
    }

    /// Passes if `iam_id` may synchronize `resource`, a CRN. The caller's verified token goes along as
    /// proof that we ask on the caller's behalf.
    pub(super) async fn decide(
        &self,
        iam_id: &str,
        resource: String,
        token: &UnverifiedToken,
    ) -> Result<(), IamError> {
        let question = Question { iam_id: iam_id.to_owned(), resource };
        let decision = match self.remembered(&question) {
            Some(decision) => decision,
            None => self.ask(question, token).await?,
        };
        if decision.permitted {
            Ok(())
        } else {
            Err(IamError::Unauthorized(format!("IAM does not permit {ACTION}")))
        }
    }

    fn remembered(&self, question: &Question) -> Option<Decision> {
        let mut cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cached.get(question).copied().filter(|decision| self.clock.now() < decision.valid_until)
    }

    async fn ask(&self, question: Question, token: &UnverifiedToken) -> Result<Decision, IamError> {
        let body = json!([{
            "subject": {"attributes": {"id": question.iam_id, "scope": "ibm openid"}},
            "action": ACTION,
            "resource": {"crn": question.resource},
        }]);
        let request = self.http.post(self.url.clone()).bearer_auth(token.expose()).json(&body);
        let response = http_client::send(request, TIMEOUT).await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(IamError::Unauthorized("IAM refuses the token".to_owned()));
            }
            status => return Err(IamError::Unavailable(format!("/v2/authz answered {status}"))),
        }
        let body = http_client::read_up_to(response, MAX_ANSWER_BYTES).await.map_err(unavailable)?;
        let decision = decision(&body.unwrap_or_default(), self.clock.now())?;
        self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner).put(question, decision);
        Ok(decision)
    }
}

fn unavailable(error: reqwest::Error) -> IamError {
    IamError::Unavailable(format!("/v2/authz: {}", http_client::reason(error)))
}

#[derive(Deserialize)]
struct Answer {
    responses: [AnswerItem; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerItem {
    authorization_decision: AuthorizationDecision,
}

#[derive(Deserialize)]
struct AuthorizationDecision {
    permitted: bool,
    #[serde(default)]
    obligation: Obligation,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Obligation {
    max_cache_age_seconds: u64,
}

fn decision(body: &[u8], now: EpochMillis) -> Result<Decision, IamError> {
    let Answer { responses: [AnswerItem { authorization_decision: answer }] } = strict_json::from_slice(body)
        .map_err(|error| IamError::Unavailable(format!("/v2/authz answered no decision: {error}")))?;
    let allowed = Duration::from_secs(answer.obligation.max_cache_age_seconds);
    let most = if answer.permitted { MAX_PERMIT_AGE } else { MAX_DENIAL_AGE };
    Ok(Decision { permitted: answer.permitted, valid_until: now.plus(allowed.min(most)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(permitted: bool, age_s: u64) -> Vec<u8> {
        json!({"responses": [{"status": "200", "authorizationDecision":
            {"permitted": permitted, "obligation": {"maxCacheAgeSeconds": age_s}}}]})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_decision_lives_as_long_as_iam_says_within_bounds() {
        let now = EpochMillis::new(0);
        for (permitted, says_s, lives_s) in
            [(true, 600, 600), (true, 1_000_000, 3600), (false, 10, 10), (false, 600, 60), (true, 0, 0)]
        {
            let decision = decision(&answer(permitted, says_s), now).unwrap();
            assert_eq!(decision.permitted, permitted);
            assert_eq!(
                decision.valid_until,
                now.plus(Duration::from_secs(lives_s)),
                "{permitted} {says_s} s"
            );
        }
    }

    #[test]
    fn what_is_no_decision_lets_nobody_pass() {
        let permit = String::from_utf8(answer(true, 600)).unwrap();
        let with = |from: &str, to: &str| {
            let other = permit.replacen(from, to, 1);
            assert_ne!(other, permit);
            other.into_bytes()
        };
        for body in [
            Vec::new(),
            b"{}".to_vec(),
            b"{\"responses\":[]}".to_vec(),
            b"{\"responses\":[{\"authorizationDecision\":{}}]}".to_vec(),
            // Arrays are no objects.
            b"[[[[true]]]]".to_vec(),
            b"[[[[true,[600]]]]]".to_vec(),
            b"{\"responses\":[[[true]]]}".to_vec(),
            b"{\"responses\":[{\"authorizationDecision\":[true]}]}".to_vec(),
            b"{\"responses\":{\"authorizationDecision\":{\"permitted\":true}}}".to_vec(),
            with("{\"maxCacheAgeSeconds\":600}", "[600]"),
            with("true", "\"true\""),
            with("true", "1"),
            with("true", "true,\"permitted\":true"),
            with("true", "false,\"permitted\":true"),
            [permit.as_bytes(), b"{}"].concat(),
            [b"\xef\xbb\xbf", permit.as_bytes()].concat(),
            [&permit.as_bytes()[..permit.len() - 1], b",\"x\":\"\xff\"}"].concat(),
        ] {
            let decision = decision(&body, EpochMillis::new(0));
            let said = String::from_utf8_lossy(&body);
            assert!(matches!(decision, Err(IamError::Unavailable(_))), "{said}: {decision:?}");
        }
    }
}
