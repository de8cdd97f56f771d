//! A generated mutation that survived, as a row of a table names it.

use std::{fs, path::Path};

use crate::error::{Error, Result};

/// A mutation without its position, so that its row remains right when other lines change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mutation {
    /// The file below `functions/src`.
    pub(super) file: String,
    /// The line of code in which the mutated part starts.
    pub(super) line: String,
    /// What cargo-mutants changes.
    pub(super) change: String,
}

impl Mutation {
    /// Parses `functions/src/FILE:LINE:COLUMN: CHANGE`, and reads the line from `sources`.
    pub(super) fn parse(name: &str, sources: &Path) -> Result<Self> {
        let parsed = || {
            let (position, change) = name.split_once(": ")?;
            let mut parts = position.rsplitn(3, ':');
            let (_column, line) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
            let file = parts.next()?.strip_prefix("functions/src/")?;
            Some((file.to_owned(), line, change.to_owned()))
        };
        let (file, line, change) = parsed()
            .ok_or_else(|| Error::failed(format!("not the name of a mutation of cargo-mutants: `{name}`")))?;
        let path = sources.join(&file);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let line = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        Ok(Self { file, line, change })
    }

    /// The first cells of its row in a table.
    pub(super) fn row(&self) -> String {
        let cell = |text: &str| format!("`{}`", text.replace('|', "\\|"));
        format!("| {} | {} | {} |", cell(&self.file), cell(&self.line), cell(&self.change))
    }
}
