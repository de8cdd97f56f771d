//! Where a login leads: to the page that somebody wanted, which is one of this console, whatever the address says that
//! they came by.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use url::Url;
use uuid::Uuid;

use crate::api::Action;

/// Where it leads otherwise.
pub(super) const START: &str = "/console/resources";

/// Longer ones are none of ours.
const LONGEST: usize = 4_000;

/// The page that `next` names, as a browser would read it: path and query. None where that is no page of this console.
///
/// Browsers take `\` for `/`, leave tabs and line breaks out, and resolve `..`; so does the parser, and what it makes of
/// `next` is looked at and returned, not the text as it came.
pub(super) fn page(next: &str) -> Option<String> {
    // Of no server: where it is not left is what counts.
    let base = Url::parse("http://console.invalid/").ok()?;
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= LONGEST;
    let is_plain = next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    let url = base.join(next).ok().filter(|_| is_path && is_plain)?;
    let is_here = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    if !is_here || !is_page(url.path()) {
        return None;
    }
    Some(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// Whether the console has a page at `path`: a `GET` that shows one to somebody who is logged in.
fn is_page(path: &str) -> bool {
    let is_id = |segment: &str| Uuid::parse_str(segment).is_ok();
    let is_action = |name: &str| Action::deserialize(StrDeserializer::<Error>::new(name)).is_ok();
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["console", "resources"] => true,
        ["console", "instances", instance, "keys"] => is_id(instance),
        ["console", "instances", instance, "keys", key, "resources"] => is_id(instance) && is_id(key),
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
    fn leads_to_every_page() {
        let key = format!("{KEYS}/02fd6835-6001-4482-a892-13bd2085f75d");
        for ours in [
            START.to_owned(),
            KEYS.to_owned(),
            format!("{KEYS}?state=5&search=a%20b&next=https://evil.example"),
            format!("{key}/resources"),
            format!("{key}/actions/rotate"),
        ] {
            assert_eq!(page(&ours), Some(ours.clone()));
        }
    }

    #[test]
    fn normalizes_what_it_leads_to() {
        assert_eq!(page(&format!("{KEYS}#top")), Some(KEYS.to_owned()), "no fragment");
        assert_eq!(page(&format!("/console/./x/../instances{}", &KEYS[18..])), Some(KEYS.to_owned()));
    }

    #[test]
    fn leads_nowhere_else() {
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
            "/console/instances/x/keys",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/x/resources",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/02fd6835-6001-4482-a892-13bd2085f75d/live",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/02fd6835-6001-4482-a892-13bd2085f75d/sync",
            "/console/instances/5cd0f9d6-4d5c-4d0a-9f2e-6a8f7a5b1c11/keys/02fd6835-6001-4482-a892-13bd2085f75d/actions/x",
            "/console/resources/\u{e9}",
            "@evil.example",
            "/@evil.example",
        ] {
            assert_eq!(page(elsewhere), None, "{elsewhere:?}");
        }
        assert_eq!(page(&format!("{KEYS}?search={}", "a".repeat(LONGEST))), None, "too long");
    }
}
