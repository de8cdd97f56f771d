//! Why a callback is not taken, and what to do about it.

use std::time::Duration;

use http::StatusCode;

/// Why a callback is not taken. Each says what is wrong and how to mend it.
///
/// The sender tries again after any of them, so that a clock put right or a key added later is soon enough.
///
/// ```
/// use http::HeaderMap;
/// use keysync_receiver::{Rejected, Verifier, sample};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new([sample::PUBLIC_KEY])?;
/// let rejected = verifier.verify(&HeaderMap::new(), sample::BODY, sample::signed_at()).unwrap_err();
/// assert_eq!(rejected, Rejected::Header("webhook-id"));
/// assert!(rejected.to_string().starts_with("the `webhook-id` header is missing"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// A header that is missing, given more than once, empty, longer than 4,096 bytes, or not printable ASCII.
    #[error(
        "the `{0}` header is missing, given twice, or not between 1 and 4096 characters of printable ASCII: pass on \
         all that came; a proxy in front may have dropped it, and what comes without is no callback"
    )]
    Header(&'static str),
    /// The timestamp is no number.
    #[error("the `webhook-timestamp` header must be seconds since 1970, between 1 and 15 digits: got `{0}`")]
    Timestamp(String),
    /// Signed too long ago.
    #[error(
        "signed {} s ago, and at most {} s are allowed: it was recorded and sent again, or this machine's clock \
         is ahead and has to be set", by.as_secs_f64().ceil(), tolerance.as_secs()
    )]
    TooOld {
        /// How long ago.
        by: Duration,
        /// What is allowed.
        tolerance: Duration,
    },
    /// Signed in the future.
    #[error(
        "signed {} s in the future, and at most {} s are allowed: this machine's clock is behind, or the sender's \
         ahead", by.as_secs_f64().ceil(), tolerance.as_secs()
    )]
    TooNew {
        /// How far ahead.
        by: Duration,
        /// What is allowed.
        tolerance: Duration,
    },
    /// There is no signature that a receiver could verify.
    #[error(
        "`webhook-signature` holds no `v1a` signature that can be read, which is `v1a,` and the base64 of 64 bytes: \
         a callback of this sender always has one (`v1` is by a shared secret, which there is none)"
    )]
    NoSignature,
    /// None of the signatures is by one of the configured keys over this very body.
    #[error(
        "none of the signatures is by a configured key over this body: either the body was changed on its way (give \
         the bytes as they came, not JSON that was written anew), or the sender signs with a new key, or it is forged"
    )]
    Signature,
    /// The id that is signed is not the event's.
    #[error("`webhook-id` is `{header}`, and the event's id is `{event}`: they must be the same")]
    Id {
        /// In the header.
        header: String,
        /// In the body.
        event: String,
    },
    /// The body is larger than any callback.
    #[error("a callback has at most {} bytes: got {bytes}", crate::MAX_BODY)]
    TooLarge {
        /// What was given.
        bytes: usize,
    },
    /// Signed by the sender, and yet no key event that is known here.
    #[error("the body is no key event, though it is signed: {0}; a newer version of this crate may know it")]
    Body(String),
}

impl Rejected {
    /// A short name that stays the same: for metrics, and for the test vectors.
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
            Self::Signature => "signature",
            Self::Id { .. } => "id",
            Self::TooLarge { .. } => "too-large",
            Self::Body(_) => "body",
        }
    }

    /// What to answer: 400 where it is malformed; 413 where it is too large; 401 where it is well-formed and not believed.
    ///
    /// ```
    /// use http::StatusCode;
    /// use keysync_receiver::Rejected;
    ///
    /// assert_eq!(Rejected::Signature.status(), StatusCode::UNAUTHORIZED);
    /// assert_eq!(Rejected::Header("webhook-id").status(), StatusCode::BAD_REQUEST);
    /// assert_eq!(Rejected::Body("no JSON".to_owned()).status(), StatusCode::BAD_REQUEST);
    /// ```
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooOld { .. } | Self::TooNew { .. } | Self::Signature => StatusCode::UNAUTHORIZED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
