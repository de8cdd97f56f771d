use super::*;

const INSTANCE: &str = "5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11";

/// Checks a request.
fn check(guard: &Guard, method: &Method, uri: &str, headers: &[(&str, &str)]) -> Result<(), Denied> {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    guard.check(method, &uri.parse().unwrap(), &headers.collect::<HeaderMap>())
}

#[test]
fn allows_programs_and_own_pages() {
    for headers in [
        &[][..],
        &[("host", "127.0.0.1:8080")],
        &[("host", "localhost")],
        &[("host", "[::1]:8080")],
        &[("host", "abc.api.us-south.hs-crypto.localhost:8080")],
        // `fetch` of Node.
        &[("host", "127.0.0.1:8080"), ("sec-fetch-mode", "cors")],
        &[("host", "127.0.0.1:8080"), ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")],
        &[("host", "localhost:8080"), ("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")],
        // Behind a proxy that rewrites the host.
        &[("host", "localhost:8080"), ("sec-fetch-site", "same-origin"), ("origin", "https://a.example")],
    ] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(check(&Guard::default(), &method, "/_harness", headers), Ok(()), "{headers:?}");
        }
    }
}

#[test]
fn denies_pages_of_other_sites() {
    let host = ("host", "127.0.0.1:8080");
    for headers in [
        &[host, ("origin", "https://evil.example")][..],
        &[host, ("origin", "null")],
        &[host, ("origin", "")],
        &[host, ("origin", "http://127.0.0.1:8081")],
        &[host, ("origin", "https://127.0.0.1:8080")],
        &[host, ("origin", "http://127.0.0.1:8080"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[host, ("sec-fetch-site", "cross-site")],
        &[host, ("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:1")],
        &[host, ("sec-fetch-site", "")],
        &[host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[host, ("sec-fetch-site", "none"), ("origin", "https://evil.example")],
        &[host, ("access-control-request-method", "POST")],
        &[host, ("sec-fetch-site", "same-origin"), ("access-control-request-private-network", "true")],
        &[("host", "evil.example:8080")],
        &[("host", "evil.example:8080"), ("sec-fetch-site", "same-origin")],
        &[("host", "127.0.0.1:8080"), ("host", "evil.example")],
        &[("host", "127.0.0.1.evil.example")],
        &[("host", "127.0.0.1@evil.example")],
        &[("host", "localhost.evil.example")],
        &[("host", "evillocalhost")],
        &[("host", "0.0.0.0:8080")],
        &[("host", "[::]:8080")],
        &[("host", "192.168.0.2:8080")],
        &[("host", "a b")],
        &[("host", "")],
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
            for path in ["/", "/_harness", "/api/v2/keys"] {
                let checked = check(&Guard::default().with_api_hosts(), &method, path, headers);
                assert!(checked.is_err(), "{method} {path} {headers:?}");
            }
        }
    }
    assert!(
        check(&Guard::default(), &Method::GET, "http://evil.example/", &[host]).is_err(),
        "absolute form"
    );
}

#[test]
fn cross_site_links_reach_pages_only() {
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let checked = |method: Method, path, headers: &[_]| check(&Guard::default(), &method, path, headers);
    for path in ["/console", "/console/resources?a=b", "/docs", "/docs/reference/limits"] {
        assert_eq!(checked(Method::GET, path, &link), Ok(()), "{path}");
        assert!(checked(Method::POST, path, &link).is_err(), "a form of another site");
    }
    for path in
        ["/", "/_harness", "/consoles", "/docsy", "/api/v2/keys", "/env/0/2018-06-01/runtime/invocation/next"]
    {
        assert!(checked(Method::GET, path, &link).is_err(), "{path}");
    }
    for other in [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "iframe")] {
        let headers: Vec<_> = link.into_iter().filter(|(name, _)| *name != other.0).chain([other]).collect();
        assert!(checked(Method::GET, "/console/resources", &headers).is_err(), "{headers:?}");
    }
}

#[test]
fn allows_api_hosts_on_api_paths_only() {
    let hosts = [
        format!("{INSTANCE}.api.us-south.hs-crypto.appdomain.cloud"),
        format!("{INSTANCE}.api.private.us-south.hs-crypto.appdomain.cloud").to_uppercase(),
        format!("{INSTANCE}.api.eu-de.kms.appdomain.cloud"),
        "us-south.kms.cloud.ibm.com".to_owned(),
        "private.us-south.kms.cloud.ibm.com:443".to_owned(),
    ];
    let (api, other) = (Guard::default().with_api_hosts(), Guard::default());
    for host in &hosts {
        let headers = [("host", host.as_str())];
        for path in ["/api/v2/keys", "/.well-known/jwks.json"] {
            assert_eq!(check(&api, &Method::POST, path, &headers), Ok(()), "{host}");
            assert!(check(&other, &Method::POST, path, &headers).is_err(), "{host}");
        }
        for path in ["/", "/_harness/time", "/console/login", "/apis/"] {
            assert!(check(&api, &Method::POST, path, &headers).is_err(), "{host} {path}");
        }
    }
    for host in [
        "kms.cloud.ibm.com",
        "cloud.ibm.com",
        "evil.us-south.containers.appdomain.cloud",
        "evil.api.us-south.hs-crypto.appdomain.cloud",
        "us-south.kms.cloud.ibm.com.evil.example",
        "us-south.kms.cloud.ibm.com.",
    ] {
        assert!(check(&api, &Method::POST, "/api/v2/keys", &[("host", host)]).is_err(), "{host}");
    }
}

#[test]
fn allows_configured_host() {
    let guard = Guard::default().allowing("Host.Docker.Internal".parse().unwrap());
    for host in ["host.docker.internal:8080", "HOST.DOCKER.INTERNAL"] {
        assert_eq!(check(&guard, &Method::POST, "/_harness/time", &[("host", host)]), Ok(()), "{host}");
    }
    let origin = ("origin", "http://host.docker.internal:8080");
    assert!(check(&guard, &Method::POST, "/", &[("host", "127.0.0.1:8080"), origin]).is_err());
    assert!(check(&guard, &Method::POST, "/", &[("host", "internal")]).is_err());
    for invalid in ["", "*", "*.example", "a:80", "http://a", "a/b", "user@a", "a b"] {
        assert!(invalid.parse::<AllowedHost>().is_err(), "{invalid}");
    }
}

#[test]
fn error_is_short_and_suggests_a_fix() {
    let error = check(&Guard::default(), &Method::GET, "/", &[("host", &"a".repeat(5_000))]).unwrap_err();
    let text = error.to_string();
    assert!(text.len() < 400 && text.contains("--allow-host"), "{text}");
}
