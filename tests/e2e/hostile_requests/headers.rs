//! Headers: those that are read have to say what they must, once, and the others make no difference.

use serde_json::{Value, json};

use super::{BAD_FIELD, Expected, Gate, NO_KEY, NO_SUBJECT, PASSES, UNAUTHORIZED};
use crate::support::HOUR;

impl Gate {
    async fn answers_to_header(&self, name: &str, values: &[(Expected, &str)]) {
        let instance = self.world.harness.instance().to_string();
        let events = values.iter().map(|(expected, value)| {
            let value = value.replace("{bearer}", &self.bearer()).replace("{instance}", &instance);
            (*expected, self.with_header(name, value))
        });
        self.answers(events).await;
    }
}

#[tokio::test]
async fn who_asks() {
    let gate = Gate::new().await;
    let token = gate.world.manager.token().clone();
    let with = |value: String| gate.with_header("authorization", value);
    gate.answers([
        (UNAUTHORIZED, gate.with_header("authorization", "")),
        (NO_SUBJECT, gate.with_header("authorization", "Bearer")),
        (NO_SUBJECT, gate.with_header("authorization", "Bearer ")),
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
        (BAD_FIELD, gate.with_header("Authorization", "Bearer a.b.c")),
        (PASSES, gate.with_header("Authorization", gate.bearer())),
        (PASSES, gate.with_header("proxy-authorization", "Bearer a.b.c")),
        (PASSES, gate.with_header("authorization ", "Bearer a.b.c")),
    ])
    .await;
}

#[tokio::test]
async fn about_which_instance_and_ring() {
    let gate = Gate::new().await;
    let long = "a".repeat(101);
    gate.answers_to_header(
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
    gate.answers_to_header(
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
            (NO_KEY, "Default"),
            (NO_KEY, "other"),
            (PASSES, "default"),
            (PASSES, "default, default"),
        ],
    )
    .await;
}

/// A header that cannot be read is one that is there, and never one that is not: its ring would not be looked at.
#[tokio::test]
async fn one_that_cannot_be_read_is_not_passed_over() {
    let gate = Gate::new().await;
    for name in
        ["correlation-id", "x-correlation-id", "host", "bluemix-instance", "x-kms-key-ring", "authorization"]
    {
        gate.answers_to_header(
            name,
            &[(BAD_FIELD, "a\0"), (BAD_FIELD, "\n"), (BAD_FIELD, "\u{e9}"), (BAD_FIELD, "\u{7f}")],
        )
        .await;
    }
}

#[tokio::test]
async fn under_which_name_and_trace() {
    let gate = Gate::new().await;
    let (longest, longer) = ("c".repeat(128), "c".repeat(129));
    for name in ["correlation-id", "x-correlation-id"] {
        gate.answers_to_header(
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
        gate.answers_to_header(
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

/// Names of hosts are compared where they name an instance, and are nothing else here.
#[tokio::test]
async fn at_which_host() {
    let gate = Gate::new().await;
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
    gate.answers_to_header("host", &values.map(|value| (PASSES, value))).await;
    let other = "02fd6835-6001-4482-a892-13bd2085f75d.api.us-south.hs-crypto.appdomain.cloud";
    let own = "{instance}.api.us-south.hs-crypto.appdomain.cloud";
    let both = format!("{own},{other}");
    gate.answers_to_header("host", &[(BAD_FIELD, other), (BAD_FIELD, &both), (PASSES, own)]).await;
}

/// Lambda has read the request to its end before the function sees it: nothing in it is framed anew.
#[tokio::test]
async fn what_frames_and_routes_is_over() {
    let gate = Gate::new().await;
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
    gate.answers(others.map(|(name, value)| (PASSES, gate.with_header(name, value)))).await;
}

#[tokio::test]
async fn very_many_and_very_large_ones() {
    let gate = Gate::new().await;
    let mut many = gate.good();
    for n in 0..40_000 {
        many["headers"][format!("x-{n}")] = json!("a");
    }
    let large = gate.with_header("x-large", "a".repeat(4_000_000));
    let long = gate.with_header(&"x".repeat(1_000_000), "a");
    gate.answers([
        (PASSES, many),
        (PASSES, large),
        (PASSES, long),
        (UNAUTHORIZED, gate.with("/headers", Value::Null)),
    ])
    .await;
}

/// A line break in what goes on to the services would be a header of the caller's, or a second request.
#[tokio::test]
async fn none_becomes_a_header_of_a_callback() {
    let gate = Gate::new().await;
    let service = gate.world.harness.object_storage();
    let names = |nth: usize| service.received()[nth].headers.keys().cloned().collect::<Vec<_>>();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (nth, breaks) in
        ["\r\n", "\n", "\r", "\0", "\u{85}", "\u{2028}", "\u{10a}\u{10d}", "%0d%0a\n"].into_iter().enumerate()
    {
        gate.world.advance_clock(HOUR).await;
        let injected = format!("a=b{breaks}x-injected: 1{breaks}{breaks}POST / HTTP/1.1{breaks}");
        let mut event = gate.with_header("traceparent", parent);
        for name in ["tracestate", "user-agent", "x-amzn-trace-id", "webhook-id", "content-type", &injected] {
            event["headers"][name] = json!(injected);
        }
        let answer = gate.world.harness.sync_function().process().unwrap().invoke(&event).await.unwrap();
        assert_eq!(answer["statusCode"], 204, "{breaks:?}");
        assert_eq!(service.received().len(), nth + 2, "one callback each");
        assert_eq!(names(nth + 1), names(0), "{breaks:?}");
        let callback = format!("{:?}", service.received()[nth + 1]);
        assert!(
            !callback.contains("injected") && callback.contains("4bf92f3577b34da6a3ce929d0e0e4736"),
            "{callback}"
        );
    }
}
