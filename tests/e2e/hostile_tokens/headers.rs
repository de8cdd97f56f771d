//! Token headers: a token chooses neither its algorithm nor its key.

use serde_json::{Value, json};

use super::{Forge, Hostile, twice};

#[tokio::test]
async fn other_signature_algorithm_is_rejected() {
    let forge = Forge::new().await;
    let with = |alg: Value| (format!("alg {alg}"), forge.valid().header("alg", alg).build().unwrap());
    let mut tokens: Vec<Hostile> = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "EdDSA",
        "rs256",
        "RS256 ",
        "ＲＳ２５６",
        "RSA-OAEP",
        "dir",
    ]
    .map(|alg| with(json!(alg)))
    .to_vec();
    let other_forms =
        [json!(null), json!(256), json!(["RS256"]), json!({"RS256": true}), json!({"RS256": null})];
    tokens.extend(other_forms.map(with));
    let (header, claims) = forge.parts();
    let mut without = header.clone();
    without.as_object_mut().unwrap().remove("alg");
    for (defect, header) in [
        ("no alg", without.to_string()),
        ("alg twice, none first", twice(&header, "alg", "none")),
        ("alg twice, the same", twice(&header, "alg", "RS256")),
    ] {
        tokens.push((defect.to_owned(), forge.signed(header, claims.to_string())));
    }
    forge.assert_rejected(401, tokens).await;
}

#[tokio::test]
async fn unpublished_key_id_is_rejected() {
    let forge = Forge::new().await;
    let known = forge.parts().0["kid"].as_str().unwrap().to_owned();
    let kids = [
        json!(null),
        json!(7),
        json!([known]),
        json!({"kid": known}),
        json!(""),
        json!("unknown"),
        json!("../../../../../../dev/null"),
        json!("/etc/passwd"),
        json!("file:///dev/null"),
        json!("https://attacker.example/keys"),
        json!("' OR '1'='1"),
        json!("x' UNION SELECT 'key' --"),
        json!("$(id)|`id`;id"),
        json!("{{7*7}}"),
        json!(format!("{known} ")),
        json!(format!("{known}\u{0}")),
        json!(format!("{known}\n")),
        json!(known.to_uppercase()),
        json!(known.replace('e', "е")), // Cyrillic
        json!("k".repeat(8000)),
    ];
    let mut tokens = kids
        .map(|kid| {
            let description: String = format!("kid {kid}").chars().take(60).collect();
            (description, forge.valid().header("kid", kid).build().unwrap())
        })
        .to_vec();
    let (header, claims) = forge.parts();
    let mut without = header.clone();
    without.as_object_mut().unwrap().remove("kid");
    tokens.push(("no kid".to_owned(), forge.signed(without.to_string(), claims.to_string())));
    tokens.push(("kid twice".to_owned(), forge.signed(twice(&header, "kid", "other"), claims.to_string())));
    forge.assert_rejected(401, tokens).await;
}

#[tokio::test]
async fn critical_extension_and_other_token_types_are_rejected() {
    let forge = Forge::new().await;
    let with = |name: &str, value: Value| {
        (format!("{name} {value}"), forge.valid().header(name, value).build().unwrap())
    };
    let unencoded = forge.valid().header("crit", json!(["b64"])).header("b64", false).build().unwrap();
    let mut tokens = vec![
        with("crit", json!(["exp"])),
        with("crit", json!([])),
        with("crit", json!("exp")),
        with("crit", json!({"exp": true})),
        with("crit", json!(null)),
        ("unencoded payload (RFC 7797)".to_owned(), unencoded),
    ];
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "id_token", "JOSE", "JWE", ""] {
        tokens.push(with("typ", json!(typ)));
    }
    tokens.extend([json!(["JWT"]), json!(null), json!({"JWT": null})].map(|typ| with("typ", typ)));
    forge.assert_rejected(401, tokens).await;
}

#[tokio::test]
async fn irrelevant_header_parameters_are_accepted() {
    let forge = Forge::new().await;
    let (header, claims) = forge.parts();
    let mut untyped = header.clone();
    untyped.as_object_mut().unwrap().remove("typ");
    let with = |name: &str, value: Value| {
        (format!("{name} {value}"), forge.valid().header(name, value).build().unwrap())
    };
    let tokens = vec![
        ("no typ".to_owned(), forge.signed(untyped.to_string(), claims.to_string())),
        with("typ", json!("jwt")),
        with("typ", json!("at+jwt")),
        with("typ", json!("application/at+jwt")),
        with("x-vendor", json!({"anything": [1, 2, 3]})),
        // Key URLs and certificates are ignored, so they do no harm next to a valid signature.
        with("jku", json!(forge.key_url())),
        with("x5u", json!(forge.key_url())),
        with("x5c", json!(["MIIB"])),
    ];
    forge.assert_accepted(tokens).await;
    forge.assert_rejected(401, Vec::new()).await;
}
