//! Target of the redirect after login: the requested page, if it is a page of this console. This
//! prevents open redirects.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use url::Url;
use uuid::Uuid;

use crate::api::Action;

/// Default target.
pub(super) const START: &str = "/console/resources";

/// Maximum length in bytes.
const MAX_LENGTH: usize = 4_000;

/// Path and query of the page that `next` names, as a browser would resolve it; `None` if it is not
/// a page of this console.
///
/// Browsers treat `\` as `/`, remove tabs and line breaks, and resolve `..`. The URL parser does
/// the same, and its result is checked and returned, never the input.
pub(super) fn page(next: &str) -> Option<String> {
    // A base without a server, to detect that `next` leaves the origin.
    let base = Url::parse("http://console.invalid/").ok()?;
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= MAX_LENGTH;
    let is_plain = next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    let url = base.join(next).ok().filter(|_| is_path && is_plain)?;
    let is_same_origin =
        url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    if !is_same_origin || !is_page(url.path()) {
        return None;
    }
    Some(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// Whether `path` is a page that a session can open with `GET`.
fn is_page(path: &str) -> bool {
    let is_id = |segment: &str| Uuid::parse_str(segment).is_ok();
    let is_action = |name: &str| Action::deserialize(StrDeserializer::<Error>::new(name)).is_ok();
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["console", "resources" | "harness"] => true,
        ["console", "instances", instance, "keys" | "not-acted" | "new-key"] => is_id(instance),
        ["console", "instances", instance, "keys", key, "resources" | "sync"]
        | ["console", "instances", instance, "bulk-sync", key] => is_id(instance) && is_id(key),
        ["console", "instances", instance, "keys", key, "actions", action] => {
            is_id(instance) && is_id(key) && is_action(action)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys";

    #[test]
    fn accepts_every_page() {
        let key = format!("{KEYS}/02fd6835-6001-4482-a892-13bd2085f75d");
        for ours in [
            START.to_owned(),
            "/console/harness".to_owned(),
            KEYS.to_owned(),
            format!("{KEYS}?state=5&search=a%20b&next=https://evil.example"),
            KEYS.replace("/keys", "/not-acted"),
            KEYS.replace("/keys", "/new-key"),
            KEYS.replace("/keys", "/bulk-sync/02fd6835-6001-4482-a892-13bd2085f75d"),
            format!("{key}/sync"),
            format!("{key}/resources"),
            format!("{key}/actions/rotate"),
        ] {
            assert_eq!(page(&ours), Some(ours.clone()));
        }
    }

    #[test]
    fn normalizes_target() {
        assert_eq!(page(&format!("{KEYS}#top")), Some(KEYS.to_owned()), "no fragment");
        assert_eq!(page(&format!("/console/./x/../instances{}", &KEYS[18..])), Some(KEYS.to_owned()));
    }

    #[test]
    fn rejects_every_other_target() {
        for elsewhere in [
            "",
            "/",
            "resources",
            "console/resources",
            "https://evil.example",
            "https://evil.example/console/resources",
            "http:/console/resources",
            "http://console.invalid/console/resources",
            "http://console.invalid@evil.example/console/resources",
            "javascript:alert(1)//console/resources",
            "//evil.example",
            "//evil.example/console/resources",
            "///evil.example/console/resources",
            "/\\evil.example/console/resources",
            "\\\\evil.example/console/resources",
            "/\t/evil.example/console/resources",
            "/\n/evil.example",
            "\t//evil.example",
            " /console/resources",
            "/console/resources\r\nlocation: https://evil.example",
            "/console/resources\0",
            "/console/\\evil",
            "/console/..//evil.example",
            "/console/..//evil.example/console/resources",
            "/..//evil.example",
            "/.//evil.example",
            "/%2F/evil.example",
            "/%5Cevil.example",
            "/%09/evil.example",
            "/console/%2e%2e//evil.example",
            "/console/%2e%2e/api/v2/keys",
            "/console/../_harness/reset",
            "/console/resources/..",
            "/console/resources/",
            "/console//resources",
            "/console/resources%00",
            "/console/resources;a",
            "/consolevil",
            "/console",
            "/console/",
            "/console/login",
            "/console/logout",
            "/console/login?next=/console/resources",
            "/console/assets/console.css",
            "/console/harness/service",
            "/console/instances/x/keys",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/x/resources",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/02fd6835-6001-4482-a892-13bd2085f75d/live",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/02fd6835-6001-4482-a892-13bd2085f75d/actions/x",
            "/console/resources/\u{e9}",
            "@evil.example",
            "/@evil.example",
        ] {
            assert_eq!(page(elsewhere), None, "{elsewhere:?}");
        }
        assert_eq!(page(&format!("{KEYS}?search={}", "a".repeat(MAX_LENGTH))), None, "too long");
    }
}
