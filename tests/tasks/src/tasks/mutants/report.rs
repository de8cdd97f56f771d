//! The result of a mutation's test, from its exit code and output.

use regex::Regex;

use crate::markdown::cell;

/// The maximum length of a panic message in the table, in characters.
pub(super) const MAX_PANIC_CHARS: usize = 120;

/// The outcome of a mutation.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The test failed; the first panic's message.
    Failed(String),
    TimedOut,
    DoesNotCompile,
    Survived,
}

impl Outcome {
    /// The outcome of a test that ran with `timeout`.
    pub(super) fn of_test(code: Option<i32>, output: &str) -> Self {
        if matches!(code, Some(124 | 137)) {
            Self::TimedOut
        } else if output.lines().any(|line| line.starts_with("test result: FAILED")) {
            Self::Failed(first_panic(output))
        } else {
            Self::Survived
        }
    }

    pub(super) const fn is_detected(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut)
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Failed(panic) => panic,
            Self::TimedOut => "timed out",
            Self::DoesNotCompile => "**does not compile**",
            Self::Survived => "**survived**",
        }
    }
}

/// The first three lines of the first panic's message as one short line for a table in Markdown.
fn first_panic(output: &str) -> String {
    let after = output.lines().skip_while(|line| !line.contains(" panicked at ")).skip(1);
    let is_message =
        |line: &&str| !line.is_empty() && !line.starts_with("note:") && !line.starts_with("stack backtrace:");
    let mut text = after.take_while(is_message).take(3).collect::<Vec<_>>().join(" ");
    for (pattern, replacement) in [
        (r"assertion `left (==|!=) right` failed:? ?", ""),
        (r"(Number|String)\(([^()]*)\)", "$2"),
        (r"(Object|Array) ([\[{])", "$2"),
        (" +", " "),
    ] {
        let pattern = Regex::new(pattern).expect("the pattern is valid");
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    cell(text.trim(), MAX_PANIC_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_test_reports_its_panic() {
        let output = "\
thread 'a' panicked at tests/a.rs:1:2:
assertion `left == right` failed: status
  left: Number(204)
 right: Number(409)
note: run with `RUST_BACKTRACE=1`
test result: FAILED. 0 passed; 1 failed
";
        let outcome = Outcome::of_test(Some(101), output);
        assert_eq!(outcome, Outcome::Failed("status left: 204 right: 409".to_owned()));
        assert!(outcome.is_detected());
    }

    #[test]
    fn passed_test_means_survived() {
        let outcome = Outcome::of_test(Some(0), "test result: ok. 1 passed; 0 failed\n");
        assert_eq!(outcome, Outcome::Survived);
        assert!(!outcome.is_detected());
    }

    #[test]
    fn hanging_test_times_out() {
        assert_eq!(Outcome::of_test(Some(124), ""), Outcome::TimedOut);
    }
}
