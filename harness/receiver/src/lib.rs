//! Verification of keysync's callbacks, for services that receive them.
//!
//! When a root key is rotated, disabled or deleted, each service with resources under it gets an
//! HTTP `POST` with a CloudEvent, signed according to [Standard
//! Webhooks](https://www.standardwebhooks.com). A receiver checks, in this order:
//!
//! 1. **Authenticity:** [`Verifier::verify`] verifies signature, timestamp, body and that the event
//!    is for your service, and returns a [`Notification`].
//! 2. **Duplicates:** [`ReplayGuard`] remembers the event ids of the past minutes.
//! 3. **Order:** [`Latest`] keeps the newest state of each key and detects stale notifications.
//!
//! ```
//! use keysync_receiver::{KeyState, Latest, Order, ReplayGuard, Seen, Verifier, sample};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?;
//! let mut guard = ReplayGuard::for_tolerance(verifier.tolerance());
//! let mut states = Latest::new();
//!
//! // From the web framework: the headers, and the body as received.
//! let (headers, body, now) = (sample::headers(), sample::BODY, sample::signed_at());
//! let notification = verifier.verify(&headers, body, now)?;
//! assert_eq!(guard.see(&notification.event_id, now), Seen::New);
//! let order = states.offer(&notification.key_id, notification.sequence, notification.key_state);
//! assert_eq!(order, Order::Newer);
//!
//! assert_eq!(states.get(&notification.key_id), Some(&KeyState::Destroyed));
//! # Ok(())
//! # }
//! ```
//!
//! # Why the body is bytes
//!
//! The signature covers the bytes of the body, not their meaning. JSON that was parsed and
//! serialized again has the same meaning but different bytes (spaces, field order, escapes), so its
//! signature is invalid. Take the body from your framework before it is parsed, and pass those
//! bytes to [`Verifier::verify`].
//!
//! # Why both a replay guard and the sequence
//!
//! Delivery is at least once, so duplicates are normal. The guard and the sequence solve different
//! problems:
//!
//! - The **sequence** keeps the state correct. A delayed callback can arrive after a newer one,
//!   with an event id that was not seen before; only its sequence shows that it is stale. This
//!   works for as long as you store the state, hours or months later.
//! - The **guard** prevents duplicate side effects: an audit log entry, a message to a customer, a
//!   database query. It does not know the order, and forgets an id after twice the tolerance, when
//!   the timestamp of a replayed callback is too old anyway.
//!
//! With the guard alone, a late callback would undo a newer state. With the sequence alone, the
//! state is correct, but each duplicate requires a look at it.
//!
//! # Untrusted input
//!
//! Anyone can send requests to a receiver. [`Verifier::verify`] accepts any input: it reads at most
//! 4,096 bytes of each header and [`MAX_BODY`] of the body, parses JSON only after the signature is
//! verified, and returns a [`Rejected`] with the [`status`](Rejected::status) 400 (malformed), 401
//! (not authentic), 403 (for another service) or 413 (too large). An invalid or unsafe public key
//! is an error when a verifier is created: [`PublicKeyError`]. The server must limit the size of
//! the head, the size of the body before it is read, and the time. `examples/receiver/` shows how,
//! and passes all `requests` in `vectors.json`.
//!
//! # Scope
//!
//! [`KeySetVerifier`] follows the key set that the sender publishes, through key rotations, and
//! [`Acknowledgement`] is the request by which a service reports that it acted; both need your HTTP
//! client. The kits in Python, JavaScript, Go and Java (`examples/`) have the same rules.
//!
//! This crate contains no web framework, no HTTP client and no async runtime: it takes
//! [`http::HeaderMap`] and bytes. It shares no code with the sender, so that a defect on one side
//! is detected on the other. The test vectors in `vectors.json` apply to the sender, this crate and
//! receivers in other languages.

#![forbid(unsafe_code)]

mod acknowledgement;
mod event;
mod key_set;
mod latest;
mod notification;
mod public_key;
mod rejected;
mod replay;
pub mod sample;
mod sequence;
mod strict;
mod verifier;

/// The test vectors of this crate as JSON: requests, callbacks and configurations with the expected
/// result, for receivers in other languages.
pub const TEST_VECTORS: &str = include_str!("../vectors.json");

pub use acknowledgement::Acknowledgement;
pub use key_set::{KeySetVerifier, MAX_KEY_SET};
pub use latest::Latest;
pub use notification::{KeyState, KeyVersion, LifecycleAction, Notification};
pub use public_key::PublicKeyError;
pub use rejected::Rejected;
pub use replay::{ReplayGuard, Seen};
pub use sequence::{Order, Sequence};
pub use verifier::{DEFAULT_TOLERANCE, MAX_BODY, Verifier};
