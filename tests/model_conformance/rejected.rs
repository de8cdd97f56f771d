//! Writes that must be rejected, whatever the state.

use keysync::{
    domain::EventId,
    ledger::{
        Acknowledged, ClaimRequest, Counted, Finding, Notification, Purged, RegistrationChange,
        ReplayRequest, Replayed, item::Replay,
    },
};
use keysync_model::{protocol::Rejected, state::ProcessId};

use crate::{
    calls::crn,
    mapping::NAMES,
    observed::Observed,
    system::{KEY, System},
};

/// A service without registrations.
const UNNOTIFIED: &str = "schematics";
const RESOURCE: &str = "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:b";

impl System {
    /// Sends a write. It observes whether the response is the rejection that it must be.
    pub(crate) async fn reject(&self, write: Rejected) -> Observed {
        let is_rejected = match write {
            Rejected::ClaimInAnotherRing => {
                let ring = Some("another".parse().unwrap());
                let request = self.claim_request(ProcessId::caller(0), 1, "abc123");
                self.claim(&ClaimRequest { ring, ..request }).await.0 == Observed::NotFound
            }
            Rejected::PurgeOfAnotherAccount => {
                self.ledger.purge(&crn("foreign"), self.now).await.unwrap() == Purged::CrnMismatch
            }
            Rejected::RegistrationOfAnotherAccount => {
                let (key, resource) = (crn("foreign"), RESOURCE.parse().unwrap());
                let change = RegistrationChange { key, resource, registered: true, at: self.now };
                self.ledger.count(&change).await.unwrap() == Counted::CrnMismatch
            }
            Rejected::AcknowledgementOfAnotherAccount => {
                self.acknowledged("foreign", NAMES[0]).await == Acknowledged::CrnMismatch
            }
            Rejected::AcknowledgementByUnnotifiedService => {
                self.acknowledged("abc123", UNNOTIFIED).await == Acknowledged::Stale
            }
            Rejected::ReplayOfAnotherAccount => self.replayed("foreign", false).await == Replayed::UnknownKey,
            Rejected::ReplayOfSuperseded => self.replayed("abc123", true).await == Replayed::Superseded,
            Rejected::RepeatedCreation => self.record(0, self.now, "abc123").await.0 == Observed::Stale,
        };
        if is_rejected { Observed::Nothing } else { Observed::Other }
    }

    async fn acknowledged(&self, account: &str, service: &str) -> Acknowledged {
        let (claim, service) = (self.claim_id(), service.parse().unwrap());
        let event = EventId { key: KEY.parse().unwrap(), claim, service };
        let acknowledgement = Self::acknowledgement(self.scale.at(1, self.now), false);
        let report = |_: &Notification, _: &Finding| panic!("the key is enabled");
        self.ledger.acknowledge(&crn(account), &event, &acknowledgement, report).await.unwrap()
    }

    async fn replayed(&self, account: &str, superseded: bool) -> Replayed {
        let replay = Replay {
            claim: if superseded { self.superseded.unwrap() } else { self.claim_id() },
            // After every other one.
            at: self.scale.at(2, self.now),
            services: vec![NAMES[0].parse().unwrap()],
            operator: "ada".to_owned(),
            reason: "1".to_owned(),
        };
        self.ledger.replay(&ReplayRequest { key: crn(account), replay }).await.unwrap()
    }
}
