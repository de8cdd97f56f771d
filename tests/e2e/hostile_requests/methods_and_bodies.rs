//! Hostile methods, queries, cookies and bodies.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{OTHER_METHOD, PASSES, TOO_LARGE, Target};

#[tokio::test]
async fn other_methods_return_405() {
    let target = Target::new().await;
    let long = "A".repeat(100_000);
    let methods = [
        "GET",
        "HEAD",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "QUERY",
        "PRI",
        "SYNC",
        "post",
        "Post",
        "pOST",
        "",
        " ",
        " POST",
        "POST ",
        "POST\t",
        "POST\r\n",
        "POST / HTTP/1.1",
        "POST,POST",
        "POST\0",
        "P\u{0}ST",
        "P\u{d6}ST",
        "\u{ff30}\u{ff2f}\u{ff33}\u{ff34}",
        &long,
    ];
    target
        .assert_responses(
            methods.map(|method| (OTHER_METHOD, target.with("/requestContext/http/method", method))),
        )
        .await;
}

/// Method override conventions have no effect.
#[tokio::test]
async fn method_override_header_is_ignored() {
    let target = Target::new().await;
    let overridden = |by: &str, method: &str| {
        let mut event = target.with_header(by, "POST");
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawQueryString"] = json!("_method=POST");
        event["httpMethod"] = json!("POST");
        event
    };
    let by = ["x-http-method-override", "x-http-method", "x-method-override", ":method"];
    let rejected = by.map(|by| (OTHER_METHOD, overridden(by, "GET")));
    let passes = by.map(|by| (PASSES, target.with_header(by, "DELETE")));
    target.assert_responses(rejected.into_iter().chain(passes)).await;
}

#[tokio::test]
async fn queries_and_cookies_are_ignored() {
    let target = Target::new().await;
    let long = "a=b&".repeat(50_000);
    let queries = [
        "<script>",
        "\"`{}|\\^[]",
        "%",
        "%zz",
        "%00",
        "\0",
        "\r\nauthorization: Bearer a",
        " ",
        "#",
        "?",
        "é",
        "\u{202e}",
        "a[]=1",
        "bluemix-instance=a&x-kms-key-ring=b",
        "__proto__[a]=b",
        &long,
    ];
    let queries = queries.map(|query| (PASSES, target.with("/rawQueryString", query)));
    let cookies = [
        json!([]),
        json!(["a=\0"]),
        json!(["authorization=Bearer a"]),
        json!(vec!["a=b"; 10_000]),
        Value::Null,
    ];
    let cookies = cookies.map(|cookies| (PASSES, target.with("/cookies", cookies)));
    let parameters = [json!(null), json!({"a": null}), json!({"": ["a", 1]}), json!([]), json!("a")];
    let parameters = parameters.map(|parameters| (PASSES, target.with("/queryStringParameters", parameters)));
    target.assert_responses(queries.into_iter().chain(cookies).chain(parameters)).await;
}

/// A body is never needed nor parsed; an oversized one is rejected.
#[tokio::test]
async fn only_oversized_body_is_rejected() {
    let target = Target::new().await;
    let with = |body: &str, is_encoded: bool| {
        let mut event = target.with("/body", body);
        event["isBase64Encoded"] = json!(is_encoded);
        event
    };
    let zeros = |bytes: usize| BASE64_STANDARD.encode(vec![0; bytes]);
    let text = |bytes: usize| "a".repeat(bytes);
    target
        .assert_responses([
            (PASSES, target.with("/body", Value::Null)),
            (PASSES, with("", true)),
            (PASSES, with("", false)),
            (PASSES, with("!!! no base64 !!!", true)),
            (PASSES, with("YQ", true)),
            (PASSES, with("YQ==YQ==", true)),
            (PASSES, with(&zeros(10_240), true)),
            (PASSES, with(&text(10_240), false)),
            (PASSES, with("{\"a\":\0}\u{202e}é", false)),
            (PASSES, with(&"[".repeat(10_000), false)),
            (PASSES, with("0\r\n\r\nPOST /api/v2/keys/a/actions/sync HTTP/1.1\r\nhost: a\r\n\r\n", false)),
            (PASSES, with("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>", false)),
            (TOO_LARGE, with(&zeros(10_241), true)),
            (TOO_LARGE, with(&text(10_241), false)),
            (TOO_LARGE, with(&"é".repeat(5_121), false)),
            (TOO_LARGE, with(&"!".repeat(20_000), true)),
            (TOO_LARGE, with(&text(4_000_000), false)),
        ])
        .await;
}

/// Over a socket, through the function URL: a client can send bytes that are not valid UTF-8.
#[tokio::test]
async fn non_utf8_header_bytes_never_return_5xx() {
    let target = Target::new().await;
    let url = target.world.harness.sync_function().url();
    let (instance, bearer) = (target.world.harness.instance(), target.bearer());
    for (header, status) in [
        (&b"x-name: \xff\xfe\xfd"[..], "409"),
        (b"user-agent: \x80", "409"),
        (b"cookie: \xc0\xaf", "409"),
        (b"traceparent: \xf0\x28", "409"),
        (b"x-kms-key-ring: default\xff", "400"),
        (b"correlation-id: \xe9", "400"),
    ] {
        let mut connection = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let path = target.path();
        let head = format!(
            "POST {path}?%ff={{}} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: {bearer}\r\n"
        );
        let rest = format!("\r\nbluemix-instance: {instance}\r\n\r\n");
        connection.write_all(&[head.as_bytes(), header, rest.as_bytes()].concat()).await.unwrap();
        let mut response = Vec::new();
        connection.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{}: {response}",
            header.escape_ascii()
        );
    }
}
