//! What has not even the form of a token, and what almost has.

use serde_json::json;

use super::{Forge, Hostile, encoded, twice};

fn named(tokens: &[(&str, String)]) -> Vec<Hostile> {
    tokens.iter().map(|(what, token)| ((*what).to_owned(), token.clone())).collect()
}

#[tokio::test]
async fn token_without_readable_subject_returns_400() {
    let forge = Forge::new().await;
    let token = forge.good().build().unwrap();
    let (header, claims) = forge.parts();
    let (head, claimed) = (header.to_string(), claims.to_string());
    let [first, second, third] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let signed = |claims: &str| forge.signed(&head, claims);
    let jwe = json!({"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"}).to_string();
    let tokens = [
        ("one word", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("two parts", format!("{first}.{second}")),
        ("four parts", format!("{token}.{third}")),
        ("a dot behind", format!("{token}.")),
        ("a dot before", format!(".{token}")),
        ("encrypted (JWE)", format!("{}.{third}.AAAA.{third}.AAAA", encoded(jwe))),
        ("a token in a token", signed(&token)),
        ("a token in quotes in a token", signed(&format!("\"{token}\""))),
        ("claims that are a list", signed(&format!("[{claimed}]"))),
        ("claims that are a list of texts", signed(r#"["somebody@example.com"]"#)),
        ("claims that are null", signed("null")),
        ("no claims", signed("")),
        ("claims with a tail", signed(&format!("{claimed}x"))),
        ("two sets of claims", signed(&format!("{claimed}{claimed}"))),
        ("claims behind a byte order mark", signed(&format!("\u{feff}{claimed}"))),
        ("claims that are cut short", signed(&claimed[..claimed.len() - 1])),
        ("claims that are no UTF-8", forge.signed(&head, [&claimed.as_bytes()[..9], &[0xC0, 0xAF]].concat())),
        ("claims in base64 with padding", format!("{first}.{second}=.{third}")),
        ("claims in other base64", format!("{first}.{}+/.{third}", &second[..second.len() - 2])),
        ("claims in percent-encoding", format!("{first}.%7B%22sub%22%3A%22a%22%7D.{third}")),
        ("no subject", forge.good().without("sub").build().unwrap()),
        ("an empty subject", forge.good().claim("sub", "").build().unwrap()),
        ("a subject that is a number", forge.good().claim("sub", 7).build().unwrap()),
        ("a subject that is a list", forge.good().claim("sub", json!(["a"])).build().unwrap()),
        ("a subject that is null", forge.good().claim("sub", json!(null)).build().unwrap()),
        ("two subjects", signed(&twice(&claims, "sub", "somebody else"))),
    ];
    forge.refuses(400, named(&tokens)).await;
    // What nobody reads may be as deep as it likes: no stack is used up by it.
    let deep = format!(r#"{{"a":{}{},{}"#, "[".repeat(3000), "]".repeat(3000), &claimed[1..]);
    forge.accepts(named(&[("claims nested deeply", signed(&deep))])).await;
}

/// `object` with one more member, whose value is no UTF-8.
fn hidden(object: &str) -> Vec<u8> {
    [b"{\"x-hidden\":\"\xc0\xaf\",", &object.as_bytes()[1..]].concat()
}

#[tokio::test]
async fn malformed_token_with_subject_returns_401() {
    let forge = Forge::new().await;
    let token = forge.good().build().unwrap();
    let (header, claims) = forge.parts();
    let (head, claimed) = (header.to_string(), claims.to_string());
    let [first, second, third] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let tokens = [
        ("a scheme within", format!("Bearer {token}")),
        ("no header", format!(".{second}.{third}")),
        ("a header that is a list", forge.signed(format!("[{head}]"), &claimed)),
        ("a header with a tail", forge.signed(format!("{head}{{}}"), &claimed)),
        ("a header behind a byte order mark", forge.signed(format!("\u{feff}{head}"), &claimed)),
        ("a header that is no JSON", forge.signed("alg=RS256", &claimed)),
        ("a header that is no UTF-8", forge.signed([head.as_bytes(), &[0xFF]].concat(), &claimed)),
        (
            "a header that is a list of texts",
            forge.signed(format!("[{}, {}]", header["alg"], header["kid"]), &claimed),
        ),
        ("a claim that nobody reads is no UTF-8", forge.signed(&head, hidden(&claimed))),
        ("a parameter that nobody reads is no UTF-8", forge.signed(hidden(&head), &claimed)),
        ("a header with padding", format!("{first}=.{second}.{third}")),
        ("over 16 KB", forge.good().claim("padding", "x".repeat(20_000)).build().unwrap()),
        ("over 16 KB of nothing", "x".repeat(17_000)),
        ("over 16 KB of dots", ".".repeat(17_000)),
    ];
    forge.refuses(401, named(&tokens)).await;
}

#[tokio::test]
async fn other_or_repeated_scheme_returns_400() {
    let forge = Forge::new().await;
    let token = forge.good().build().unwrap();
    for authorization in [
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer: {token}"),
        format!("\"Bearer\" {token}"),
        format!("Token {token}"),
        token.clone(),
        "Bearer".to_owned(),
        "Bearer null".to_owned(),
    ] {
        let (answer, nobody_was_asked) = forge.answer(&authorization).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "BEARER_SUB_EXTRACTION_ERR"),
            "{authorization}"
        );
        assert!(nobody_was_asked, "{authorization}");
    }
    for authorization in [format!("Bearer {token}, Bearer {token}x"), format!("Bearer {token},Basic eDp5")] {
        let (answer, nobody_was_asked) = forge.answer(&authorization).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "INVALID_FIELD_ERR"), "{authorization}");
        assert!(nobody_was_asked && !answer.message().contains(&token), "{authorization}");
    }
    let good = format!("bEARER  {token}");
    assert_eq!(
        forge.answer(&good).await.0.status,
        409,
        "case and blanks make no difference, and it was synced"
    );
}
