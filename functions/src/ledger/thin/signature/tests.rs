//! Compares signatures with those of `aws-sigv4`, which the SDK uses.

use std::time::Duration;

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::client::identity::Identity;

use super::*;

const HOST: &str = "dynamodb.us-east-1.amazonaws.com";
/// 2026-11-28T23:59:50Z.
const BEFORE_MIDNIGHT: u64 = 1_795_910_390;

fn signer() -> Signer {
    let scope = Scope { region: "us-east-1".to_owned(), service: "dynamodb".to_owned() };
    Signer::new(HOST.to_owned(), scope)
}

fn credentials(secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None, "test")
}

/// The `authorization` header of `aws-sigv4`.
fn reference(ToSign { credentials, now, body }: &ToSign<'_>) -> String {
    let identity = Identity::from((*credentials).clone());
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("dynamodb")
        .time(*now)
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let headers = [("content-type", CONTENT_TYPE), ("host", HOST), (TARGET, UPDATE_ITEM)];
    let request = SignableRequest::new(
        "POST",
        format!("https://{HOST}/"),
        headers.into_iter(),
        SignableBody::Bytes(body),
    );
    let (instructions, _) = sign(request.unwrap(), &params.into()).unwrap().into_parts();
    let header = instructions.headers().find(|(name, _)| *name == "authorization");
    header.unwrap().1.to_owned()
}

#[test]
fn ten_thousand_signatures_match_the_reference() {
    let signer = signer();
    let all = [
        credentials("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
        credentials("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Some("IQoJb3JpZ2luX2VjEXAMPLE//=")),
        credentials("another secret", Some("another token")),
    ];
    let mut random = fastrand::Rng::with_seed(25);
    for n in 0..10_000_u64 {
        // The credentials change every 500 requests; the day, to and fro, with the random second.
        let credentials = &all[usize::try_from(n / 500).unwrap() % all.len()];
        let at = BEFORE_MIDNIGHT + random.u64(0..20);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(at * 1000 + n % 1000);
        let body: Vec<u8> = (0..random.usize(0..2000)).map(|_| random.u8(..)).collect();
        let request = ToSign { credentials, now, body: &body };
        let found = signer.sign(&request).unwrap();
        assert_eq!(found.authorization, reference(&request), "request {n}");
    }
}

#[test]
fn times_are_written_and_read_as_by_aws() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(BEFORE_MIDNIGHT * 1000 + 999);
    assert_eq!(amz_date(time).unwrap(), "20261128T235950Z");
    let seconds = parse_amz_date("20261128T235950Z").map(Timestamp::as_second);
    assert_eq!(seconds, i64::try_from(BEFORE_MIDNIGHT).ok());
    for invalid in ["", "20261128", "20261128T235950", "2026-11-28T23:59:50Z", "20261328T235950Z"] {
        assert_eq!(parse_amz_date(invalid), None, "{invalid}");
    }
}

#[test]
fn scope_is_read_from_a_signed_request() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(BEFORE_MIDNIGHT);
    let request = ToSign { credentials: &credentials("secret", None), now, body: b"{}" };
    let Scope { region, service } = Scope::parse(&reference(&request)).unwrap();
    assert_eq!((region.as_str(), service.as_str()), ("us-east-1", "dynamodb"));
    for other in
        ["Bearer x", "AWS4-HMAC-SHA256 Credential=AKID/20261128/us-east-1", "AWS4-ECDSA-P256-SHA256 x"]
    {
        assert!(Scope::parse(other).is_none(), "{other}");
    }
}
