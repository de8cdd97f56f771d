//! A patch that introduces a defect, and its header.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// A patch in `tests/mutations`.
#[derive(Debug)]
pub(in crate::tasks) struct Patch {
    /// Its file name without extension.
    pub(in crate::tasks) name: String,
    pub(super) path: PathBuf,
    /// The guarantee that it breaks (`docs/explanation/guarantees.md`).
    pub(super) guarantee: String,
    /// The defect, as a phrase.
    pub(in crate::tasks) description: String,
    pub(super) target: Target,
    /// The path of the test that has to fail.
    pub(super) test: String,
    /// The rounds in which the simulation finds it, counted from seed 1; `None` if it need not.
    pub(in crate::tasks) simulated_rounds: Option<u64>,
    /// Whether the comparison with the model has to reject it.
    pub(super) is_traced: bool,
}

/// The part of the code that is built with the patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// The library, for its unit tests.
    Unit,
    /// The functions' binaries, for the end-to-end tests of the unmodified code.
    Functions,
    /// All of it, for end-to-end tests that run a function or the ledger in their own process.
    E2e,
}

impl Patch {
    /// Parses the header: lines `guarantee: …`, `mutation: …`, `target: …` and `test: …` before the
    /// diff, and optionally `simulation: …` and `traces: yes`.
    pub(super) fn parse(name: String, path: PathBuf, contents: &str) -> Result<Self> {
        let header: Vec<&str> = contents.lines().take_while(|line| !line.starts_with("diff ")).collect();
        let field = |field: &str| {
            let value = header.iter().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
            let value = value.map(str::trim).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or_else(|| {
                Error::failed(format!("{}: needs a line `{field}: …` before its diff", path.display()))
            })
        };
        let target = match &*field("target")? {
            "unit" => Target::Unit,
            "functions" => Target::Functions,
            "e2e" => Target::E2e,
            other => {
                let path = path.display();
                let message = format!("{path}: unknown target `{other}`; write `unit`, `functions` or `e2e`");
                return Err(Error::failed(message));
            }
        };
        let simulated = header.iter().find_map(|line| line.strip_prefix("simulation: "));
        let simulated_rounds = simulated.map(|rounds| rounds.trim().parse()).transpose().map_err(|_| {
            let path = path.display();
            Error::failed(format!(
                "{path}: `simulation:` needs a number of rounds, such as `simulation: 100`"
            ))
        })?;
        let is_traced = match header.iter().find_map(|line| line.strip_prefix("traces: ")) {
            None => false,
            Some("yes") => true,
            Some(other) => {
                let message = format!("{}: `traces:` must be `yes`: got `{other}`", path.display());
                return Err(Error::failed(message));
            }
        };
        let (guarantee, description, test) = (field("guarantee")?, field("mutation")?, field("test")?);
        Ok(Self { name, path, guarantee, description, target, test, simulated_rounds, is_traced })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Patch> {
        Patch::parse("01-x".to_owned(), "01-x.patch".into(), text)
    }

    #[test]
    fn header_is_parsed() {
        let text = "guarantee: G1\nmutation: no lease\ntarget: unit\ntest: a::b\n\ndiff --git a/x b/x\n+test: other\n";
        let patch = parse(text).unwrap();
        assert_eq!((&*patch.guarantee, &*patch.description), ("G1", "no lease"));
        assert_eq!((patch.target, &*patch.test), (Target::Unit, "a::b"));
        assert_eq!(patch.simulated_rounds, None);
        let patch = parse(&text.replace("target", "simulation: 100\ntarget")).unwrap();
        assert_eq!(patch.simulated_rounds, Some(100));
        let error = parse(&text.replace("target", "simulation: soon\ntarget")).unwrap_err();
        assert!(error.to_string().contains("needs a number of rounds"), "{error}");
        assert!(!patch.is_traced && parse(&text.replace("target", "traces: yes\ntarget")).unwrap().is_traced);
        assert!(parse(&text.replace("target", "traces: no\ntarget")).is_err());
    }

    #[test]
    fn missing_field_is_named() {
        let error =
            parse("guarantee: G1\nmutation: x\ntarget: e2e\ndiff --git a/x b/x\ntest: a::b\n").unwrap_err();
        assert_eq!(error.to_string(), "01-x.patch: needs a line `test: …` before its diff");
    }

    #[test]
    fn unknown_target_is_rejected() {
        let error = parse("guarantee: G1\nmutation: x\ntarget: all\ntest: a::b\n").unwrap_err();
        assert_eq!(error.to_string(), "01-x.patch: unknown target `all`; write `unit`, `functions` or `e2e`");
    }
}
