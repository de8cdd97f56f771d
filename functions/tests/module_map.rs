//! Checks the module map in `src/lib.rs`: each module depends only on modules below it.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{fs, path::Path};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The modules in the order of the map, outermost first.
fn map() -> Vec<String> {
    let lib = fs::read_to_string(Path::new(SRC).join("lib.rs")).unwrap();
    let map = lib.split("//! ```").nth(1).expect("a module map in a code fence of lib.rs");
    let names = map.lines().filter_map(|line| line.strip_prefix("//! ")?.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// Collects the lines of code of a module, without tests and comments.
fn code_lines(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            code_lines(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        found.extend(code.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned));
    }
}

/// The modules of this crate that `lines` refer to.
fn dependencies(lines: &[String]) -> Vec<String> {
    let text = lines.join("\n");
    let mut found = Vec::new();
    for after in text.split("crate::").skip(1) {
        if let Some(group) = after.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut name)),
                    c if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            found.push(name);
        } else {
            found.push(after.to_owned());
        }
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    found.iter().map(|path| path.trim().chars().take_while(|c| is_word(*c)).collect()).collect()
}

#[test]
fn map_names_every_module() {
    let mut map = map();
    let lib = fs::read_to_string(Path::new(SRC).join("lib.rs")).unwrap();
    let mut modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    map.sort();
    modules.sort();
    assert_eq!(map, modules);
}

#[test]
fn modules_depend_only_on_modules_below() {
    let map = map();
    let place = |name: &str| map.iter().position(|module| module == name);
    let mut upward = Vec::new();
    let mut seen = 0;
    for (own, module) in map.iter().enumerate() {
        let mut lines = Vec::new();
        let (file, folder) = (Path::new(SRC).join(format!("{module}.rs")), Path::new(SRC).join(module));
        code_lines(if file.exists() { &file } else { &folder }, &mut lines);
        for dependency in dependencies(&lines) {
            seen += 1;
            if place(&dependency).is_some_and(|other| other < own) {
                upward.push(format!("{module} → {dependency}"));
            }
        }
    }
    assert!(seen > 50, "only {seen} dependencies found: the test misses code");
    assert_eq!(upward, [""; 0], "dependencies on modules above");
}
