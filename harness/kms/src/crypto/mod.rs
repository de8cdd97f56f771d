//! What the endpoint does with key material. Pure but for randomness; nothing here shows a secret.

mod material;
mod transport;
mod wrapping;

pub(super) use material::Material;
pub(super) use transport::{Algorithm, Envelope, EnvelopeError, TransportKey};
pub(super) use wrapping::{Ciphertext, unwrap, wrap};

use aws_lc_rs::rand;

/// The cryptographic library did not do its part. It never says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub(super) struct CryptoError;

impl From<aws_lc_rs::error::Unspecified> for CryptoError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// `N` bytes that nobody can guess.
fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}
