//! The rules for receivers.

use serde::Serialize;

/// A rule for receivers. Names are stable (`docs/reference/harness-cli.md#rules-for-receivers`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Authentic callbacks are accepted.
    AuthenticAccepted,
    /// Forms of HTTP that senders use are accepted.
    ValidHttpAccepted,
    /// A callback without a valid signature is rejected.
    SignatureVerified,
    /// A callback without a well-formed signature is rejected.
    SignatureRequired,
    /// A callback with a missing, duplicate or malformed header is rejected.
    HeadersValidated,
    /// A callback that was signed more than 300 s ago or ahead is rejected.
    TimestampChecked,
    /// A callback whose event has another id than `webhook-id` is rejected.
    IdMatches,
    /// An authentic callback for another service is rejected.
    AudienceChecked,
    /// A signed body that is no valid event is rejected.
    BodyValidated,
    /// A body over 64 KiB is rejected.
    BodyLimited,
    /// Malformed headers are rejected.
    MalformedHeadersRejected,
    /// A malformed request line is rejected.
    MalformedRequestLineRejected,
    /// A malformed or cut body is rejected.
    MalformedBodyRejected,
    /// What was rejected had no effect.
    RejectedWithoutEffect,
    /// A repeated callback gets 2xx.
    RepeatAccepted,
    /// A repeated callback has no second effect.
    RepeatWithoutEffect,
    /// A callback with an older sequence gets 2xx.
    StaleAccepted,
    /// A callback with an older sequence has no effect.
    StaleWithoutEffect,
    /// A callback with a newer sequence has an effect, also where sequences between are missing.
    NewerActedOn,
    /// Clients that disconnect in the middle of a request have no effect, and the receiver goes on.
    CutConnectionsSurvived,
    /// Slow clients do not keep others waiting.
    SlowClientsDoNotBlock,
    /// Slow clients are disconnected.
    SlowClientsDisconnected,
    /// During a key rotation, a callback with both signatures is accepted.
    RotationOverlapAccepted,
    /// After a key rotation, a callback signed with the new key is accepted.
    RotationNewKeyAccepted,
    /// After a key rotation, a callback signed with the old key is rejected.
    RotationOldKeyRejected,
}

impl Rule {
    /// All rules, in the order in which they are checked.
    pub const ALL: [Self; 25] = [
        Self::AuthenticAccepted,
        Self::ValidHttpAccepted,
        Self::SignatureVerified,
        Self::SignatureRequired,
        Self::HeadersValidated,
        Self::TimestampChecked,
        Self::IdMatches,
        Self::AudienceChecked,
        Self::BodyValidated,
        Self::BodyLimited,
        Self::MalformedHeadersRejected,
        Self::MalformedRequestLineRejected,
        Self::MalformedBodyRejected,
        Self::RejectedWithoutEffect,
        Self::RepeatAccepted,
        Self::RepeatWithoutEffect,
        Self::StaleAccepted,
        Self::StaleWithoutEffect,
        Self::NewerActedOn,
        Self::CutConnectionsSurvived,
        Self::SlowClientsDoNotBlock,
        Self::SlowClientsDisconnected,
        Self::RotationOverlapAccepted,
        Self::RotationNewKeyAccepted,
        Self::RotationOldKeyRejected,
    ];

    /// The rule's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.text().0
    }

    /// What a receiver must do, in one line.
    #[must_use]
    pub const fn description(self) -> &'static str {
        self.text().1
    }

    /// The rule with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::AuthenticAccepted => {
                ("authentic-accepted", "accept authentic callbacks, with fields that are unknown")
            }
            Self::ValidHttpAccepted => (
                "valid-http-accepted",
                "accept chunked bodies, header names in capitals, `expect: 100-continue`",
            ),
            Self::SignatureVerified => {
                ("signature-verified", "reject a callback that was changed, or signed with an unknown key")
            }
            Self::SignatureRequired => {
                ("signature-required", "reject a callback without a well-formed `v1a` signature")
            }
            Self::HeadersValidated => (
                "headers-validated",
                "reject missing, empty, duplicate, oversized and malformed webhook headers",
            ),
            Self::TimestampChecked => (
                "timestamp-checked",
                "reject a `webhook-timestamp` more than 300 s before or after the clock",
            ),
            Self::IdMatches => ("id-matches", "reject an event whose `id` differs from `webhook-id`"),
            Self::AudienceChecked => {
                ("audience-checked", "reject an event whose `data.service` is another service")
            }
            Self::BodyValidated => {
                ("body-validated", "reject a signed body that is not a valid event in strict JSON")
            }
            Self::BodyLimited => {
                ("body-limited", "reject a body over 65,536 bytes, declared, chunked or signed")
            }
            Self::MalformedHeadersRejected => {
                ("malformed-headers-rejected", "reject malformed, huge and thousands of headers")
            }
            Self::MalformedRequestLineRejected => (
                "malformed-request-line-rejected",
                "reject malformed request lines and methods other than POST",
            ),
            Self::MalformedBodyRejected => (
                "malformed-body-rejected",
                "reject malformed and contradicting lengths, malformed chunks, cut bodies",
            ),
            Self::RejectedWithoutEffect => ("rejected-without-effect", "never act on what was rejected"),
            Self::RepeatAccepted => ("repeat-accepted", "respond with 2xx to a repeated callback"),
            Self::RepeatWithoutEffect => ("repeat-without-effect", "act once on a repeated callback"),
            Self::StaleAccepted => {
                ("stale-accepted", "respond with 2xx to an older `sequence` after a newer one")
            }
            Self::StaleWithoutEffect => {
                ("stale-without-effect", "never act on an older `sequence` after a newer one")
            }
            Self::NewerActedOn => ("newer-acted-on", "act on each newer `sequence`, with gaps between"),
            Self::CutConnectionsSurvived => {
                ("cut-connections-survived", "survive connections that end in the middle of a request")
            }
            Self::SlowClientsDoNotBlock => {
                ("slow-clients-do-not-block", "respond in time while other clients stall or send slowly")
            }
            Self::SlowClientsDisconnected => (
                "slow-clients-disconnected",
                "disconnect clients that stall or send slowly, or respond with 408",
            ),
            Self::RotationOverlapAccepted => {
                ("rotation-overlap-accepted", "accept callbacks with signatures by the old and the new key")
            }
            Self::RotationNewKeyAccepted => (
                "rotation-new-key-accepted",
                "fetch the key set again, and accept callbacks signed with the new key only",
            ),
            Self::RotationOldKeyRejected => (
                "rotation-old-key-rejected",
                "reject callbacks signed with a key that is no longer in the key set",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_equal_the_serialized_ones() {
        for (position, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, position, "{rule:?}");
            assert_eq!(Rule::named(rule.name()), Some(rule));
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
    }
}
