//! Reads settings one by one and collects their problems.

use std::fmt::Display;

use super::ConfigError;

/// A source of settings, and the problems found so far.
pub(super) struct Reader<G> {
    get: G,
    problems: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    /// The configuration that `read` returns, or every problem that it found.
    pub(super) fn read<T>(get: G, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, ConfigError> {
        let mut reader = Self { get, problems: Vec::new() };
        match read(&mut reader) {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(ConfigError(reader.problems)),
        }
    }

    /// A setting with a default.
    pub(super) fn or<T, E: Display>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = (self.get)(name).unwrap_or_else(|| default.to_owned());
        self.parse(name, &value, parse)
    }

    /// A setting without a default.
    pub(super) fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match (self.get)(name) {
            Some(value) => self.parse(name, &value, parse),
            None => self.parsed(name, Err("is required and not set")),
        }
    }

    /// Exactly one of two settings, each given by its name and its parser.
    pub(super) fn one_of<T, E: Display, F: Display>(
        &mut self,
        (name, parse): (&str, impl FnOnce(&str) -> Result<T, E>),
        (other, parse_other): (&str, impl FnOnce(&str) -> Result<T, F>),
    ) -> Option<T> {
        match ((self.get)(name), (self.get)(other)) {
            (Some(value), None) => self.parse(name, &value, parse),
            (None, Some(value)) => self.parse(other, &value, parse_other),
            (None, None) => self.parsed(name, Err(format!("or {other} is required, and neither is set"))),
            (Some(_), Some(_)) => {
                self.parsed(name, Err(format!("and {other} are both set; remove one of them")))
            }
        }
    }

    /// Adds the problem of a rule over several settings, if `result` is one, under `name`.
    pub(super) fn check<E: Display>(&mut self, name: &str, result: Result<(), E>) {
        self.parsed(name, result);
    }

    fn parse<T, E: Display>(
        &mut self,
        name: &str,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        // `environment` replaces bytes that are not UTF-8 with it.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return self.parsed(name, Err("must be valid UTF-8"));
        }
        self.parsed(name, parse(value))
    }

    /// Collects the problem, if `result` is one. Only the parser decides whether its message
    /// contains the value, which may be a secret.
    fn parsed<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.problems.push(format!("{name} {problem}"))).ok()
    }
}
