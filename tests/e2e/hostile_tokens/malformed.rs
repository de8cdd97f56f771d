//! Malformed tokens, and strings that are not tokens.

use serde_json::json;

use super::{Forge, Hostile, encoded, twice};

fn named(tokens: &[(&str, String)]) -> Vec<Hostile> {
    tokens.iter().map(|(defect, token)| ((*defect).to_owned(), token.clone())).collect()
}

#[tokio::test]
async fn token_without_readable_subject_returns_400() {
    let forge = Forge::new().await;
    let token = forge.valid().build().unwrap();
    let (header, claims) = forge.parts();
    let (head, claimed) = (header.to_string(), claims.to_string());
    let [first, second, third] = token.split('.').collect::<Vec<_>>()[..] else { panic!("not three parts") };
    let signed = |claims: &str| forge.signed(&head, claims);
    let jwe = json!({"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"}).to_string();
    let tokens = [
        ("one word", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("two parts", format!("{first}.{second}")),
        ("four parts", format!("{token}.{third}")),
        ("a trailing dot", format!("{token}.")),
        ("a leading dot", format!(".{token}")),
        ("encrypted (JWE)", format!("{}.{third}.AAAA.{third}.AAAA", encoded(jwe))),
        ("a token inside a token", signed(&token)),
        ("a quoted token inside a token", signed(&format!("\"{token}\""))),
        ("claims: an array", signed(&format!("[{claimed}]"))),
        ("claims: an array of strings", signed(r#"["user@example.com"]"#)),
        ("claims: null", signed("null")),
        ("no claims", signed("")),
        ("claims with trailing data", signed(&format!("{claimed}x"))),
        ("two sets of claims", signed(&format!("{claimed}{claimed}"))),
        ("claims after a byte order mark", signed(&format!("\u{feff}{claimed}"))),
        ("truncated claims", signed(&claimed[..claimed.len() - 1])),
        ("claims in invalid UTF-8", forge.signed(&head, [&claimed.as_bytes()[..9], &[0xC0, 0xAF]].concat())),
        ("claims in base64 with padding", format!("{first}.{second}=.{third}")),
        ("claims in the other base64 alphabet", format!("{first}.{}+/.{third}", &second[..second.len() - 2])),
        ("claims in percent-encoding", format!("{first}.%7B%22sub%22%3A%22a%22%7D.{third}")),
        ("no subject", forge.valid().without("sub").build().unwrap()),
        ("an empty subject", forge.valid().claim("sub", "").build().unwrap()),
        ("subject: a number", forge.valid().claim("sub", 7).build().unwrap()),
        ("subject: an array", forge.valid().claim("sub", json!(["a"])).build().unwrap()),
        ("subject: null", forge.valid().claim("sub", json!(null)).build().unwrap()),
        ("two subjects", signed(&twice(&claims, "sub", "another"))),
    ];
    forge.assert_rejected(400, named(&tokens)).await;
    // An unread claim may be nested deeply: skipping it does not exhaust the stack.
    let deep = format!(r#"{{"a":{}{},{}"#, "[".repeat(3000), "]".repeat(3000), &claimed[1..]);
    forge.assert_accepted(named(&[("claims nested deeply", signed(&deep))])).await;
}

/// `object` with one more member, whose value is invalid UTF-8.
fn hidden(object: &str) -> Vec<u8> {
    [b"{\"x-hidden\":\"\xc0\xaf\",", &object.as_bytes()[1..]].concat()
}

#[tokio::test]
async fn malformed_token_with_subject_returns_401() {
    let forge = Forge::new().await;
    let token = forge.valid().build().unwrap();
    let (header, claims) = forge.parts();
    let (head, claimed) = (header.to_string(), claims.to_string());
    let [first, second, third] = token.split('.').collect::<Vec<_>>()[..] else { panic!("not three parts") };
    let tokens = [
        ("a scheme inside the token", format!("Bearer {token}")),
        ("no header", format!(".{second}.{third}")),
        ("header: an array", forge.signed(format!("[{head}]"), &claimed)),
        ("a header with trailing data", forge.signed(format!("{head}{{}}"), &claimed)),
        ("a header after a byte order mark", forge.signed(format!("\u{feff}{head}"), &claimed)),
        ("a header that is not JSON", forge.signed("alg=RS256", &claimed)),
        ("a header in invalid UTF-8", forge.signed([head.as_bytes(), &[0xFF]].concat(), &claimed)),
        (
            "header: an array of strings",
            forge.signed(format!("[{}, {}]", header["alg"], header["kid"]), &claimed),
        ),
        ("an unread claim in invalid UTF-8", forge.signed(&head, hidden(&claimed))),
        ("an unread parameter in invalid UTF-8", forge.signed(hidden(&head), &claimed)),
        ("a header with padding", format!("{first}=.{second}.{third}")),
        ("over 16 KB", forge.valid().claim("padding", "x".repeat(20_000)).build().unwrap()),
        ("over 16 KB without a dot", "x".repeat(17_000)),
        ("over 16 KB of dots", ".".repeat(17_000)),
    ];
    forge.assert_rejected(401, named(&tokens)).await;
}

#[tokio::test]
async fn other_or_repeated_scheme_returns_400() {
    let forge = Forge::new().await;
    let token = forge.valid().build().unwrap();
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
        let (response, no_calls) = forge.send(&authorization).await;
        assert_eq!(
            (response.status.as_u16(), response.code()),
            (400, "BEARER_SUB_EXTRACTION_ERR"),
            "{authorization}"
        );
        assert!(no_calls, "{authorization}");
    }
    for authorization in [format!("Bearer {token}, Bearer {token}x"), format!("Bearer {token},Basic eDp5")] {
        let (response, no_calls) = forge.send(&authorization).await;
        assert_eq!(
            (response.status.as_u16(), response.code()),
            (400, "INVALID_FIELD_ERR"),
            "{authorization}"
        );
        assert!(no_calls && !response.message().contains(&token), "{authorization}");
    }
    let accepted = format!("bEARER  {token}");
    assert_eq!(
        forge.send(&accepted).await.0.status,
        409,
        "case and spaces make no difference; the window is closed"
    );
}
