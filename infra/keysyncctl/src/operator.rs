//! Who changes something, and why: stored with each replay and pause.

use clap::Args;

/// The maximum length of a reason and of an operator's name, in characters
/// (`docs/reference/limits.md#reason`).
const MAX_REASON_CHARS: usize = 200;
const MAX_OPERATOR_CHARS: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct OperatorArgs {
    /// Who changes it; stored as given. `CloudTrail` has the identity whose credentials were used.
    #[arg(long, value_name = "NAME", env = "USER", value_parser = name)]
    pub(crate) operator: String,
}

/// Parses a reason.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    bounded(text, MAX_REASON_CHARS)
}

fn name(text: &str) -> Result<String, String> {
    bounded(text, MAX_OPERATOR_CHARS)
}

fn bounded(text: &str, max: usize) -> Result<String, String> {
    let length = text.trim().chars().count();
    if (1..=max).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.trim().to_owned())
    } else {
        Err(format!("must have 1 to {max} characters, and no control characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_bounded_and_printable() {
        assert_eq!(reason(" outage of 2026-11-24 "), Ok("outage of 2026-11-24".to_owned()));
        let long = "x".repeat(MAX_REASON_CHARS + 1);
        for bad in ["", "  ", "a\nb", &long] {
            assert!(reason(bad).is_err(), "{bad:?}");
        }
    }
}
