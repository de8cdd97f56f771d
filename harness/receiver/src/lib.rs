//! For services that receive keysync's callbacks: whether one is genuine, what it says, and whether it is news.
//!
//! When a root key is rotated, disabled or deleted, each service that has resources under it gets an HTTP
//! `POST`: a CloudEvent, signed as [Standard Webhooks](https://www.standardwebhooks.com) lay down. A receiver has
//! three questions, and asks them in this order:
//!
//! 1. **Is it genuine?** [`Verifier::verify`] looks at signature, timestamp and body, and gives a [`Notification`].
//! 2. **Have I seen it?** [`ReplayGuard`] remembers the ids of the past minutes.
//! 3. **Is it news?** [`Latest`] keeps the newest state of each key and knows what is older.
//!
//! ```
//! use keysync_receiver::{KeyState, Latest, Order, ReplayGuard, Seen, Verifier, sample};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::new([sample::PUBLIC_KEY])?;
//! let mut guard = ReplayGuard::for_tolerance(verifier.tolerance());
//! let mut states = Latest::new();
//!
//! // What a web framework hands over: the headers, and the body as it came.
//! let (headers, body, now) = (sample::headers(), sample::BODY, sample::signed_at());
//! let told = verifier.verify(&headers, body, now)?;
//! assert_eq!(guard.see(&told.event_id, now), Seen::New);
//! assert_eq!(states.offer(&told.key_id, told.sequence, told.key_state), Order::Newer);
//!
//! assert_eq!(states.get(&told.key_id), Some(&KeyState::Destroyed));
//! # Ok(())
//! # }
//! ```
//!
//! # Why the body is bytes
//!
//! What is signed is the body's bytes, not what they mean. JSON that was parsed and written again has the same
//! meaning and other bytes (spaces, the order of fields, escapes), so its signature fails. Take the body from your
//! framework before anything parses it, and give those bytes to [`Verifier::verify`].
//!
//! # Why both a replay guard and the sequence
//!
//! Delivery is at least once, so that repeats are usual, and they say nothing new. The two tell different things:
//!
//! - The **sequence** keeps the state right. A callback that was held up on its way can come after a newer one, with
//!   an id that nobody has seen before: only its sequence says that it is old. It works for as long as you keep
//!   the state, hours or months later.
//! - The **guard** keeps everything else from happening twice: a line in an audit log, a message to a customer, a
//!   look into your database. It knows no order, and forgets after twice the tolerance, when a recorded callback is too
//!   old to be believed anyway.
//!
//! With the guard alone, a late old callback would undo a newer state. With the sequence alone, the state is right, and
//! each repeat costs a look at it.
//!
//! # What strangers may send
//!
//! Anybody can call a receiver's address. [`Verifier::verify`] takes whatever they send: it looks at no more than 4,096 bytes of each
//! header and [`MAX_BODY`] of the body, reads JSON only once the signature holds, and gives a [`Rejected`] whose
//! [`status`](Rejected::status) is 400 (malformed), 401 (not believed) or 413 (too large). A public key that is no safe one is an
//! error where a verifier is made: [`PublicKeyError`]. What the server around it has to bound (the head, the body before
//! it is read, the time) is shown by `examples/receiver/`, which answers each of the `requests` in `vectors.json`.
//!
//! # What this crate is not
//!
//! No web framework and no runtime: it takes [`http::HeaderMap`] and bytes. It shares no code with the sender, so that
//! a mistake on one side shows on the other; `vectors.json` beside this crate holds both sides, and receivers in other
//! languages, to the same bytes.

#![forbid(unsafe_code)]

mod event;
mod latest;
mod notification;
mod public_key;
mod rejected;
mod replay;
pub mod sample;
mod sequence;
mod strict;
mod verifier;

pub use latest::Latest;
pub use notification::{KeyState, KeyVersion, LifecycleAction, Notification};
pub use public_key::PublicKeyError;
pub use rejected::Rejected;
pub use replay::{ReplayGuard, Seen};
pub use sequence::{Order, Sequence};
pub use verifier::{DEFAULT_TOLERANCE, MAX_BODY, Verifier};
