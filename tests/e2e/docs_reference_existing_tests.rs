//! Every test that a document names exists.

use std::{fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Appends all Rust code below `folder`.
fn code(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            code(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The strings between backquotes in the form `file::test`.
fn named(document: &str) -> impl Iterator<Item = &str> {
    let is_path = |text: &&str| {
        text.contains("::")
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':'))
    };
    document.split('`').skip(1).step_by(2).filter(is_path)
}

/// The pages that name tests.
const PAGES: [&str; 5] =
    ["security.md", "security-standards.md", "guarantees.md", "mutations.md", "reliability.md"];

#[test]
fn every_test_named_in_docs_exists() {
    let mut all = String::new();
    for folder in ["functions", "harness", "tests"] {
        code(&Path::new(ROOT).join(folder), &mut all);
    }
    let mut count = 0;
    let mut missing = Vec::new();
    for page in PAGES {
        let document = fs::read_to_string(Path::new(ROOT).join("docs/explanation").join(page)).unwrap();
        let open = document.lines().find(|line| line.starts_with('|') && line.matches('`').count() % 2 == 1);
        assert_eq!(open, None, "{page}: a row with an open code span");
        count += named(&document).count();
        missing.extend(
            named(&document)
                .filter(|path| !all.contains(&format!("fn {}(", path.rsplit("::").next().unwrap())))
                .map(|path| format!("{page}: {path}")),
        );
    }
    assert_eq!(missing, [""; 0]);
    assert!(count > 150, "the pages name tests: {count}");
}
