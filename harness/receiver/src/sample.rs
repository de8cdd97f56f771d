//! A sample callback of the sender, for the examples of this crate and for tests of your receiver.
//!
//! Key `02fd6835-…` was deleted, and a sync caused a second notification. The private keys of the
//! two public keys are published in RFC 8032, section 7.1, so never use these keys in production.
//!
//! ```
//! use keysync_receiver::{Verifier, sample};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let notification = Verifier::new(sample::SERVICE, [sample::PUBLIC_KEY])?.verify(&sample::headers(), sample::BODY, sample::signed_at())?;
//! assert_eq!(notification.action.as_str(), "delete");
//! # Ok(())
//! # }
//! ```

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The service that the callback is for.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// let other = Verifier::new("databases", [sample::PUBLIC_KEY]).unwrap();
/// let rejected = other.verify(&sample::headers(), sample::BODY, sample::signed_at()).unwrap_err();
/// assert_eq!(rejected.code(), "service");
/// ```
pub const SERVICE: &str = "cloud-object-storage";

/// The public key of the sender.
///
/// ```
/// assert!(keysync_receiver::Verifier::new("cloud-object-storage", [keysync_receiver::sample::PUBLIC_KEY]).is_ok());
/// ```
pub const PUBLIC_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// The public key of the sender's next signing key, to demonstrate key rotation.
///
/// ```
/// use keysync_receiver::{Verifier, sample};
///
/// // With only the next key configured, a signature by the current key is rejected.
/// let too_early = Verifier::new(sample::SERVICE, [sample::NEXT_PUBLIC_KEY]).unwrap();
/// assert!(too_early.verify(&sample::headers(), sample::BODY, sample::signed_at()).is_err());
/// ```
pub const NEXT_PUBLIC_KEY: &str = "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";

/// The key set that the sender publishes at `/.well-known/jwks.json`.
///
/// ```
/// assert!(keysync_receiver::Verifier::from_jwks("cloud-object-storage", keysync_receiver::sample::JWKS).is_ok());
/// ```
pub const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","whpk":"whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]}"#;

/// The body.
///
/// ```
/// let text = std::str::from_utf8(keysync_receiver::sample::BODY).unwrap();
/// assert!(text.contains(r#""type":"com.ibm.cloud.kms.key.delete""#));
/// ```
pub const BODY: &[u8] = br#"{"specversion":"1.0","id":"02fd6835-6001-4482-a892-13bd2085f75d_019aaf60-0000-7000-8000-000000000001_cloud-object-storage","source":"crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11::","type":"com.ibm.cloud.kms.key.delete","subject":"02fd6835-6001-4482-a892-13bd2085f75d","time":"2026-11-24T05:00:00.000Z","datacontenttype":"application/json","sequence":"00000000000000000007","data":{"keyId":"02fd6835-6001-4482-a892-13bd2085f75d","keyCrn":"crn:v1:bluemix:public:hs-crypto:us-south:a/abc123:5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11:key:02fd6835-6001-4482-a892-13bd2085f75d","keyState":5,"keyVersion":{"id":"02fd6835-6001-4482-a892-13bd2085f75d","creationDate":"2026-11-01T00:00:00.000Z"},"eventType":"delete","renotification":true,"occurredAt":"2026-11-24T01:00:00.000Z","service":"cloud-object-storage","resourceCount":12}}"#;

/// The headers of the callback.
///
/// ```
/// let headers = keysync_receiver::sample::headers();
/// assert_eq!(headers["content-type"], "application/cloudevents+json");
/// assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1a,"));
/// ```
#[must_use]
pub fn headers() -> HeaderMap {
    const HEADERS: [(&str, &str); 4] = [
        ("content-type", "application/cloudevents+json"),
        (
            "webhook-id",
            "02fd6835-6001-4482-a892-13bd2085f75d_019aaf60-0000-7000-8000-000000000001_cloud-object-storage",
        ),
        ("webhook-timestamp", "1795496400"),
        (
            "webhook-signature",
            "v1a,xvzSqEAVxLw2asC2T0UDjTf7wwPombiUjQ9sQBY2O7eHQ7/gjjHlbmOw48JlpxiscpA08etUG/acxbbiOKmABQ==",
        ),
    ];
    let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    HEADERS.into_iter().map(header).collect()
}

/// The time of the signature: 2026-11-24T05:00:00Z.
///
/// ```
/// use std::time::UNIX_EPOCH;
///
/// let seconds = keysync_receiver::sample::signed_at().duration_since(UNIX_EPOCH).unwrap().as_secs();
/// assert_eq!(keysync_receiver::sample::headers()["webhook-timestamp"], seconds.to_string());
/// ```
#[must_use]
pub fn signed_at() -> SystemTime {
    const SECONDS: u64 = 1_795_496_400;
    UNIX_EPOCH + Duration::from_secs(SECONDS)
}
