//! Bounded, secret-free excerpts of invalid values for error messages.

/// The maximum length of an excerpt, in characters (docs/reference/limits.md#shown).
const MAX_CHARS: usize = 100;

/// Returns `value` on one line, cut after [`MAX_CHARS`] characters. A value that may contain a
/// secret (a signing key, user information of a URL) becomes a placeholder; a query or fragment is
/// cut off.
pub(crate) fn excerpt(value: &str) -> String {
    if value.contains("whsk_") || value.contains("whsec_") {
        return "(not shown: a signing key)".to_owned();
    }
    if value.contains('@') {
        return "(not shown: may contain a password)".to_owned();
    }
    let (value, rest) = value.find(['?', '#']).map_or((value, ""), |at| value.split_at(at));
    let shown: String = value.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if rest.is_empty() && value.chars().nth(MAX_CHARS).is_none() { shown } else { shown + "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_secrets_and_cuts_long_values() {
        for secret in [
            "https://user:hunter2@a.example",
            "https://a.example/?token=hunter2",
            "whsk_hunter2",
            "x whsec_hunter2",
        ] {
            assert!(!excerpt(secret).contains("hunter2"), "{secret}");
        }
        assert_eq!(excerpt("a\nb"), "a\\nb");
        assert_eq!(excerpt(&"a".repeat(1000)), "a".repeat(100) + "…");
    }
}
