//! Hostile headers: a header that the function reads must be valid and unambiguous; all others are
//! ignored.

use serde_json::{Value, json};

use super::{BAD_FIELD, Expected, NO_SUBJECT, PASSES, Target, UNAUTHORIZED, UNKNOWN_KEY};
use crate::support::HOUR;

impl Target {
    async fn assert_header_responses(&self, name: &str, values: &[(Expected, &str)]) {
        let instance = self.world.harness.instance().to_string();
        let events = values.iter().map(|(expected, value)| {
            let value = value.replace("{bearer}", &self.bearer()).replace("{instance}", &instance);
            (*expected, self.with_header(name, value))
        });
        self.assert_responses(events).await;
    }
}

#[tokio::test]
async fn malformed_authorization_is_rejected() {
    let target = Target::new().await;
    let token = target.world.manager.token().clone();
    let with = |value: String| target.with_header("authorization", value);
    target
        .assert_responses([
            (UNAUTHORIZED, target.with_header("authorization", "")),
            (NO_SUBJECT, target.with_header("authorization", "Bearer")),
            (NO_SUBJECT, target.with_header("authorization", "Bearer ")),
            (NO_SUBJECT, with(token.clone())),
            (NO_SUBJECT, with(format!("Bearer{token}"))),
            (NO_SUBJECT, with(format!("Bearer\t{token}"))),
            (NO_SUBJECT, with(format!("Basic {token}"))),
            (UNAUTHORIZED, with(format!("Bearer Bearer {token}"))),
            (UNAUTHORIZED, with(format!("Bearer \"{token}\""))),
            (UNAUTHORIZED, with(format!("Bearer token={token}"))),
            (BAD_FIELD, with(format!("Bearer {token}, Basic YTpi"))),
            (BAD_FIELD, with(format!("Bearer {token},Bearer a.b.c"))),
            (BAD_FIELD, with(format!("Bearer {token}\0"))),
            (BAD_FIELD, with(format!("Bearer {token}\r\nbluemix-instance: a"))),
            (BAD_FIELD, with(format!("Bearer {token}\u{a0}"))),
            (BAD_FIELD, with(format!("\u{feff}Bearer {token}"))),
            (UNAUTHORIZED, with(format!("Bearer {}", "a".repeat(1_000_000)))),
            (PASSES, with(format!("Bearer {token},Bearer {token}"))),
            (PASSES, with(format!("bEARER   {token}  "))),
            (BAD_FIELD, target.with_header("Authorization", "Bearer a.b.c")),
            (PASSES, target.with_header("Authorization", target.bearer())),
            (PASSES, target.with_header("proxy-authorization", "Bearer a.b.c")),
            (PASSES, target.with_header("authorization ", "Bearer a.b.c")),
        ])
        .await;
}

#[tokio::test]
async fn malformed_instance_and_ring_are_rejected() {
    let target = Target::new().await;
    let long = "a".repeat(101);
    target
        .assert_header_responses(
            "bluemix-instance",
            &[
                (BAD_FIELD, ""),
                (BAD_FIELD, "{instance}, 02fd6835-6001-4482-a892-13bd2085f75d"),
                (BAD_FIELD, "{instance},"),
                (BAD_FIELD, "{{instance}}"),
                (BAD_FIELD, "urn:uuid:{instance}"),
                (BAD_FIELD, "{instance}\0"),
                (BAD_FIELD, "{instance}\r\nx-kms-key-ring: a"),
                (BAD_FIELD, "{instance}#key"),
                (BAD_FIELD, "{instance}:key:*"),
                (BAD_FIELD, "*"),
                (BAD_FIELD, "../{instance}"),
                (BAD_FIELD, "\u{ff11}{instance}"),
                (PASSES, " {instance} "),
                (PASSES, "{instance},{instance}"),
            ],
        )
        .await;
    target
        .assert_header_responses(
            "x-kms-key-ring",
            &[
                (BAD_FIELD, ""),
                (BAD_FIELD, "default\0"),
                (BAD_FIELD, "default\r\n"),
                (BAD_FIELD, "d\u{e9}fault"),
                (BAD_FIELD, "default,other"),
                (BAD_FIELD, "../default"),
                (BAD_FIELD, "default#"),
                (BAD_FIELD, "*"),
                (BAD_FIELD, &long),
                (UNKNOWN_KEY, "Default"),
                (UNKNOWN_KEY, "other"),
                (PASSES, "default"),
                (PASSES, "default, default"),
            ],
        )
        .await;
}

/// An unreadable header counts as present: if it were ignored, a key ring would not be checked.
#[tokio::test]
async fn unreadable_header_is_never_ignored() {
    let target = Target::new().await;
    for name in
        ["correlation-id", "x-correlation-id", "host", "bluemix-instance", "x-kms-key-ring", "authorization"]
    {
        target
            .assert_header_responses(
                name,
                &[(BAD_FIELD, "a\0"), (BAD_FIELD, "\n"), (BAD_FIELD, "\u{e9}"), (BAD_FIELD, "\u{7f}")],
            )
            .await;
    }
}

#[tokio::test]
async fn invalid_correlation_id_rejected_invalid_trace_ignored() {
    let target = Target::new().await;
    let (longest, longer) = ("c".repeat(128), "c".repeat(129));
    for name in ["correlation-id", "x-correlation-id"] {
        target
            .assert_header_responses(
                name,
                &[
                    (BAD_FIELD, ""),
                    (BAD_FIELD, "two words"),
                    (BAD_FIELD, "a,b"),
                    (BAD_FIELD, "a\r\nset-cookie: a=b"),
                    (BAD_FIELD, &longer),
                    (PASSES, &longest),
                    (PASSES, "<script>alert(1)</script>"),
                    (PASSES, "${jndi:ldap://a}"),
                ],
            )
            .await;
    }
    let long = "a=b,".repeat(100_000);
    for name in ["traceparent", "tracestate", "x-amzn-trace-id"] {
        target
            .assert_header_responses(
                name,
                &[
                    (PASSES, ""),
                    (PASSES, "00-\r\n"),
                    (PASSES, "\0"),
                    (PASSES, "é"),
                    (PASSES, "00-0-0-0,00-0-0-0"),
                    (PASSES, &long),
                ],
            )
            .await;
    }
}

/// A host name matters only if it names an instance.
#[tokio::test]
async fn malformed_host_is_ignored_and_foreign_rejected() {
    let target = Target::new().await;
    let values = [
        "",
        " ",
        "a b",
        "[",
        "[::1",
        "user@host",
        "host:99999999",
        "%zz",
        "..",
        "https://host/",
        "a.api.b",
        "127.0.0.1",
    ];
    target.assert_header_responses("host", &values.map(|value| (PASSES, value))).await;
    let other = "02fd6835-6001-4482-a892-13bd2085f75d.api.us-south.hs-crypto.appdomain.cloud";
    let own = "{instance}.api.us-south.hs-crypto.appdomain.cloud";
    let both = format!("{own},{other}");
    target.assert_header_responses("host", &[(BAD_FIELD, other), (BAD_FIELD, &both), (PASSES, own)]).await;
}

/// Lambda has read the whole request before it invokes the function, which parses no framing again.
#[tokio::test]
async fn framing_and_routing_headers_are_ignored() {
    let target = Target::new().await;
    let others = [
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "chunked, identity"),
        ("transfer-encoding", "\u{b}chunked"),
        ("content-length", "-1"),
        ("content-length", "1,2"),
        ("content-length", "99999999999999999999"),
        ("content-length", "0x10"),
        ("connection", "authorization"),
        ("connection", "upgrade"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("expect", "\0"),
        ("content-encoding", "gzip"),
        ("content-type", "a/b; charset=\0"),
        ("trailer", "host"),
        ("x-forwarded-proto", "::"),
        ("x-forwarded-proto", ""),
        ("x-forwarded-proto", "javascript"),
        ("x-forwarded-host", "elsewhere.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=elsewhere.example"),
        ("x-original-url", "/.well-known/jwks.json"),
        ("x-rewrite-url", "/.well-known/jwks.json"),
        ("x-amz-date", "20200101T000000Z"),
        ("x-amzn-requestid", "a"),
        ("origin", "null"),
        ("x-name", "J\u{fc}rgen"),
        ("x-name", "\u{1f511}"),
        ("x-name", "a\r\nauthorization: Bearer a"),
        ("x-name", "\0\u{1}\u{7f}"),
        ("", "a"),
        ("a b", "a"),
        ("\u{e9}", "a"),
        ("a\r\nb", "a"),
        (":authority", "a"),
        ("(a)", "b"),
        ("__proto__", "a"),
    ];
    target.assert_responses(others.map(|(name, value)| (PASSES, target.with_header(name, value)))).await;
}

#[tokio::test]
async fn many_and_large_headers_are_accepted() {
    let target = Target::new().await;
    let mut many = target.valid();
    for n in 0..40_000 {
        many["headers"][format!("x-{n}")] = json!("a");
    }
    let large = target.with_header("x-large", "a".repeat(4_000_000));
    let long = target.with_header(&"x".repeat(1_000_000), "a");
    target
        .assert_responses([
            (PASSES, many),
            (PASSES, large),
            (PASSES, long),
            (UNAUTHORIZED, target.with("/headers", Value::Null)),
        ])
        .await;
}

/// A line break in a forwarded value would let the caller inject a header or a second request.
#[tokio::test]
async fn line_breaks_inject_no_callback_header() {
    let target = Target::new().await;
    let service = target.world.harness.object_storage();
    let names = |nth: usize| service.received()[nth].headers.keys().cloned().collect::<Vec<_>>();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (nth, breaks) in
        ["\r\n", "\n", "\r", "\0", "\u{85}", "\u{2028}", "\u{10a}\u{10d}", "%0d%0a\n"].into_iter().enumerate()
    {
        target.world.advance_clock(HOUR).await;
        let injected = format!("a=b{breaks}x-injected: 1{breaks}{breaks}POST / HTTP/1.1{breaks}");
        let mut event = target.with_header("traceparent", parent);
        for name in ["tracestate", "user-agent", "x-amzn-trace-id", "webhook-id", "content-type", &injected] {
            event["headers"][name] = json!(injected);
        }
        let response = target.world.harness.sync_function().process().unwrap().invoke(&event).await.unwrap();
        assert_eq!(response["statusCode"], 204, "{breaks:?}");
        assert_eq!(service.received().len(), nth + 2, "one callback each");
        assert_eq!(names(nth + 1), names(0), "{breaks:?}");
        let callback = format!("{:?}", service.received()[nth + 1]);
        assert!(
            !callback.contains("injected") && callback.contains("4bf92f3577b34da6a3ce929d0e0e4736"),
            "{callback}"
        );
    }
}
