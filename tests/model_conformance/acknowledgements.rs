//! The acknowledgements of the services.

use keysync::{
    domain::{ClaimId, EpochMillis, EventId},
    ledger::{Acknowledged, Acknowledgement, Finding, Notification},
};
use keysync_model::{
    acknowledgement::{self as model, Acted},
    protocol::Action,
    state::{Item, NEVER, State},
};

use crate::{
    calls::crn,
    mapping::{NAMES, members, plain},
    observed::Observed,
    system::{KEY, System},
};

impl System {
    /// The claim of the last notification.
    pub(crate) fn claim_id(&self) -> ClaimId {
        self.item["claim"]["S"].as_str().unwrap().parse().unwrap()
    }

    /// What a service sends that acted at `at`. The key is enabled.
    pub(crate) fn acknowledgement(at: EpochMillis, contradicts: bool) -> Acknowledgement {
        let key_state = if contradicts { "DEK_DISABLED" } else { "DEK_ENABLED" };
        Acknowledgement { at, key_state: key_state.to_owned(), resource: None }
    }

    /// A service acknowledges. Whether that counts, the item shows.
    pub(crate) async fn acknowledge(
        &self,
        service: usize,
        model::Acknowledgement { superseded, acted, contradicts }: model::Acknowledgement,
    ) -> Observed {
        let item = plain(&self.item);
        let owed = item["deadline"]["older"][NAMES[service]]["at"].as_u64().filter(|_| superseded);
        let made = EpochMillis::new(owed.unwrap_or_else(|| item["notified_at"].as_u64().unwrap()));
        let at = match acted {
            Acted::Before => self.scale.at(-1, made),
            Acted::AtOnce => made,
            Acted::Now => self.now,
        };
        let claim = if superseded { self.superseded.unwrap() } else { self.claim_id() };
        let (acknowledgement, mut observed) = (Self::acknowledgement(at, contradicts), Vec::new());
        for name in members(service, self.members) {
            let event = EventId { key: KEY.parse().unwrap(), claim, service: name.parse().unwrap() };
            let mut is_reported = false;
            let report = |_: &Notification, _: &Finding| is_reported = true;
            let result = self.ledger.acknowledge(&crn("abc123"), &event, &acknowledgement, report).await;
            observed.push(match result.unwrap() {
                Acknowledged::Recorded if is_reported => Observed::Contradiction,
                Acknowledged::Recorded | Acknowledged::Stale => Observed::Acknowledged,
                Acknowledged::BeforeNotification => Observed::BeforeNotification,
                Acknowledged::CrnMismatch => Observed::Other,
            });
        }
        if observed.iter().all(|other| *other == observed[0]) { observed[0] } else { Observed::Other }
    }

    /// Whether `action` is an acknowledgement that the model simplifies: by a service that owes an
    /// older notification, if the last one is not confirmed yet, or if the model does not know any
    /// more how long ago they were.
    pub(crate) fn is_simplified(&self, action: Action, state: &State) -> bool {
        let Action::Acknowledge { key, service, acknowledgement } = action else { return false };
        let (item, is_at_once) = (&state.items[key], acknowledgement.acted == Acted::AtOnce);
        let older = item.older[service];
        let is_forgotten = older == self.floor && is_at_once && !acknowledgement.superseded;
        older != NEVER && (!item.confirmed || is_forgotten)
    }
}

/// What the model expects of an acknowledgement.
pub(crate) fn expected(
    item: &Item,
    service: usize,
    model::Acknowledgement { superseded, acted, contradicts }: model::Acknowledgement,
) -> Observed {
    let (now, counted) = (0, item.counted[service]);
    let at = if acted == Acted::Now { now } else { item.notified_at };
    let is_before = acted == Acted::Before || at < item.notified_at;
    // An older one is outdated, and not reported.
    let is_newer = counted == NEVER || at > counted;
    match (superseded, is_before) {
        (false, true) => Observed::BeforeNotification,
        (false, false) if contradicts && is_newer => Observed::Contradiction,
        _ => Observed::Acknowledged,
    }
}
