use super::*;

const URL: &str = "https://a.example/";

fn parse(json: &str) -> Result<Registry, RegistryError> {
    Registry::from_json(json, AddressPolicy::PublicOnly)
}

fn errors(json: &str) -> String {
    parse(json).expect_err(json).to_string()
}

/// A registry of the service `a` with these fields.
fn with_fields(fields: &str) -> String {
    format!(r#"{{"a":{{{fields}}}}}"#)
}

fn with_url(url: &str) -> String {
    with_fields(&format!(r#""url":"{url}""#))
}

#[test]
fn service_has_defaults_and_own_settings() {
    let json = format!(
        r#"{{"a":{{"url":"{URL}"}},"b":{{"url":"{URL}?b=c","acknowledges":true,"timeoutSeconds":9.0,"paused":true,"symmetricSignature":true}}}}"#
    );
    let registry = parse(&json).unwrap();
    let of = |name: &str| registry.get(&name.parse().unwrap()).unwrap();
    assert_eq!((of("a").url.as_str(), of("b").url.as_str()), (URL, "https://a.example/?b=c"));
    assert_eq!((of("a").acknowledges, of("a").timeout, of("a").paused), (false, None, false));
    assert_eq!(
        (of("b").acknowledges, of("b").timeout, of("b").paused),
        (true, Some(Duration::from_secs(9)), true)
    );
    assert_eq!(registry.with_symmetric_signature(), BTreeSet::from(["b".parse().unwrap()]));
    assert_eq!(parse("{}").unwrap().services().count(), 0);
}

#[test]
fn reports_all_errors_at_once() {
    let text = errors(
        r#"{"Bad Name":{"url":"https://a.example"},"a":{"url":"ftp://a.example","acknowledges":"yes","pasued":true},
            "b":{"url":"https://169.254.169.254/","timeoutSeconds":0},"c":{"paused":1},"d":7}"#,
    );
    for error in [
        "`Bad Name` must be a service name",
        "`a` has the unknown field `pasued`: it must be `url`, `acknowledges`",
        "`url` of `a` must be an https URL",
        "got `ftp://a.example`",
        "`acknowledges` of `a` must be `true` or `false`: got `yes`",
        "`url` of `b` must not be a private",
        "`timeoutSeconds` of `b` must be an integer of seconds from 1 to 840: got `0`",
        "`c` has no `url`: add the URL of its callbacks",
        "`paused` of `c` must be `true` or `false`: got `1`",
        "`d` must be a JSON object with a `url`: got `7`",
    ] {
        assert!(text.contains(error), "{error} is missing in\n{text}");
    }
    assert_eq!(text.matches("; ").count(), 8, "one error each\n{text}");
}

#[test]
fn checks_literal_addresses_in_any_notation() {
    for host in ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "10.1.2.3", "localhost", "a.LOCALHOST."] {
        let text = errors(&with_url(&format!("https://{host}/")));
        assert!(text.contains("must not be a private"), "{host}: {text}");
    }
    for host in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "1.2.3.4.5", "[::1", "[::1]a", "a..b", "-.1"]
    {
        let text = errors(&with_url(&format!("https://{host}/")));
        assert!(text.contains("must have a host name or address"), "{host}: {text}");
    }
    for host in
        ["8.8.8.8", "[2606:4700::1111]:8443", "[2606:4700::]", "a_b.example.", "xn--bcher-kva.example"]
    {
        assert!(parse(&with_url(&format!("https://{host}/"))).is_ok(), "{host}");
    }
}

#[test]
fn accepts_loopback_and_http_only_in_test_mode() {
    let in_test_mode = |url: &str| Registry::from_json(&with_url(url), AddressPolicy::LoopbackTest);
    assert!(errors(&with_url("http://127.0.0.1:1/")).contains("https"));
    assert!(in_test_mode("http://127.0.0.1:1/").is_ok() && in_test_mode("https://localhost:1/").is_ok());
    assert!(in_test_mode("http://10.0.0.1/").is_err());
}

#[test]
fn errors_contain_no_secret_of_a_url() {
    for json in [
        with_url("https://user:hunter2@a.example/"),
        with_url("http://a.example/?token=hunter2"),
        with_url("http://a.example/hooks/hunter2"),
        with_url("user:hunter2@a.example"),
        with_fields(r#""url":["hunter2"]"#),
        with_fields(r#""url":{"hunter2":1}"#),
        with_fields(&format!(r#""url":"{URL}","paused":"whsec_hunter2""#)),
        r#"{"a":["hunter2"]}"#.to_owned(),
        r#"{"a":"https://a.example/hunter2"}"#.to_owned(),
        r#""https://user:hunter2@a.example""#.to_owned(),
        r#"{"a":{"url":"hunter2""#.to_owned(),
    ] {
        let text = errors(&json);
        assert!(!text.contains("hunter2") && text.chars().count() < 250, "{text}");
    }
}

#[test]
fn error_for_invalid_json_shows_an_example() {
    for json in ["", "[]", "null", "7", r#"{"a":"#] {
        assert!(errors(json).contains(r#"must be a JSON object of service name → settings, such as {"cl"#));
    }
}

#[test]
fn rejects_service_listed_twice() {
    for duplicate in ["a", r"\u0061"] {
        let json =
            format!(r#"{{"a":{{"url":"{URL}"}},"b":{{"url":"{URL}"}},"{duplicate}":{{"url":"{URL}"}}}}"#);
        assert_eq!(errors(&json), "`a` is listed twice: remove one of the entries");
    }
    let text = errors(&with_fields(&format!(r#""url":"{URL}","url":"https://b.example""#)));
    assert_eq!(text, "`url` of `a` is given twice: remove one of them");
}

#[test]
fn rejects_unusable_url() {
    for url in [
        "",
        "a.example",
        "https://",
        "https://a.example:0/",
        "https://a.example:/",
        "https://a.example:080/",
        "https://a.example:99999/",
        "https://a.example/ b",
        "https://a.example/\\n",
        "https://a.example/#b",
        "https://a.example/@b",
        "HTTPS://a.example/",
        "https:a.example",
        "https://bücher.example/",
        "https://xn--a.example/",
        "https://a%2eexample/",
        &format!("https://a.example/{}", "a".repeat(2048)),
    ] {
        let text = errors(&with_url(url));
        assert!(text.contains("`url` of `a`") && text.chars().count() < 250, "{text}");
    }
}

#[test]
fn url_of_maximum_length_is_accepted() {
    let url = |bytes: usize| format!("https://a.example/{}", "a".repeat(bytes - "https://a.example/".len()));
    assert!(parse(&with_url(&url(2048))).is_ok());
    assert!(parse(&with_url(&url(2049))).is_err());
}

#[test]
fn paused_services_are_listed() {
    let paused = |fields: &str| parse(&with_fields(&format!(r#""url":"{URL}"{fields}"#))).unwrap().paused();
    assert_eq!(paused(r#","paused":true"#), ["a".parse().unwrap()].into());
    assert!(paused("").is_empty() && paused(r#","paused":false"#).is_empty());
}
