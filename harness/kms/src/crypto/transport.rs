//! Decryption of imported material. The material is encrypted with the public key of an import
//! token. The token's nonce is encrypted with the material, which proves that the sender knows the
//! material.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    iv::FixedLength,
    rsa::{
        KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{CryptoError, Material, random};

/// The key pair and the nonce of an import token.
#[derive(Serialize, Deserialize)]
pub(crate) struct TransportKey {
    /// PKCS #8 (RFC 5208) in base64.
    private_key: String,
    /// PEM (RFC 7468) of the public key in base64, as in the API's responses.
    pub(crate) public_key: String,
    /// 12 random bytes in base64.
    pub(crate) nonce: String,
}

/// Algorithm that encrypts the material.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    #[default]
    #[serde(rename = "RSAES_OAEP_SHA_256")]
    OaepSha256,
    /// Used by Hyper Protect Crypto Services.
    #[serde(rename = "RSAES_OAEP_SHA_1")]
    OaepSha1,
}

/// Encrypted material. All fields are base64.
pub(crate) struct Envelope<'a> {
    pub(crate) payload: &'a str,
    pub(crate) encrypted_nonce: &'a str,
    pub(crate) iv: &'a str,
    pub(crate) algorithm: Algorithm,
}

/// The reason for which encrypted material is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    /// The payload is not base64, or is encrypted with another public key.
    #[error("must be key material, encrypted with the public key of the current import token")]
    Payload,
    /// The nonce is encrypted with another key or IV.
    #[error("cannot be decrypted with the key material and the IV")]
    NonceOrIv,
    /// The nonce is not that of the token.
    #[error("is not that of the current import token")]
    Nonce,
}

impl TransportKey {
    /// Generates a key pair of RSA 2048 and a nonce. Blocks for up to a few seconds.
    pub(crate) fn generate() -> Result<Self, CryptoError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
        let private_key: Pkcs8V1Der<'_> = key.as_der()?;
        let public_key: PublicKeyX509Der<'_> = key.public_key().as_der()?;
        Ok(Self {
            private_key: BASE64_STANDARD.encode(private_key.as_ref()),
            public_key: BASE64_STANDARD.encode(pem(public_key.as_ref())),
            nonce: BASE64_STANDARD.encode(random::<12>()?),
        })
    }

    /// Decrypts the material in `envelope` and verifies the nonce.
    pub(crate) fn open(&self, envelope: &Envelope<'_>) -> Result<Material, EnvelopeError> {
        let material = self.decrypt(envelope).ok_or(EnvelopeError::Payload)?;
        let nonce = decrypt_nonce(&material, envelope).ok_or(EnvelopeError::NonceOrIv)?;
        if BASE64_STANDARD.encode(nonce) == self.nonce { Ok(material) } else { Err(EnvelopeError::Nonce) }
    }

    fn decrypt(&self, envelope: &Envelope<'_>) -> Option<Material> {
        let key = BASE64_STANDARD.decode(&self.private_key).ok()?;
        let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&key).ok()?).ok()?;
        let algorithm = match envelope.algorithm {
            Algorithm::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
            Algorithm::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
        };
        let payload = BASE64_STANDARD.decode(envelope.payload).ok()?;
        let mut output = vec![0; key.min_output_size()];
        let material = key.decrypt(algorithm, &payload, &mut output, None).ok()?.to_vec();
        Some(Material::new(material)).filter(Material::is_aes_key)
    }
}

/// Decrypts the nonce with AES-CBC if the IV has the length of a block, or else with AES-GCM.
fn decrypt_nonce(material: &Material, envelope: &Envelope<'_>) -> Option<Vec<u8>> {
    let mut nonce = BASE64_STANDARD.decode(envelope.encrypted_nonce).ok()?;
    let iv = BASE64_STANDARD.decode(envelope.iv).ok()?;
    let key = material.bytes();
    if let Ok(iv) = <[u8; 16]>::try_from(iv.as_slice()) {
        let cipher = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(cipher, key).ok()?).ok()?;
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        return Some(key.decrypt(&mut nonce, context).ok()?.to_vec());
    }
    let cipher = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        _ => &AES_256_GCM,
    };
    let key = LessSafeKey::new(UnboundKey::new(cipher, key).ok()?);
    let iv = Nonce::try_assume_unique_for_key(&iv).ok()?;
    Some(key.open_in_place(iv, Aad::empty(), &mut nonce).ok()?.to_vec())
}

/// Encodes a public key as PEM (RFC 7468).
fn pem(der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    let lines: Vec<String> =
        base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

impl fmt::Debug for TransportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportKey(private key and nonce redacted)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        cipher::PaddedBlockEncryptingKey,
        rsa::{OaepPublicEncryptingKey, PublicEncryptingKey},
    };

    use super::*;

    /// Material that a caller has encrypted with an import token.
    struct Sealed {
        payload: String,
        encrypted_nonce: String,
        iv: String,
    }

    impl Sealed {
        fn envelope(&self) -> Envelope<'_> {
            let Self { payload, encrypted_nonce, iv } = self;
            Envelope { payload, encrypted_nonce, iv, algorithm: Algorithm::OaepSha256 }
        }
    }

    fn encrypt(token: &TransportKey, material: &[u8]) -> String {
        let pem = String::from_utf8(BASE64_STANDARD.decode(&token.public_key).unwrap()).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = PublicEncryptingKey::from_der(&BASE64_STANDARD.decode(der).unwrap()).unwrap();
        let key = OaepPublicEncryptingKey::new(key).unwrap();
        let mut payload = vec![0; key.ciphertext_size()];
        BASE64_STANDARD.encode(key.encrypt(&OAEP_SHA256_MGF1SHA256, material, &mut payload, None).unwrap())
    }

    fn seal(token: &TransportKey, material: &[u8; 32], nonce: &str) -> Sealed {
        let iv = random::<12>().unwrap();
        let mut nonce = BASE64_STANDARD.decode(nonce).unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, material).unwrap());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut nonce).unwrap();
        Sealed {
            payload: encrypt(token, material),
            encrypted_nonce: BASE64_STANDARD.encode(nonce),
            iv: BASE64_STANDARD.encode(iv),
        }
    }

    #[test]
    fn decrypts_material_encrypted_with_gcm_nonce() {
        let token = TransportKey::generate().unwrap();
        let sealed = seal(&token, &[5; 32], &token.nonce);
        assert_eq!(token.open(&sealed.envelope()), Ok(Material::new(vec![5; 32])));
        assert!(!format!("{token:?}").contains(&token.nonce));
    }

    #[test]
    fn decrypts_material_with_cbc_nonce() {
        let token = TransportKey::generate().unwrap();
        let mut nonce = BASE64_STANDARD.decode(&token.nonce).unwrap();
        let key = UnboundCipherKey::new(&AES_256, &[5; 32]).unwrap();
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
        let DecryptionContext::Iv128(iv) = key.encrypt(&mut nonce).unwrap() else {
            panic!("CBC has an IV of 128 bits")
        };
        let sealed = Sealed {
            payload: encrypt(&token, &[5; 32]),
            encrypted_nonce: BASE64_STANDARD.encode(nonce),
            iv: BASE64_STANDARD.encode(iv.as_ref()),
        };
        assert_eq!(token.open(&sealed.envelope()), Ok(Material::new(vec![5; 32])));
    }

    #[test]
    fn error_reports_mismatching_part_of_envelope() {
        let (token, other) = (TransportKey::generate().unwrap(), TransportKey::generate().unwrap());
        let mut sealed = seal(&other, &[5; 32], &token.nonce);
        assert_eq!(token.open(&sealed.envelope()), Err(EnvelopeError::Payload));
        sealed = seal(&token, &[5; 32], &other.nonce);
        assert_eq!(token.open(&sealed.envelope()), Err(EnvelopeError::Nonce));
        sealed = seal(&token, &[5; 32], &token.nonce);
        sealed.encrypted_nonce = seal(&token, &[6; 32], &token.nonce).encrypted_nonce;
        assert_eq!(token.open(&sealed.envelope()), Err(EnvelopeError::NonceOrIv));
    }
}
