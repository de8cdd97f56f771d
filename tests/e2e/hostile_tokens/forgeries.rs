//! Signatures that were not made by IAM, or not for this token.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Forge, Hostile, encoded, read};

/// IAM's published key of this name.
async fn published(forge: &Forge, kid: &str) -> Value {
    let url = format!("{}/identity/keys", forge.world.harness.iam_url());
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
    let set = forge.world.manager.send(request).await.unwrap().body;
    let keys = set["keys"].as_array().unwrap();
    keys.iter().find(|key| key["kid"] == kid).unwrap().clone()
}

/// The oldest trick: where one key serves for both, what is public becomes the shared secret.
#[tokio::test]
async fn the_public_key_as_a_shared_secret() {
    let forge = Forge::new().await;
    let (mut header, claims) = forge.parts();
    let key = published(&forge, header["kid"].as_str().unwrap()).await;
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let secrets = [
        ("the modulus", modulus),
        ("the modulus as text", key["n"].as_str().unwrap().into()),
        ("the whole JWK", key.to_string().into()),
        ("the key's name", key["kid"].as_str().unwrap().into()),
        ("nothing", Vec::new()),
    ];
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("RS256", hmac::HMAC_SHA256)];
    let mut tokens = Vec::new();
    for (alg, algorithm) in algorithms {
        header["alg"] = json!(alg);
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        for (what, secret) in &secrets {
            let mac = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            tokens.push((format!("{alg} with {what}"), format!("{message}.{}", encoded(mac))));
        }
    }
    forge.refuses(401, tokens).await;
}

#[tokio::test]
async fn a_signature_that_is_none_or_another_s() {
    let forge = Forge::new().await;
    let token = forge.good().build().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let other = forge.good().claim("jti", "another").build().unwrap();
    let others_signature = other.rsplit_once('.').unwrap().1;
    let richer = {
        let mut claims = read(&token, 1);
        claims["iam_id"] = json!("IBMid-somebody-richer");
        encoded(claims.to_string())
    };
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    let one = [vec![0; 255], vec![1]].concat();
    let with = |what: &str, signature: &str| (what.to_owned(), format!("{message}.{signature}"));
    let tokens: Vec<Hostile> = vec![
        with("stripped", ""),
        with("another token's", others_signature),
        with("one bit flipped", &encoded(&flipped)),
        with("cut short", &encoded(&bytes[..255])),
        with("a byte longer", &encoded([&bytes[..], &[0]].concat())),
        with("a zero before it", &encoded([&[0], &bytes[..]].concat())),
        with("zeros", &encoded([0; 256])),
        with("one", &encoded(one)),
        with("ones", &encoded([0xFF; 256])),
        with("padded", &format!("{signature}==")),
        with("with a blank in it", &format!("{} {}", &signature[..9], &signature[9..])),
        with("with other letters", &format!("{}+/", &signature[..signature.len() - 2])),
        with("not base64", "%%%"),
        ("other claims under it".to_owned(), format!("{header}.{richer}.{signature}")),
        ("another header over it".to_owned(), {
            let mut header = read(&token, 0);
            header["x"] = json!(1);
            format!("{}.{claims}.{signature}", encoded(header.to_string()))
        }),
        ("a stranger's".to_owned(), forge.good().signed_with_unknown_key().build().unwrap()),
        // Both keys are in the set; the token names the one that did not sign.
        ("the other key's".to_owned(), forge.good().header("kid", forge.old_kid.as_str()).build().unwrap()),
    ];
    forge.refuses(401, tokens).await;
}

/// RFC 8725, section 3.10, and CVE-2018-0114: the key would come with the token.
#[tokio::test]
async fn a_key_that_the_token_brings_along() {
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
        ("jku", json!(forge.elsewhere())),
        ("x5u", json!(forge.elsewhere())),
        ("x5c", json!([encoded(public.as_ref())])),
        ("x5t", json!("mine")),
        ("jwk", json!("no key")),
    ] {
        for kid in [known.clone(), json!("mine"), json!(forge.elsewhere())] {
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
    forge.refuses(401, tokens).await;
}
