//! Claims that IAM would not issue, with a valid signature: the function validates them without
//! IAM.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Forge, Hostile, twice};

/// Valid claims with one that is changed or added.
fn with(forge: &Forge, name: &str, value: Value) -> Hostile {
    let description: String = format!("{name} {value}").chars().take(60).collect();
    (description, forge.valid().claim(name, value).build().unwrap())
}

fn without(forge: &Forge, names: &[&'static str]) -> Vec<Hostile> {
    names.iter().map(|name| (format!("no {name}"), forge.valid().without(name).build().unwrap())).collect()
}

fn given_twice(forge: &Forge, name: &str, value: impl Into<Value>) -> Hostile {
    let (header, claims) = forge.parts();
    (format!("{name} twice"), forge.signed(header.to_string(), twice(&claims, name, value)))
}

#[tokio::test]
async fn invalid_expiry_and_issue_times_are_rejected() {
    let forge = Forge::new().await;
    let minutes = |minutes| Duration::from_mins(minutes);
    let now = forge.parts().1["iat"].as_u64().unwrap();
    let mut tokens = vec![
        ("expired an hour ago".to_owned(), forge.valid().expired(minutes(60)).build().unwrap()),
        ("expired, leeway over".to_owned(), forge.valid().expired(minutes(1)).build().unwrap()),
        ("not valid yet".to_owned(), forge.valid().not_before(minutes(2)).build().unwrap()),
        with(&forge, "iat", json!(now + 120)),
        given_twice(&forge, "exp", now + 9000),
        given_twice(&forge, "iat", now),
    ];
    for exp in [
        json!(0),
        json!(-1),
        json!(null),
        json!((now + 60).to_string()),
        json!(true),
        json!([now + 60]),
        json!(-1e300),
    ] {
        tokens.push(with(&forge, "exp", exp));
    }
    for (name, invalid) in [
        ("iat", json!(1e300)),
        ("iat", json!("now")),
        ("nbf", json!(1e300)),
        ("nbf", json!("now")),
        ("nbf", json!(null)),
    ] {
        tokens.push(with(&forge, name, invalid));
    }
    let (header, claims) = forge.parts();
    let infinite = claims.to_string().replacen("\"exp\":", "\"exp\":1e400,\"was\":", 1);
    tokens.push(("exp is infinite".to_owned(), forge.signed(header.to_string(), infinite)));
    tokens.extend(without(&forge, &["exp", "iat"]));
    forge.assert_rejected(401, tokens).await;
    forge
        .assert_accepted(vec![
            ("within the leeway".to_owned(), forge.valid().expired(Duration::from_secs(30)).build().unwrap()),
            (
                "not a whole second".to_owned(),
                forge.valid().claim("exp", 60.5 + seconds(now)).build().unwrap(),
            ),
        ])
        .await;
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

#[tokio::test]
async fn foreign_or_lookalike_issuer_is_rejected() {
    let forge = Forge::new().await;
    let own = forge.parts().1["iss"].as_str().unwrap().to_owned();
    let mut tokens: Vec<Hostile> = [
        "https://attacker.example/identity",
        "https://iam.cloud.ibm.com.attacker.example/identity",
        "https://iam.cloud.ibm.com@attacker.example/identity",
        "https://iam.test.cloud.ibm.com/identity",
        "http://iam.cloud.ibm.com/identity",
        "https://IAM.cloud.ibm.com/identity",
        "https://iаm.cloud.ibm.com/identity", // a Cyrillic letter
        "https://iam.cloud.ibm.com/identity/",
        "https://iam.cloud.ibm.com/identity#",
        "https://iam.cloud.ibm.com/identity ",
        "https://iam.cloud.ibm.com/identity\u{0}",
        "https://iam.cloud.ibm.com",
        "iam.cloud.ibm.com/identity",
        "",
    ]
    .map(|issuer| with(&forge, "iss", json!(issuer)))
    .to_vec();
    for issuer in [json!([own]), json!(["https://attacker.example", own]), json!({"iss": own}), json!(null)] {
        tokens.push(with(&forge, "iss", issuer));
    }
    tokens.push(given_twice(&forge, "iss", "https://attacker.example"));
    tokens.extend(without(&forge, &["iss"]));
    forge.assert_rejected(401, tokens).await;
}

#[tokio::test]
async fn invalid_caller_or_account_is_rejected() {
    let forge = Forge::new().await;
    let account = forge.parts().1["account"]["bss"].as_str().unwrap().to_owned();
    let mut tokens = vec![
        given_twice(&forge, "iam_id", "IBMid-another"),
        given_twice(&forge, "account", json!({"bss": "another"})),
        with(&forge, "account", json!(account)),
        with(&forge, "account", json!([])),
        with(&forge, "account", json!([account])),
        with(&forge, "account", json!([true, account])),
        with(&forge, "account", json!([{"bss": account}])),
    ];
    for iam_id in [
        json!(""),
        json!(7),
        json!(null),
        json!(["a"]),
        json!("a\nb"),
        json!("a\u{0}"),
        json!("a".repeat(257)),
        json!(" "),
        json!("a b"),
        json!("IBMid-1 "),
        json!("a\u{7f}"),
        json!("a\u{a0}b"),
        json!("IBM\u{619};id-1"),
        json!("IBMid-\u{ff11}"),
        json!("\u{202e}1-diMBI"),
    ] {
        tokens.push(with(&forge, "iam_id", iam_id));
    }
    for bss in [
        json!(null),
        json!(7),
        json!(""),
        json!("*"),
        json!(format!("{account} ")),
        json!(format!("{account}:{}:key:x", forge.world.harness.instance())),
        json!("a/b"),
        json!("ä"),
        json!("a".repeat(129)),
    ] {
        tokens.push(with(&forge, "account", json!({"valid": true, "bss": bss})));
    }
    let (header, claims) = forge.parts();
    let two_accounts = claims.to_string().replacen("\"bss\":", "\"bss\":\"another\",\"bss\":", 1);
    tokens.push(("account.bss twice".to_owned(), forge.signed(header.to_string(), two_accounts)));
    tokens.extend(without(&forge, &["iam_id", "account"]));
    forge.assert_rejected(401, tokens).await;
}

/// IAM's access tokens have no audience: a token with one is an ID token, or for another service
/// (RFC 7519, section 4.1.3).
#[tokio::test]
async fn token_with_audience_is_rejected() {
    let forge = Forge::new().await;
    let audiences = [json!("default"), json!(["default", "keysync"]), json!(""), json!([]), json!(7)];
    forge.assert_rejected(401, audiences.map(|audience| with(&forge, "aud", audience)).to_vec()).await;
    forge.assert_accepted(vec![with(&forge, "aud", Value::Null)]).await;
}
