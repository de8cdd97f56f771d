//! The survivors that no test can detect, from the page that explains them.

use std::{collections::BTreeSet, fs, path::Path};

use super::mutation::Mutation;
use crate::{
    command::Context,
    error::{Error, Result},
};

/// The page. Its tables have a row `| file | line | mutation | why |` for each.
pub(super) const PAGE: &str = "docs/explanation/generated-mutations.md";
/// The first line of each table.
const HEADER: &str = "| file | line | mutation | why |";

/// The mutations of the page.
pub(super) struct Explained(BTreeSet<Mutation>);

impl Explained {
    pub(super) fn read(context: &Context) -> Result<Self> {
        let path = context.root.join(PAGE);
        Self::parse(&fs::read_to_string(&path).map_err(Error::io("read", &path))?)
    }

    fn parse(page: &str) -> Result<Self> {
        let mut mutations = BTreeSet::new();
        let mut lines = page.lines();
        while lines.any(|line| line == HEADER) {
            for row in lines.by_ref().skip(1).take_while(|line| line.starts_with('|')) {
                let mutation = mutation(row).ok_or_else(|| {
                    Error::failed(format!(
                        "{PAGE}: not a row of four cells, three of them in backticks: {row}"
                    ))
                })?;
                if !mutations.insert(mutation) {
                    return Err(Error::failed(format!("{PAGE}: two rows for one mutation: {row}")));
                }
            }
        }
        Ok(Self(mutations))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, mutation: &Mutation) -> bool {
        self.0.contains(mutation)
    }

    /// Fails if a row's file or line does not exist below `sources`.
    pub(super) fn check(&self, sources: &Path) -> Result {
        let exists = |mutation: &&Mutation| {
            let text = fs::read_to_string(sources.join(&mutation.file)).unwrap_or_default();
            text.lines().any(|line| line.trim() == mutation.line)
        };
        let gone: Vec<String> =
            self.0.iter().filter(|mutation| !exists(mutation)).map(Mutation::row).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let gone = gone.join("\n");
        Err(Error::failed(format!("{PAGE}: no such line; run its file again, or delete the row:\n{gone}")))
    }
}

fn mutation(row: &str) -> Option<Mutation> {
    let row = row.replace("\\|", "\0");
    let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect();
    let [_, file, line, change, why, _] = cells.as_slice() else { return None };
    let code = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let mutation = Mutation { file: code(file)?, line: code(line)?, change: code(change)? };
    (!why.is_empty()).then_some(mutation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Page

| file | line | mutation | why |
| --- | --- | --- | --- |
| `a.rs` | `let a = b \\|\\| c;` | `replace \\|\\| with && in f` | both are false |

Text.

| file | line | mutation | why |
| --- | --- | --- | --- |
| `b.rs` | `n < 1` | `replace < with <= in g` | n is never 1 |
";

    fn found(page: &str) -> Vec<String> {
        Explained::parse(page).unwrap().0.iter().map(Mutation::row).collect()
    }

    #[test]
    fn rows_of_all_tables_are_read() {
        let expected = [
            "| `a.rs` | `let a = b \\|\\| c;` | `replace \\|\\| with && in f` |",
            "| `b.rs` | `n < 1` | `replace < with <= in g` |",
        ];
        assert_eq!(found(PAGE), expected);
    }

    #[test]
    fn row_without_reason_is_rejected() {
        for (text, other) in [(" n is never 1 ", "  "), ("`n < 1`", "n < 1"), (" | n is", " n is")] {
            assert!(Explained::parse(&PAGE.replace(text, other)).is_err(), "{other}");
        }
        let twice = format!("{PAGE}{}\n", PAGE.lines().last().unwrap());
        assert!(Explained::parse(&twice).is_err());
    }

    #[test]
    fn row_of_line_that_is_gone_is_named() {
        let sources = std::env::temp_dir().join(format!("keysync-tasks-explained-{}", std::process::id()));
        fs::create_dir_all(&sources).unwrap();
        fs::write(sources.join("a.rs"), "fn f() {\n    let a = b || c;\n}\n").unwrap();
        fs::write(sources.join("b.rs"), "n < 2\n").unwrap();
        let error = Explained::parse(PAGE).unwrap().check(&sources).unwrap_err().to_string();
        assert!(error.ends_with("\n| `b.rs` | `n < 1` | `replace < with <= in g` |"), "{error}");
        let name = "functions/src/a.rs:2:15: replace || with && in f";
        assert_eq!(Mutation::parse(name, &sources).unwrap().row(), found(PAGE)[0]);
        assert!(Mutation::parse("a.rs: replace", &sources).is_err());
        fs::remove_dir_all(sources).unwrap();
    }
}
