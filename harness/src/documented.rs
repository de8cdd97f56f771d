//! Every public item of the harness has an example in its documentation, which the tests compile.

use std::{fs, path::Path};

/// What only the command `harness` is made of.
const OF_THE_COMMAND: [&str; 2] = ["bench", "cli"];

/// The lines of public items without an example, as `file:line`.
fn without_an_example(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && OF_THE_COMMAND.iter().all(|folder| path.file_name().unwrap() != *folder) {
            found.extend(without_an_example(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = source.lines().map(str::trim).collect();
            for (number, line) in lines.iter().enumerate().filter(|(_, line)| is_public_item(line)) {
                let documentation = lines[..number].iter().rev().take_while(|line| {
                    line.starts_with("///") || line.starts_with('#') || line.starts_with(")]")
                });
                if !documentation.into_iter().any(|line| line.starts_with("/// ```")) {
                    found.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
            }
        }
    }
    found
}

/// Modules tell what they are for, and fields and variants belong to an item.
fn is_public_item(line: &str) -> bool {
    ["fn", "async fn", "const fn", "struct", "enum", "trait", "const", "type"]
        .iter()
        .any(|kind| line.starts_with(&format!("pub {kind} ")))
}

#[test]
fn every_public_item_has_an_example() {
    let without = without_an_example(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(without.is_empty(), "no example in the documentation of\n{}", without.join("\n"));
}

#[test]
fn an_item_without_one_is_found() {
    for line in ["pub fn a() {", "pub async fn b(", "pub struct C;", "pub const D: u8 = 1;"] {
        assert!(is_public_item(line), "{line}");
    }
    for line in ["pub mod a;", "pub(crate) fn b() {", "pub field: u8,", "pub use a::b;"] {
        assert!(!is_public_item(line), "{line}");
    }
}
