//! Each test says how the functions run: no test runs them in its process because of a default.

use std::{fs, path::Path};

/// The folders of tests of the product and of the harness, relative to this package.
const FOLDERS: [&str; 4] = [".", "../infra/keysyncctl/tests", "../harness/tests", "../harness/cli/tests"];

/// The helper that makes the choice for other tests.
const HELPER: &str = "shared/binaries.rs";

/// What starts a harness in the default mode, unless a mode follows. In two parts, so that this
/// file does not have them.
const START: &str = concat!("Harness::", "start()");
const BUILDER: &str = concat!("Harness::", "builder()");

#[test]
fn harnesses_in_tests_choose_how_functions_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut uses = 0;
    for folder in FOLDERS {
        let mut sources = Vec::new();
        rust_files(&root.join(folder), &mut sources);
        assert!(!sources.is_empty(), "no Rust file in {folder}");
        for path in sources.iter().filter(|path| !path.ends_with(HELPER)) {
            let source = fs::read_to_string(path).unwrap();
            let defaults: Vec<_> = uses_of_the_default(&source).collect();
            assert!(
                defaults.is_empty(),
                "{}: {defaults:?} run the functions in the test's process: start with `binaries()` of \
                 tests/{HELPER}, or say `{BUILDER}.mode(Mode::InProcess)`",
                path.display()
            );
            uses += source.matches("binaries()").count();
        }
    }
    assert!(uses > 50, "the tests of the product run the binaries: {uses} uses of `binaries()`");
}

#[test]
fn default_mode_is_found_in_source() {
    let in_process = format!("{BUILDER}\n    .mode(Mode::InProcess)");
    assert_eq!(uses_of_the_default(START).count(), 1);
    assert_eq!(uses_of_the_default(&format!("{BUILDER}.quiet(true); {in_process}")).count(), 1);
    assert_eq!(uses_of_the_default(&in_process).count(), 0);
}

/// The places that start a harness, or a builder of one, without a mode.
fn uses_of_the_default(source: &str) -> impl Iterator<Item = &str> {
    let starts = source.match_indices(START).map(|(at, _)| &source[at..]);
    let builders = source.match_indices(BUILDER).map(|(at, text)| (at, &source[at + text.len()..]));
    let builders = builders.filter(|(_, rest)| !rest.trim_start().starts_with(".mode("));
    let builders = builders.map(|(at, _)| &source[at..]);
    starts.chain(builders).map(|place| place.lines().next().unwrap_or_default())
}

fn rust_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
