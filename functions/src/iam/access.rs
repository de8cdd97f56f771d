//! Access decisions of IAM (`POST /v2/authz`), cached for as long as IAM allows.

use std::{num::NonZeroUsize, sync::Mutex, time::Duration};

use http::{Method, StatusCode, header};
use lru::LruCache;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{IamError, UnverifiedToken};
use crate::{
    clock::Clock,
    domain::EpochMillis,
    http_client::{HttpClient, Request},
    strict_json,
};

/// An action that a caller must be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Synchronize a key's associated resources: the roles Writer and Manager.
    Sync,
    /// List a key's registrations and the status of its notifications: every role that reads.
    ListRegistrations,
}

impl Action {
    /// The name of the action in IAM.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "kms.secrets.sync",
            Self::ListRegistrations => "kms.registrations.list",
        }
    }
}

/// The maximum age of a cached denial, so that a new grant takes effect within a minute
/// (`docs/reference/limits.md#denial-age`).
const MAX_DENIAL_AGE: Duration = Duration::from_mins(1);
/// The maximum age of a cached permit: the lifetime of a token
/// (`docs/reference/limits.md#permit-age`).
const MAX_PERMIT_AGE: Duration = Duration::from_hours(1);
/// The time limit of a request, response included (`docs/reference/limits.md#authz-call`).
const TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum size of a response, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The maximum number of cached decisions; the least recently used one is dropped
/// (`docs/reference/limits.md#decisions`).
const CACHED_DECISIONS: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// The client of IAM's policy decision point, with its cache.
#[derive(Debug)]
pub(super) struct Access {
    url: Url,
    http: HttpClient,
    clock: Clock,
    cached: Mutex<LruCache<DecisionKey, Decision>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DecisionKey {
    iam_id: String,
    action: Action,
    resource: String,
}

#[derive(Clone, Copy, Debug)]
struct Decision {
    permitted: bool,
    valid_until: EpochMillis,
}

impl Access {
    pub(super) fn new(url: Url, http: HttpClient, clock: Clock) -> Self {
        Self { url, http, clock, cached: Mutex::new(LruCache::new(CACHED_DECISIONS)) }
    }

    /// Checks that `iam_id` may take `action` on `resource`, a CRN. The request to IAM is
    /// authorized with the caller's verified token.
    pub(super) async fn check(
        &self,
        iam_id: &str,
        action: Action,
        resource: String,
        token: &UnverifiedToken,
    ) -> Result<(), IamError> {
        let key = DecisionKey { iam_id: iam_id.to_owned(), action, resource };
        let decision = match self.cached(&key) {
            Some(decision) => decision,
            None => self.request(key, token).await?,
        };
        if decision.permitted {
            Ok(())
        } else {
            Err(IamError::Unauthorized(format!("IAM does not permit {}", action.as_str())))
        }
    }

    fn cached(&self, key: &DecisionKey) -> Option<Decision> {
        let mut cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cached.get(key).copied().filter(|decision| self.clock.now() < decision.valid_until)
    }

    async fn request(&self, key: DecisionKey, token: &UnverifiedToken) -> Result<Decision, IamError> {
        let body = json!([{
            "subject": {"attributes": {"id": key.iam_id, "scope": "ibm openid"}},
            "action": key.action.as_str(),
            "resource": {"crn": key.resource},
        }]);
        let request = Request::new(Method::POST, &self.url)
            .bearer(token.expose())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let (response, body) = self
            .http
            .fetch(request, TIMEOUT, MAX_RESPONSE_BYTES)
            .await
            .map_err(|error| IamError::Unavailable(format!("/v2/authz: {error}")))?;
        match response.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(IamError::Unauthorized("IAM rejected the token".to_owned()));
            }
            status => return Err(IamError::Unavailable(format!("/v2/authz responded with {status}"))),
        }
        let decision = parse_decision(&body.unwrap_or_default(), self.clock.now())?;
        self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner).put(key, decision);
        Ok(decision)
    }
}

#[derive(Deserialize)]
struct DecisionResponse {
    responses: [ResponseItem; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseItem {
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

fn parse_decision(body: &[u8], now: EpochMillis) -> Result<Decision, IamError> {
    let DecisionResponse { responses: [ResponseItem { authorization_decision: decision }] } =
        strict_json::from_slice(body)
            .map_err(|error| IamError::Unavailable(format!("invalid response of /v2/authz: {error}")))?;
    let allowed_age = Duration::from_secs(decision.obligation.max_cache_age_seconds);
    let max_age = if decision.permitted { MAX_PERMIT_AGE } else { MAX_DENIAL_AGE };
    Ok(Decision { permitted: decision.permitted, valid_until: now.plus(allowed_age.min(max_age)) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::http_client::{SendError, Transport};

    fn response(permitted: bool, age_s: u64) -> Vec<u8> {
        json!({"responses": [{"status": "200", "authorizationDecision":
            {"permitted": permitted, "obligation": {"maxCacheAgeSeconds": age_s}}}]})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn caches_decision_as_iam_allows_within_limits() {
        let now = EpochMillis::new(0);
        for (permitted, allowed_s, expected_s) in
            [(true, 600, 600), (true, 1_000_000, 3600), (false, 10, 10), (false, 600, 60), (true, 0, 0)]
        {
            let decision = parse_decision(&response(permitted, allowed_s), now).unwrap();
            assert_eq!(decision.permitted, permitted);
            assert_eq!(
                decision.valid_until,
                now.plus(Duration::from_secs(expected_s)),
                "{permitted} {allowed_s} s"
            );
        }
    }

    #[test]
    fn invalid_response_is_never_a_permit() {
        let permit = String::from_utf8(response(true, 600)).unwrap();
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
            // Arrays in the place of objects.
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
            let decision = parse_decision(&body, EpochMillis::new(0));
            let text = String::from_utf8_lossy(&body);
            assert!(matches!(decision, Err(IamError::Unavailable(_))), "{text}: {decision:?}");
        }
    }

    #[tokio::test]
    async fn cached_decision_is_valid_until_its_end() {
        let end = EpochMillis::new(1000);
        for (now, expected) in [(999, true), (1000, false), (1001, false)] {
            let url: Url = "https://iam.test/v2/authz".parse().unwrap();
            let clock = Clock::from_fn(move || EpochMillis::new(now));
            let access = Access::new(url, HttpClient::default(), clock);
            let key = || DecisionKey {
                iam_id: "IBMid-1".to_owned(),
                action: Action::Sync,
                resource: "crn".to_owned(),
            };
            let decision = Decision { permitted: true, valid_until: end };
            access.cached.lock().unwrap().put(key(), decision);
            assert_eq!(access.cached(&key()).is_some_and(|decision| decision.permitted), expected, "{now}");
            let other = DecisionKey { action: Action::ListRegistrations, ..key() };
            assert!(access.cached(&other).is_none());
        }
    }

    #[test]
    fn actions_have_their_names_in_iam() {
        let names = [Action::Sync, Action::ListRegistrations].map(Action::as_str);
        assert_eq!(names, ["kms.secrets.sync", "kms.registrations.list"]);
    }

    /// A policy decision point with this response.
    #[derive(Debug)]
    struct Responding(Vec<u8>);

    impl Transport for Responding {
        fn send(&self, _: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, SendError>> {
            let response = http::Response::new(Bytes::from(self.0.clone()));
            Box::pin(async { Ok(response) })
        }
    }

    async fn checked(response: Vec<u8>) -> Result<(), IamError> {
        let http = HttpClient::new().with_transport(Arc::new(Responding(response)));
        let access = Access::new("https://iam.test/v2/authz".parse().unwrap(), http, Clock::system());
        // Only the verification rejects a token that is too long.
        let token = format!("Bearer {}", "x".repeat(20_000));
        let token = UnverifiedToken::from_authorization(&token).unwrap();
        access.check("IBMid-1", Action::Sync, "crn".to_owned(), &token).await
    }

    #[tokio::test]
    async fn response_of_64_kb_is_read() {
        let padded = |bytes: usize| {
            let mut response = response(true, 600);
            response.resize(bytes, b' ');
            response
        };
        assert!(checked(padded(65_536)).await.is_ok());
        assert!(matches!(checked(padded(65_537)).await, Err(IamError::Unavailable(_))));
    }

    #[tokio::test]
    async fn denial_is_unauthorized() {
        assert!(checked(response(true, 600)).await.is_ok());
        let denied = checked(response(false, 600)).await;
        assert!(
            matches!(&denied, Err(IamError::Unauthorized(it)) if it.contains("kms.secrets.sync")),
            "{denied:?}"
        );
    }
}
