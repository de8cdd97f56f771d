//! A rotation of the signing key: callbacks with both signatures, and then with the new one only.

use std::time::{Duration, Instant};

use super::Run;
use crate::{Error, Rule, exchange::Response, report::Expected, sender::Ids, vectors::Keys};

const RULES: [Rule; 3] =
    [Rule::RotationOverlapAccepted, Rule::RotationNewKeyAccepted, Rule::RotationOldKeyRejected];
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Last, because a receiver that follows the key set does not know the old key afterwards.
    pub(super) async fn rotation(&mut self) -> Result<(), Error> {
        if !self.recorder.wants(&RULES) {
            return Ok(());
        }
        if self.key_set.fetches() == 0 {
            let url = self.key_set.url();
            let reason = format!(
                "the receiver has not fetched the key set: start it with {url} in place of a public key"
            );
            self.recorder.not_checked(&RULES, &reason);
            return Ok(());
        }
        let Keys { current, next } = self.sender.keys();
        let (current, next) = (current.clone(), next.clone());

        (self.progress)(Rule::RotationOverlapAccepted);
        self.key_set.publish(&[&current, &next]);
        let response = self.send(&self.sender.authentic(&Ids::unique(), 1, &[&current, &next])).await;
        let sent = "a callback with signatures by the current and by the next key";
        self.recorder.response(
            Rule::RotationOverlapAccepted,
            "two-signatures",
            sent,
            Expected::Accepted,
            response,
        );
        let response = self.send(&self.sender.authentic(&Ids::unique(), 1, &[&next, &current])).await;
        let sent = "a callback with the same signatures in the other order";
        self.recorder.response(
            Rule::RotationOverlapAccepted,
            "other-order",
            sent,
            Expected::Accepted,
            response,
        );

        (self.progress)(Rule::RotationNewKeyAccepted);
        self.key_set.publish(&[&next]);
        let (ids, started) = (Ids::unique(), Instant::now());
        let within = self.options.new_key_within;
        let response = loop {
            // Each attempt has a new timestamp and signature, as the sender's retries have.
            let response = self.send(&self.sender.authentic(&ids, 1, &[&next])).await;
            if matches!(response, Response::Status(200..=299)) || started.elapsed() > within {
                break response;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let sent = format!(
            "a callback signed with the next key only, again and again for {} s; the key set has only this key",
            within.as_secs()
        );
        let rule = Rule::RotationNewKeyAccepted;
        if !self.recorder.response(rule, "next-key-only", &sent, Expected::Accepted, response) {
            let reason = "the receiver does not accept the new key";
            self.recorder.not_checked(&[Rule::RotationOldKeyRejected], reason);
            return Ok(());
        }

        (self.progress)(Rule::RotationOldKeyRejected);
        let response = self.send(&self.sender.authentic(&Ids::unique(), 1, &[&current])).await;
        let sent = "a callback signed with the previous key only, which is no longer in the key set";
        let rule = Rule::RotationOldKeyRejected;
        self.recorder.response(rule, "previous-key-only", sent, Expected::Rejected, response);
        Ok(())
    }
}
