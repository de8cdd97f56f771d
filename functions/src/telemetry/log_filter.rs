//! The log filter: a default level, levels of modules, or both, separated by commas
//! (`docs/reference/configuration.md#keysync_log`).

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The names of the levels.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The environment variable with the log filter.
pub const LOG: &str = "KEYSYNC_LOG";

/// A log filter. The default, also of a blank setting, is `info`.
#[derive(Clone, Debug)]
pub struct LogFilter(Targets);

impl LogFilter {
    /// The filter in the form of `tracing`.
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

    /// Stricter than [`Targets`], which accepts a misspelt level as the name of a module and then
    /// logs nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let invalid = |problem: &str| {
            format!(
                "{problem}: expected a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), a module with its \
                 level, or both, as in `warn,keysync=debug`: got `{}`",
                crate::excerpt::excerpt(text)
            )
        };
        let (mut targets, mut seen) = (Targets::new(), Vec::new());
        for directive in text.split(',').map(str::trim) {
            let (module, name) =
                directive.rsplit_once('=').map_or((None, directive), |(module, name)| (Some(module), name));
            let level = level(name).ok_or_else(|| invalid("has an unknown level"))?;
            if seen.contains(&module) {
                return Err(invalid("has two levels for one module"));
            }
            seen.push(module);
            targets = match module {
                None => targets.with_default(level),
                Some(module) if is_module(module) => targets.with_target(module, level),
                Some(_) => return Err(invalid("has an invalid module")),
            };
        }
        Ok(Self(targets))
    }
}

fn level(name: &str) -> Option<LevelFilter> {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name)).then(|| name.parse().ok())?
}

/// Whether `path` is a path of Rust modules, such as `keysync::ledger`.
fn is_module(path: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    path.split("::").all(is_name)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn accepts_level_and_levels_of_modules() {
        let logs = |text: &str, target, level| {
            text.parse::<LogFilter>().unwrap().targets().would_enable(target, &level)
        };
        for text in ["", " ", "info", "INFO", "keysync::ledger=off, info"] {
            assert!(logs(text, "keysync::sync", Level::INFO), "{text}");
            assert!(!logs(text, "keysync::sync", Level::DEBUG), "{text}");
        }
        let modules = "warn,keysync=debug";
        assert!(logs(modules, "keysync::sync", Level::DEBUG) && !logs(modules, "hyper", Level::INFO));
        assert!(!logs("off", "keysync::sync", Level::ERROR));
    }

    #[test]
    fn rejects_misspelt_filters() {
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
