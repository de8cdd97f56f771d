//! The claim: one conditional write that closes the window and fills the outbox.
//!
//! Exactly one of any number of simultaneous claims for a key finds the window open (G1): DynamoDB
//! takes conditional writes to an item one after the other, and the winner's `notified_at` makes the
//! condition false for all others.
//!
//! A claim may be written and its answer lost. The SDK then sends the same request again, whose
//! condition now fails *because of ourselves*. `ReturnValuesOnConditionCheckFailure=ALL_OLD` hands us
//! the item: our claim id on it means that we won (G3). The same item tells 404, 400, 409 and a
//! caller's repeated request apart, so no refusal takes a second call.

use std::time::Duration;

use super::{
    Ledger, LedgerError, Notification,
    expression::{empty_map, number, string},
    item::{Item, KeyRecord, due_shard},
    update::{Update, Updated},
};
use crate::domain::{Caller, ClaimId, CorrelationId, EpochMillis, KeyCrn, KeyRing, KeyType, window};

/// How long a repeated request is taken for the sync that it repeats (contract: the window).
const REPLAY: Duration = Duration::from_mins(10);

/// The key has the very CRN that IAM permitted: account, service, region and instance (G10). A key of
/// another account counts as absent, whatever its id.
const IS_PERMITTED_KEY: &str = "#crn = :crn";
/// The key is there, and a service can be associated with it.
const IS_ROOT_KEY: &str = "#key_type = :root AND attribute_not_exists(#purged_at)";
/// Longer than an hour since the last notification. A `notified_at` ahead of our clock is closed, too.
const WINDOW_IS_OPEN: &str = "(attribute_not_exists(#notified_at) OR #notified_at < :open_before)";
/// Only where the caller named a ring.
const IS_IN_RING: &str = "#ring = :ring";

/// Closes the window and puts every associated service into the outbox, due when we should be done.
const CLOSE_WINDOW: &str = "SET #notified_at = :now, #claim = :claim, #lease = :lease, \
     #correlation_id = :correlation_id, #caller = :caller, \
     #sequence = if_not_exists(#sequence, :zero) + :one, #pending = #services, #retries = :no_retries, \
     #acknowledged = :no_acknowledgements, #due_shard = :due_shard, #due_at = :due_at";

/// Who claims which key, and how.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The key, as IAM permitted it to the caller.
    pub key: KeyCrn,
    /// The ring that it must be in.
    pub ring: Option<KeyRing>,
    /// Who asks.
    pub caller: Caller,
    /// The caller's name for the request.
    pub correlation_id: CorrelationId,
    /// A claim id that nobody else has.
    pub claim: ClaimId,
    /// The present instant.
    pub now: EpochMillis,
    /// How long others leave the notification to us.
    pub lease: Duration,
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// The window was open and is closed now: these services are ours to tell.
    Won(Box<Notification>),
    /// This is the sync that closed the window, asked for once more. Nobody is told again.
    Replayed,
    /// Nothing was written.
    Refused(ClaimError),
}

/// Why a claim was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// No such key with this CRN, or not in this ring, or purged.
    #[error("there is no such key")]
    NotFound,
    /// The key is a standard key.
    #[error("the key is a standard key")]
    StandardKey,
    /// The window is closed.
    #[error("the window is closed until {opens_at}")]
    TooEarly {
        /// The first whole second at which it is open again.
        opens_at: EpochMillis,
        /// How long that is from now.
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
            (":no_acknowledgements", empty_map()),
            (":due_shard", number(due_shard(key))),
            (":due_at", number(now.plus(request.lease).get())),
        ];
        if let Some(ring) = &request.ring {
            condition = format!("{condition} AND {IS_IN_RING}");
            values.push((":ring", string(ring)));
        }
        match self.update(instance, key, Update::new(&condition, CLOSE_WINDOW, values)).await? {
            Updated::Written(item) => won(item),
            Updated::Refused(None) => Ok(Claimed::Refused(ClaimError::NotFound)),
            Updated::Refused(Some(item)) => why_refused(request, item),
        }
    }
}

fn won(item: Item) -> Result<Claimed, LedgerError> {
    Notification::read(item)?
        .map(|notification| Claimed::Won(Box::new(notification)))
        .ok_or_else(|| LedgerError::Defect("a claimed item without a claim".to_owned()))
}

/// Tells from the unchanged item why the condition did not hold, in the order of what a caller may know.
fn why_refused(request: &ClaimRequest, item: Item) -> Result<Claimed, LedgerError> {
    let key = KeyRecord::read(item.clone())?;
    if key.crn != request.key {
        return Ok(Claimed::Refused(ClaimError::NotFound)); // another account's
    }
    if key.purged_at.is_some() || request.ring.as_ref().is_some_and(|ring| *ring != key.ring) {
        return Ok(Claimed::Refused(ClaimError::NotFound));
    }
    if key.key_type == KeyType::Standard {
        return Ok(Claimed::Refused(ClaimError::StandardKey));
    }
    if key.claim == Some(request.claim) {
        return won(item); // an earlier try of this very call got through
    }
    let Some(notified_at) = key.notified_at else {
        return Err(LedgerError::Defect("refused with the window open".to_owned()));
    };
    if is_repeated(request, &key, notified_at) {
        return Ok(Claimed::Replayed);
    }
    let opens_at = window::opens_at(notified_at).ceil_to_second();
    Ok(Claimed::Refused(ClaimError::TooEarly { opens_at, wait: opens_at.since(request.now) }))
}

/// A client that resends after a lost answer uses the same correlation id: its request was accepted.
fn is_repeated(request: &ClaimRequest, key: &KeyRecord, notified_at: EpochMillis) -> bool {
    key.correlation_id.as_ref() == Some(&request.correlation_id)
        && key.caller.as_ref() == Some(&request.caller)
        && request.now.since(notified_at) <= REPLAY
}
