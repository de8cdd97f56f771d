//! `cargo task words`: phrases that this project does not use, test names and comments that are too
//! long.

mod comments;
mod list;
mod test_names;

use std::{collections::BTreeMap, fs};

use list::WordList;

use crate::{
    command::Context,
    error::{Error, Result},
    files,
};

/// The list of phrases, each with what to write instead.
const LIST: &str = "tests/words.txt";
/// Kinds of files that are checked.
const EXTENSIONS: [&str; 14] =
    ["rs", "md", "yml", "yaml", "toml", "json", "py", "js", "mjs", "css", "html", "txt", "guard", "patch"];
/// Files that quote the phrases, and texts of other authors.
const EXCLUDED: [&str; 8] = [
    LIST,
    "docs/glossary.md",
    "CHANGELOG.md",
    "LICENSE-",
    "harness/console/assets/fonts/",
    "tests/fuzz/seeds/",
    "tests/clients/node/package-lock.json",
    "harness/bench/peers/node/package-lock.json",
];

/// Reports each phrase of the list in tracked text files, with its place and what to write instead,
/// and each test name and line of a comment that is too long.
pub(crate) fn run(context: &Context) -> Result {
    let path = context.root.join(LIST);
    let list = WordList::parse(&fs::read_to_string(&path).map_err(Error::io("read", &path))?)
        .map_err(|problem| Error::failed(format!("{LIST}:{problem}")))?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files::tracked(context)?.into_iter().filter(|file| is_checked(file)) {
        let path = context.root.join(&file);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let hits = list.find(prose(&file, &text));
        for hit in &hits {
            let (line, column) = (hit.line, hit.column);
            context.say(format!("{file}:{line}:{column}: `{}`: {}", hit.phrase, hit.suggestion));
        }
        let names = test_names::too_long(&files::extension(&file), &text);
        for (line, name) in &names {
            let max = test_names::MAX_WORDS;
            context.say(format!("{file}:{line}: `{name}`: use at most {max} words in the name of a test"));
        }
        let lines = comments::too_long(&files::extension(&file), &text);
        for (line, columns) in &lines {
            let max = comments::MAX_COLUMNS;
            context.say(format!("{file}:{line}: {columns} columns: wrap comments at {max}"));
        }
        let count = hits.len() + names.len() + lines.len();
        if count > 0 {
            *counts.entry(folder(&file)).or_default() += count;
        }
    }
    if counts.is_empty() {
        return Ok(());
    }
    let folders: Vec<String> = counts.iter().map(|(folder, count)| format!("{folder} {count}")).collect();
    let total: usize = counts.values().sum();
    Err(Error::failed(format!("{total} phrases, names and lines to change: {}", folders.join(", "))))
}

fn is_checked(file: &str) -> bool {
    EXTENSIONS.contains(&&*files::extension(file))
        && !EXCLUDED.iter().any(|excluded| file.starts_with(excluded))
}

/// The checked part of a file: of a patch, only the header, because the rest is code.
fn prose<'a>(file: &str, text: &'a str) -> &'a str {
    match text.split_once("\ndiff ") {
        Some((header, _)) if files::extension(file) == "patch" => header,
        _ => text,
    }
}

/// The first two folders of a file's path.
fn folder(file: &str) -> String {
    let folders: Vec<&str> = file.split('/').rev().skip(1).collect();
    match folders.iter().rev().take(2).copied().collect::<Vec<_>>().join("/") {
        folder if folder.is_empty() => ".".to_owned(),
        folder => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_checked_without_quotes_and_licences() {
        assert!(is_checked("functions/src/lib.rs"));
        assert!(is_checked("README.md"));
        assert!(!is_checked("LICENSE-MIT"));
        assert!(!is_checked("Cargo.lock"));
        assert!(!is_checked("tests/words.txt"));
        assert!(!is_checked("tests/fuzz/seeds/path/id"));
    }

    #[test]
    fn only_header_of_patch_is_checked() {
        assert_eq!(prose("a.patch", "mutation: x\n\ndiff --git a b\n"), "mutation: x\n");
        assert_eq!(prose("a.md", "x\ndiff y"), "x\ndiff y");
    }

    #[test]
    fn counts_are_per_folder() {
        assert_eq!(folder("README.md"), ".");
        assert_eq!(folder("tests/e2e/main.rs"), "tests/e2e");
        assert_eq!(folder("harness/src/iam/mod.rs"), "harness/src");
    }

    #[test]
    fn list_is_valid() {
        let path = Context::new(false).root.join(LIST);
        WordList::parse(&fs::read_to_string(path).unwrap()).unwrap();
    }
}
