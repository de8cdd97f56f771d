//! What is logged: a level, levels for parts of the program, or both, with commas between.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The names of the levels.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The setting that selects which log lines are written.
pub const LOG: &str = "KEYSYNC_LOG";

/// Which log lines are written. `info` by default, and where the setting is blank.
#[derive(Clone, Debug)]
pub struct LogFilter(Targets);

impl LogFilter {
    /// The filter, as `tracing` has it.
    #[must_use]
    pub fn targets(self) -> Targets {
        self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl FromStr for LogFilter {
    type Err = String;

    /// Stricter than [`Targets`], which takes a misspelt level for a part of the program, and then logs nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let wrong = |problem: &str| {
            format!(
                "{problem}: write a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), a part of the program \
                 and its level, or both, as in `warn,keysync=debug`: got `{}`",
                crate::excerpt::excerpt(text)
            )
        };
        let (mut targets, mut seen) = (Targets::new(), Vec::new());
        for directive in text.split(',').map(str::trim) {
            let (part, name) =
                directive.rsplit_once('=').map_or((None, directive), |(part, name)| (Some(part), name));
            let level = level(name).ok_or_else(|| wrong("has an unknown level"))?;
            if seen.contains(&part) {
                return Err(wrong("has two levels for one part"));
            }
            seen.push(part);
            targets = match part {
                None => targets.with_default(level),
                Some(part) if is_module(part) => targets.with_target(part, level),
                Some(_) => return Err(wrong("has an invalid part of the program")),
            };
        }
        Ok(Self(targets))
    }
}

fn level(name: &str) -> Option<LevelFilter> {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name)).then(|| name.parse().ok())?
}

/// A path of Rust modules, such as `keysync::ledger`.
fn is_module(part: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    part.split("::").all(is_name)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn accepts_a_level_and_levels_of_parts() {
        let logs = |text: &str, target, level| {
            text.parse::<LogFilter>().unwrap().targets().would_enable(target, &level)
        };
        for text in ["", " ", "info", "INFO", "keysync::ledger=off, info"] {
            assert!(logs(text, "keysync::sync", Level::INFO), "{text}");
            assert!(!logs(text, "keysync::sync", Level::DEBUG), "{text}");
        }
        let parts = "warn,keysync=debug";
        assert!(logs(parts, "keysync::sync", Level::DEBUG) && !logs(parts, "hyper", Level::INFO));
        assert!(!logs("off", "keysync::sync", Level::ERROR));
    }

    #[test]
    fn rejects_what_would_log_nothing() {
        for text in [
            "inof",
            "keysync",
            "keysync=loud",
            "keysync=debug=trace",
            "keysync=",
            "=debug",
            "info,",
            ",",
            "info,warn",
            "keysync=info,keysync=debug",
            "key sync=debug",
            "keysync[span]=info",
            "3",
            "info\u{7}",
            "warn;keysync=debug",
        ] {
            let message = text.parse::<LogFilter>().expect_err(text);
            assert!(message.contains("`warn,keysync=debug`"), "{message}");
        }
    }
}
