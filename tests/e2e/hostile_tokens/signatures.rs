//! Signatures that IAM did not make, or not for this token.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Forge, Hostile, encoded, read};

/// IAM's published key with this id.
async fn published(forge: &Forge, kid: &str) -> Value {
    let url = format!("{}/identity/keys", forge.world.harness.iam_url());
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
    let set = forge.world.manager.send(request).await.unwrap().body;
    let keys = set["keys"].as_array().unwrap();
    keys.iter().find(|key| key["kid"] == kid).unwrap().clone()
}

/// Algorithm confusion (RFC 8725, section 2.1): the public key serves as an HMAC secret.
#[tokio::test]
async fn public_key_as_hmac_secret_is_rejected() {
    let forge = Forge::new().await;
    let (mut header, claims) = forge.parts();
    let key = published(&forge, header["kid"].as_str().unwrap()).await;
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let secrets = [
        ("the modulus", modulus),
        ("the modulus in base64", key["n"].as_str().unwrap().into()),
        ("the whole JWK", key.to_string().into()),
        ("the key id", key["kid"].as_str().unwrap().into()),
        ("nothing", Vec::new()),
    ];
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("RS256", hmac::HMAC_SHA256)];
    let mut tokens = Vec::new();
    for (alg, algorithm) in algorithms {
        header["alg"] = json!(alg);
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        for (name, secret) in &secrets {
            let mac = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            tokens.push((format!("{alg} with {name}"), format!("{message}.{}", encoded(mac))));
        }
    }
    forge.assert_rejected(401, tokens).await;
}

#[tokio::test]
async fn invalid_or_borrowed_signature_is_rejected() {
    let forge = Forge::new().await;
    let token = forge.valid().build().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let other = forge.valid().claim("jti", "another").build().unwrap();
    let others_signature = other.rsplit_once('.').unwrap().1;
    let other_claims = {
        let mut claims = read(&token, 1);
        claims["iam_id"] = json!("IBMid-another");
        encoded(claims.to_string())
    };
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    let one = [vec![0; 255], vec![1]].concat();
    let with = |defect: &str, signature: &str| (defect.to_owned(), format!("{message}.{signature}"));
    let tokens: Vec<Hostile> = vec![
        with("stripped", ""),
        with("another token's", others_signature),
        with("one bit flipped", &encoded(&flipped)),
        with("truncated", &encoded(&bytes[..255])),
        with("a byte longer", &encoded([&bytes[..], &[0]].concat())),
        with("a zero before it", &encoded([&[0], &bytes[..]].concat())),
        with("zeros", &encoded([0; 256])),
        with("one", &encoded(one)),
        with("ones", &encoded([0xFF; 256])),
        with("padded", &format!("{signature}==")),
        with("containing a space", &format!("{} {}", &signature[..9], &signature[9..])),
        with("in the other base64 alphabet", &format!("{}+/", &signature[..signature.len() - 2])),
        with("not base64", "%%%"),
        ("of other claims".to_owned(), format!("{header}.{other_claims}.{signature}")),
        ("of another header".to_owned(), {
            let mut header = read(&token, 0);
            header["x"] = json!(1);
            format!("{}.{claims}.{signature}", encoded(header.to_string()))
        }),
        ("of an unknown key".to_owned(), forge.valid().signed_with_unknown_key().build().unwrap()),
        // Both keys are published; the token names the one that did not sign.
        ("of the other key".to_owned(), forge.valid().header("kid", forge.old_kid.as_str()).build().unwrap()),
    ];
    forge.assert_rejected(401, tokens).await;
}

/// RFC 8725, section 3.10, and CVE-2018-0114: the token supplies its own key.
#[tokio::test]
async fn key_embedded_in_token_is_ignored() {
    let forge = Forge::new().await;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = pair.public_key();
    let jwk = json!({
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "mine",
        "n": encoded(public.modulus().big_endian_without_leading_zero()),
        "e": encoded(public.exponent().big_endian_without_leading_zero()),
    });
    let known = forge.parts().0["kid"].clone();
    let mut tokens = Vec::new();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!(forge.key_url())),
        ("x5u", json!(forge.key_url())),
        ("x5c", json!([encoded(public.as_ref())])),
        ("x5t", json!("mine")),
        ("jwk", json!("no key")),
    ] {
        for kid in [known.clone(), json!("mine"), json!(forge.key_url())] {
            let (mut header, claims) = forge.parts();
            header[name] = value.clone();
            header["kid"] = kid.clone();
            let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
            let mut signature = vec![0; pair.public_modulus_len()];
            let random = SystemRandom::new();
            pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
            tokens.push((format!("{name}, kid {kid}"), format!("{message}.{}", encoded(signature))));
        }
    }
    forge.assert_rejected(401, tokens).await;
}
