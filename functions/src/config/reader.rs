//! Reads settings one by one, and collects what is wrong with them.

use std::fmt::Display;

use super::ConfigError;

/// Where settings come from, and what was wrong with them so far.
pub(super) struct Reader<G> {
    get: G,
    mistakes: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    /// All that `take` takes, or every mistake in it.
    pub(super) fn read<T>(get: G, take: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, ConfigError> {
        let mut read = Self { get, mistakes: Vec::new() };
        match take(&mut read) {
            Some(config) if read.mistakes.is_empty() => Ok(config),
            _ => Err(ConfigError(read.mistakes)),
        }
    }

    pub(super) fn or<T, E: Display>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = (self.get)(name).unwrap_or_else(|| default.to_owned());
        self.parse(name, &value, parse)
    }

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

    /// The one of two settings that is set: each is its name and its parser.
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
                self.parsed(name, Err(format!("and {other} are both set: take out one of them")))
            }
        }
    }

    /// What holds of several settings together, said of `name`.
    pub(super) fn check<E: Display>(&mut self, name: &str, result: Result<(), E>) {
        self.parsed(name, result);
    }

    fn parse<T, E: Display>(
        &mut self,
        name: &str,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        // What `environment` puts in the place of bytes that are none.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return self.parsed(name, Err("must be valid UTF-8"));
        }
        self.parsed(name, parse(value))
    }

    /// Mistakes do not repeat a value here: it may be a secret. Parsers that know better do.
    fn parsed<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.mistakes.push(format!("{name} {problem}"))).ok()
    }
}
