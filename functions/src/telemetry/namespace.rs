//! The namespace of metrics, one for each deployment, so that alarms of two deployments in an
//! account do not share metrics (`docs/reference/configuration.md#keysync_metrics_namespace`).

use std::str::FromStr;

use crate::excerpt::excerpt;

/// The environment variable with the namespace of metrics.
pub const METRICS_NAMESPACE: &str = "KEYSYNC_METRICS_NAMESPACE";

/// The namespace unless one is set.
const DEFAULT: &str = "keysync";
/// The maximum length, in characters (docs/reference/limits.md#metrics-namespace).
const MAX_CHARS: usize = 255;

/// A namespace of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsNamespace(String);

impl Default for MetricsNamespace {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl From<MetricsNamespace> for String {
    fn from(MetricsNamespace(name): MetricsNamespace) -> Self {
        name
    }
}

impl FromStr for MetricsNamespace {
    type Err = String;

    /// `CloudWatch` also allows spaces and colons, which are easily misread in expressions.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-/#".contains(&c);
        let is_valid = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_valid && !text.starts_with("AWS/") {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "must be a CloudWatch namespace of 1 to {MAX_CHARS} of A-Z, a-z, 0-9, `.`, `_`, `-`, `/` and `#` that does \
             not start with `AWS/`, such as `keysync/keysync-prod`: got `{}`",
            excerpt(text)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_namespaces_of_stacks() {
        let longest = "a".repeat(MAX_CHARS);
        for text in ["keysync", "keysync/keysync-prod", "Team.x/keysync_1#2", &longest] {
            assert_eq!(text.parse::<MetricsNamespace>().map(String::from), Ok(text.to_owned()));
        }
        assert_eq!(String::from(MetricsNamespace::default()), "keysync");
    }

    #[test]
    fn rejects_invalid_namespaces() {
        let too_long = "a".repeat(MAX_CHARS + 1);
        for text in ["", " ", "AWS/Lambda", "key sync", "keysync:prod", "kéysync", "a\"b", &too_long] {
            let message = text.parse::<MetricsNamespace>().expect_err(text);
            assert!(message.contains("`keysync/keysync-prod`"), "{message}");
        }
    }
}
