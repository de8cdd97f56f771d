//! Methods, queries, cookies and bodies.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Gate, NO_METHOD, PASSES, TOO_LARGE};

#[tokio::test]
async fn what_is_not_post() {
    let gate = Gate::new().await;
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
    gate.answers(methods.map(|method| (NO_METHOD, gate.with("/requestContext/http/method", method)))).await;
}

/// Whatever says that another method was meant, it is not asked.
#[tokio::test]
async fn a_method_that_something_else_overrides() {
    let gate = Gate::new().await;
    let overridden = |by: &str, method: &str| {
        let mut event = gate.with_header(by, "POST");
        event["requestContext"]["http"]["method"] = json!(method);
        event["rawQueryString"] = json!("_method=POST");
        event["httpMethod"] = json!("POST");
        event
    };
    let by = ["x-http-method-override", "x-http-method", "x-method-override", ":method"];
    let refused = by.map(|by| (NO_METHOD, overridden(by, "GET")));
    let passes = by.map(|by| (PASSES, gate.with_header(by, "DELETE")));
    gate.answers(refused.into_iter().chain(passes)).await;
}

#[tokio::test]
async fn queries_and_cookies_are_not_looked_at() {
    let gate = Gate::new().await;
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
    let queries = queries.map(|query| (PASSES, gate.with("/rawQueryString", query)));
    let cookies = [
        json!([]),
        json!(["a=\0"]),
        json!(["authorization=Bearer a"]),
        json!(vec!["a=b"; 10_000]),
        Value::Null,
    ];
    let cookies = cookies.map(|cookies| (PASSES, gate.with("/cookies", cookies)));
    let parameters = [json!(null), json!({"a": null}), json!({"": ["a", 1]}), json!([]), json!("a")];
    let parameters = parameters.map(|parameters| (PASSES, gate.with("/queryStringParameters", parameters)));
    gate.answers(queries.into_iter().chain(cookies).chain(parameters)).await;
}

/// None is needed, none is parsed, and one that is too large is refused.
#[tokio::test]
async fn bodies_count_by_their_size() {
    let gate = Gate::new().await;
    let with = |body: &str, is_encoded: bool| {
        let mut event = gate.with("/body", body);
        event["isBase64Encoded"] = json!(is_encoded);
        event
    };
    let zeros = |bytes: usize| BASE64_STANDARD.encode(vec![0; bytes]);
    let text = |bytes: usize| "a".repeat(bytes);
    gate.answers([
        (PASSES, gate.with("/body", Value::Null)),
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

/// Over a socket, through the function URL: a client may send what is no text in any encoding.
#[tokio::test]
async fn bytes_that_are_no_text() {
    let gate = Gate::new().await;
    let url = gate.world.harness.sync_function().url();
    let (instance, bearer) = (gate.world.harness.instance(), gate.bearer());
    for (header, status) in [
        (&b"x-name: \xff\xfe\xfd"[..], "409"),
        (b"user-agent: \x80", "409"),
        (b"cookie: \xc0\xaf", "409"),
        (b"traceparent: \xf0\x28", "409"),
        (b"x-kms-key-ring: default\xff", "400"),
        (b"correlation-id: \xe9", "400"),
    ] {
        let mut connection = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let path = gate.path();
        let head = format!(
            "POST {path}?%ff={{}} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: {bearer}\r\n"
        );
        let rest = format!("\r\nbluemix-instance: {instance}\r\n\r\n");
        connection.write_all(&[head.as_bytes(), header, rest.as_bytes()].concat()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", header.escape_ascii());
    }
}
