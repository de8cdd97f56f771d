//! Cryptographic operations on key material. No I/O except for randomness, and no logging.

mod material;
mod transport;
mod wrapping;

pub(super) use material::Material;
pub(super) use transport::{Algorithm, Envelope, EnvelopeError, TransportKey};
pub(super) use wrapping::{Ciphertext, unwrap, wrap};

use aws_lc_rs::rand;

/// A failure of the cryptographic library, which does not report the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub(super) struct CryptoError;

impl From<aws_lc_rs::error::Unspecified> for CryptoError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// Generates `N` cryptographically secure random bytes.
fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}
