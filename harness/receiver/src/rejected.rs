//! The reasons to reject a callback.

use std::time::Duration;

use http::StatusCode;

/// The reason to reject a callback. Each message states the problem and the remedy.
///
/// The sender retries after any of them, so a corrected clock or a key added later takes effect
/// without a loss.
///
/// ```
/// use http::HeaderMap;
/// use keysync_receiver::{Rejected, Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
/// let rejected = verifier.verify(&HeaderMap::new(), sample::BODY, sample::signed_at()).unwrap_err();
/// assert_eq!(rejected, Rejected::Header("webhook-id"));
/// assert!(rejected.to_string().starts_with("the `webhook-id` header is missing"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// A header is missing, duplicate, empty, longer than 4,096 bytes, or not printable ASCII.
    #[error(
        "the `{0}` header is missing, duplicate, or not 1 to 4096 characters of printable ASCII: pass all headers as \
         received, and check whether a proxy drops them"
    )]
    Header(&'static str),
    /// The timestamp is not an integer.
    #[error("the `webhook-timestamp` header must be seconds since 1970, 1 to 15 digits: got `{0}`")]
    Timestamp(String),
    /// Signed too long ago.
    #[error(
        "signed {} s ago, at most {} s are allowed: the callback was replayed, or this machine's clock is ahead and \
         must be corrected", by.as_secs_f64().ceil(), tolerance.as_secs()
    )]
    TooOld {
        /// Age of the signature.
        by: Duration,
        /// The tolerance.
        tolerance: Duration,
    },
    /// Signed in the future.
    #[error(
        "signed {} s in the future, at most {} s are allowed: this machine's clock is behind, or the sender's clock is \
         ahead", by.as_secs_f64().ceil(), tolerance.as_secs()
    )]
    TooNew {
        /// Time until the signature's timestamp.
        by: Duration,
        /// The tolerance.
        tolerance: Duration,
    },
    /// There is no well-formed `v1a` signature.
    #[error(
        "`webhook-signature` must contain a `v1a` signature, which is `v1a,` followed by the base64 of 64 bytes (`v1` \
         signatures with a shared secret are not supported)"
    )]
    NoSignature,
    /// The sender's key set is unknown, so no signature can be verified: see
    /// [`KeySetVerifier`](crate::KeySetVerifier).
    #[error("the sender's public key set could not be fetched, so nothing can be verified: {0}")]
    KeySet(String),
    /// None of the signatures is valid for this body and any of the configured keys.
    #[error(
        "no signature is valid for this body and the configured keys: the body was changed (pass the bytes as \
         received, not reserialized JSON), the sender signs with a new key, or the callback is forged"
    )]
    Signature,
    /// The signed id differs from the event's id.
    #[error("`webhook-id` must be the event's id `{event}`: got `{header}`")]
    Id {
        /// The id in the header.
        header: String,
        /// The id in the body.
        event: String,
    },
    /// The event is for another service.
    #[error(
        "the event is for the service `{event}`, and this is the receiver of `{expected}`: the operator has configured \
         this address for both, the name of the service is wrong here, or a receiver of the other one sent it on"
    )]
    Service {
        /// The service in the event.
        event: String,
        /// The service of this receiver.
        expected: String,
    },
    /// The body is larger than any callback.
    #[error("the body must have at most {} bytes: got {bytes}", crate::MAX_BODY)]
    TooLarge {
        /// Size of the body.
        bytes: usize,
    },
    /// The body is signed by the sender but is not a valid key event.
    #[error("the signed body is not a valid key event: {0}; a newer version of this crate may support it")]
    Body(String),
}

impl Rejected {
    /// A short, stable code for metrics and the test vectors.
    ///
    /// ```
    /// assert_eq!(keysync_receiver::Rejected::Signature.code(), "signature");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Timestamp(_) => "timestamp",
            Self::TooOld { .. } => "too-old",
            Self::TooNew { .. } => "too-new",
            Self::NoSignature => "no-signature",
            Self::KeySet(_) => "key-set",
            Self::Signature => "signature",
            Self::Id { .. } => "id",
            Self::Service { .. } => "service",
            Self::TooLarge { .. } => "too-large",
            Self::Body(_) => "body",
        }
    }

    /// The status of the response: 400 if malformed, 413 if too large, 401 if well-formed but not
    /// authentic, 403 if authentic but for another service, 503 if it cannot be verified now.
    ///
    /// ```
    /// use http::StatusCode;
    /// use keysync_receiver::Rejected;
    ///
    /// assert_eq!(Rejected::Signature.status(), StatusCode::UNAUTHORIZED);
    /// assert_eq!(Rejected::Header("webhook-id").status(), StatusCode::BAD_REQUEST);
    /// assert_eq!(Rejected::Body("invalid JSON".to_owned()).status(), StatusCode::BAD_REQUEST);
    /// ```
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooOld { .. } | Self::TooNew { .. } | Self::Signature => StatusCode::UNAUTHORIZED,
            Self::Service { .. } => StatusCode::FORBIDDEN,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::KeySet(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
