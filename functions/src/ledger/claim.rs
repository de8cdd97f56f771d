//! The claim: one conditional write that closes the window and fills the outbox.
//!
//! Of any number of simultaneous claims for a key, exactly one succeeds (guarantee G1): DynamoDB
//! serializes conditional writes to an item, and the `notified_at` that the first one writes makes
//! the condition false for all others.
//!
//! A claim may be written and its response lost. The SDK then repeats the request, and its
//! condition fails because of the first attempt. `ReturnValuesOnConditionCheckFailure=ALL_OLD`
//! returns the item: if it has this request's claim id, the claim succeeded (G3). The same item
//! distinguishes 404, 400, 409 and an idempotent replay, so that no error takes a second call.

use std::time::Duration;

use super::{
    Ledger, LedgerError, Notification,
    expression::{empty_map, number, string},
    item::{KeyRecord, due_shard},
    update::{Unchanged, Update, UpdatedKey},
};
use crate::domain::{Caller, ClaimId, CorrelationId, EpochMillis, KeyCrn, KeyRing, KeyType, window};

/// The time after a claim in which a request with the same correlation id and caller is an
/// idempotent replay (`docs/reference/limits.md#replay`).
const REPLAY: Duration = Duration::from_mins(10);

/// The key has exactly the CRN that IAM permitted: account, service, region and instance (G10). A
/// key of another account counts as absent.
const IS_PERMITTED_KEY: &str = "#crn = :crn";
/// The key is a root key and was not purged.
const IS_ROOT_KEY: &str = "#key_type = :root AND attribute_not_exists(#purged_at)";
/// The last notification was longer than an hour ago. A `notified_at` in the future, written by a
/// process whose clock is ahead, keeps the window closed, too.
const WINDOW_IS_OPEN: &str = "(attribute_not_exists(#notified_at) OR #notified_at < :open_before)";
/// The key is in the requested key ring. Added only if the request has one.
const IS_IN_RING: &str = "#ring = :ring";

/// Closes the window and adds every associated service to the outbox, due when the lease ends.
const CLOSE_WINDOW: &str = "SET #notified_at = :now, #claim = :claim, #lease = :lease, \
     #correlation_id = :correlation_id, #caller = :caller, \
     #sequence = if_not_exists(#sequence, :zero) + :one, #pending = #services, #retries = :no_retries, \
     #outcome = :no_outcome, #acknowledged = if_not_exists(#acknowledged, :no_acknowledgements), \
     #due_shard = :due_shard, #due_at = :due_at";

/// The parameters of a claim.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The key, as IAM permitted it to the caller.
    pub key: KeyCrn,
    /// The key ring that the key must be in, if the request has one.
    pub ring: Option<KeyRing>,
    /// The authenticated caller.
    pub caller: Caller,
    /// The correlation id of the request; with the caller, its idempotency key.
    pub correlation_id: CorrelationId,
    /// A new, unique claim id.
    pub claim: ClaimId,
    /// The present instant.
    pub now: EpochMillis,
    /// The time after which another process may lease the notification.
    pub lease: Duration,
}

/// The result of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// The window was open and is now closed. The caller of the function delivers the notification.
    Won(Box<Notification>),
    /// The request repeats the sync that closed the window. No service is notified again.
    Replayed,
    /// The claim was rejected. Nothing was written.
    Rejected(ClaimError),
}

/// The reason why a claim was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// No key with this CRN and key ring exists, or it was purged.
    #[error("the key does not exist")]
    NotFound,
    /// The key is a standard key, which has no associated services.
    #[error("the key is a standard key")]
    StandardKey,
    /// The window is closed.
    #[error("the window is closed until {}", opens_at.whole_seconds())]
    TooEarly {
        /// The first whole second at which the window is open.
        opens_at: EpochMillis,
        /// The time from now until `opens_at`.
        wait: Duration,
    },
}

impl Ledger {
    /// Claims the next notification of a key.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, LedgerError> {
        let ClaimRequest { key: KeyCrn { instance, key }, now, .. } = request;
        let (instance, key, now) = (instance.instance, *key, *now);
        let mut condition = format!("{IS_PERMITTED_KEY} AND {IS_ROOT_KEY} AND {WINDOW_IS_OPEN}");
        let mut values = vec![
            (":crn", string(&request.key)),
            (":root", string("root")),
            (":open_before", number(window::open_if_notified_before(now).get())),
            (":now", number(now.get())),
            (":claim", string(request.claim)),
            (":lease", string(request.claim)),
            (":correlation_id", string(&request.correlation_id)),
            (":caller", string(&request.caller)),
            (":zero", number(0)),
            (":one", number(1)),
            (":no_retries", empty_map()),
            (":no_outcome", empty_map()),
            (":no_acknowledgements", empty_map()),
            (":due_shard", number(due_shard(key))),
            (":due_at", number(now.plus(request.lease).get())),
        ];
        if let Some(ring) = &request.ring {
            condition = format!("{condition} AND {IS_IN_RING}");
            values.push((":ring", string(ring)));
        }
        match self.update_key(instance, key, Update::new(&condition, CLOSE_WINDOW, values)).await? {
            UpdatedKey::Written(key) => won(request, key),
            UpdatedKey::ConditionFailed(None) => Ok(Claimed::Rejected(ClaimError::NotFound)),
            UpdatedKey::ConditionFailed(Some(key)) => classify_failed_condition(request, key),
        }
    }
}

/// The claimed notification. Its fencing token is this claim, whatever the item has: before a
/// repetition of the request, a run of `redeliver` may have leased it.
fn won(request: &ClaimRequest, key: Option<Box<KeyRecord>>) -> Result<Claimed, LedgerError> {
    key.and_then(|key| Notification::of(*key))
        .map(|notification| Notification { lease: request.claim.into(), ..notification })
        .map(|notification| Claimed::Won(Box::new(notification)))
        .ok_or_else(|| LedgerError::Defect("a claimed item has no claim".to_owned()))
}

/// Determines from the unchanged item why the condition failed. The order of the checks reveals
/// nothing about keys that the caller may not know.
fn classify_failed_condition(request: &ClaimRequest, key: Unchanged) -> Result<Claimed, LedgerError> {
    // First: an item that cannot be parsed must look like an absent key, too.
    if !key.has_crn(&request.key) {
        return Ok(Claimed::Rejected(ClaimError::NotFound)); // a key of another account
    }
    let key = key.read()?;
    if key.claim == Some(request.claim) {
        // An earlier attempt of this call was written and its response lost. Whatever happened to
        // the key since, the notification is this call's to deliver.
        return won(request, Some(key));
    }
    if key.purged_at.is_some() || request.ring.as_ref().is_some_and(|ring| *ring != key.ring) {
        return Ok(Claimed::Rejected(ClaimError::NotFound));
    }
    if key.key_type == KeyType::Standard {
        return Ok(Claimed::Rejected(ClaimError::StandardKey));
    }
    let Some(notified_at) = key.notified_at else {
        return Err(LedgerError::Defect("the condition failed although the window is open".to_owned()));
    };
    if is_replay(request, &key, notified_at) {
        return Ok(Claimed::Replayed);
    }
    let opens_at = window::opens_at(notified_at).ceil_to_second();
    Ok(Claimed::Rejected(ClaimError::TooEarly { opens_at, wait: opens_at.since(request.now) }))
}

/// Whether the request repeats the accepted sync: a client that resends after a lost response uses
/// the same correlation id.
fn is_replay(request: &ClaimRequest, key: &KeyRecord, notified_at: EpochMillis) -> bool {
    key.correlation_id.as_ref() == Some(&request.correlation_id)
        && key.caller.as_ref() == Some(&request.caller)
        && request.now.since(notified_at) <= REPLAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::LeaseId, ledger::item::tests::notification};

    /// The request of the sync that made the notification, ten minutes later, with another claim.
    fn request() -> ClaimRequest {
        let notification = notification();
        ClaimRequest {
            key: notification.key.crn,
            ring: None,
            caller: "IBMid-1".parse().unwrap(),
            correlation_id: "c-1".parse().unwrap(),
            claim: ClaimId::unique(),
            now: notification.at.plus(REPLAY),
            lease: Duration::ZERO,
        }
    }

    fn classified(request: &ClaimRequest, key: KeyRecord) -> Claimed {
        classify_failed_condition(request, Unchanged::Key(Box::new(key))).unwrap()
    }

    #[test]
    fn replay_is_the_same_request_within_ten_minutes() {
        let key = || notification().key;
        assert!(matches!(classified(&request(), key()), Claimed::Replayed));
        for other in [
            ClaimRequest { caller: "IBMid-2".parse().unwrap(), ..request() },
            ClaimRequest { correlation_id: "c-2".parse().unwrap(), ..request() },
            ClaimRequest { now: request().now.plus(Duration::from_millis(1)), ..request() },
        ] {
            let claimed = classified(&other, key());
            assert!(matches!(claimed, Claimed::Rejected(ClaimError::TooEarly { .. })), "{claimed:?}");
        }
    }

    #[test]
    fn purged_or_foreign_key_is_absent() {
        let (in_ring, purged_at) = (|ring: &str| Some(ring.parse().unwrap()), Some(notification().at));
        let key = || notification().key;
        let not_found = |request: ClaimRequest, key| {
            matches!(classified(&request, key), Claimed::Rejected(ClaimError::NotFound))
        };
        assert!(not_found(request(), KeyRecord { purged_at, ..key() }));
        assert!(not_found(ClaimRequest { ring: in_ring("other"), ..request() }, key()));
        assert!(!not_found(ClaimRequest { ring: in_ring("default"), ..request() }, key()));
        let of_another_account = key().crn.to_string().replace("abc123", "abc124").parse().unwrap();
        assert!(not_found(ClaimRequest { key: of_another_account, ..request() }, key()));
    }

    #[test]
    fn lost_response_is_won_with_its_own_lease() {
        let request = request();
        for purged_at in [None, Some(request.now)] {
            let (claim, lease) = (Some(request.claim), Some(LeaseId::unique()));
            let key = KeyRecord { claim, lease, purged_at, ..notification().key };
            match classified(&request, key) {
                Claimed::Won(won) => {
                    assert_eq!((won.claim, won.lease), (request.claim, request.claim.into()));
                }
                claimed => panic!("{purged_at:?}: {claimed:?}"),
            }
        }
    }
}
