//! Names in the workspace that tasks refer to: packages, test targets, tests.

/// The package of the functions.
pub(crate) const FUNCTIONS: &str = "keysync-functions";
/// The binaries of the functions.
pub(crate) const FUNCTION_BINARIES: [&str; 3] = ["sync", "lifecycle", "redeliver"];
/// The smallest possible function, which `sync` is compared with.
pub(crate) const HELLO: (&str, &str) = ("keysync-hello", "hello");
/// The package of the `harness` command, and the command.
pub(crate) const HARNESS: (&str, &str) = ("keysync-harness", "harness");
/// The command for operators and owners.
pub(crate) const OPERATOR: &str = "keysyncctl";
/// The package of the test targets in `tests/`.
pub(crate) const TESTS: &str = "keysync-tests";

/// End-to-end tests: the target, and the folder of its modules.
pub(crate) const END_TO_END: (&str, &str) = ("e2e", "tests/e2e");
/// Random requests to the real binary, a module of the end-to-end tests.
pub(crate) const RANDOM_REQUESTS: &str = "hostile_requests::random::";
/// Random faults: the target, and its test that takes a number of rounds.
pub(crate) const FAULTS: (&str, &str) = ("fault_injection", "random_faults_violate_no_guarantee");
/// Deterministic simulation: its package, and its test that takes a number of rounds.
pub(crate) const SIMULATION: (&str, &str) = ("keysync-simulation", "random_schedules_violate_no_guarantee");
/// Its target, and its test that plays the same seeds in two processes.
pub(crate) const SAME_TRACES: (&str, &str) = ("simulation", "same_seed_gives_same_trace");
/// The code beside the model of its protocol: the target.
pub(crate) const MODEL_CONFORMANCE: &str = "model_conformance";
/// What runs for a generated mutation that no unit test detects, in this order: a heading, packages
/// and targets.
pub(crate) const MUTATION_SUITES: [(&str, &[&str], &[&str]); 2] = [
    (
        "Model and simulation",
        &["keysync-model-conformance", SIMULATION.0],
        &[MODEL_CONFORMANCE, SAME_TRACES.0],
    ),
    ("End-to-end tests", &[TESTS, OPERATOR], &[END_TO_END.0, OPERATOR]),
];
/// The same behaviour on each Lambda runtime: the target, and its test that needs cargo-lambda.
pub(crate) const CARGO_LAMBDA: (&str, &str) = ("runtimes", "cargo_lambda_runtime_shows_expected_behaviour");
/// The alarms in simulated failures: the target, and its test that takes minutes.
pub(crate) const ALARMS: (&str, &str) = ("alarms", "documented_alarms_ring_in_each_failure");
/// The console in a browser: the target, and its test that takes the pictures of the docs.
pub(crate) const CONSOLE: (&str, &str) = ("console", "documentation_pictures_are_taken");
/// Properties that hold for any input: the target; a test is `<fuzz target>_property_holds`.
pub(crate) const PROPERTIES: &str = "properties";
/// The fuzz targets in `tests/fuzz/targets`.
pub(crate) const FUZZ_TARGETS: [&str; 6] = ["path", "headers", "event", "token", "item", "lifecycle_event"];

/// The end-to-end tests of what the ledger writes, by a part of their names.
pub(crate) const ON_SECOND_ENGINE: [&str; 13] = [
    "acknowledgements::",
    "clock_skew::",
    "concurrent_claims::",
    "crash_recovery::",
    "failed_delivery_stays_pending::",
    "idempotent_replay::",
    "lifecycle_event_ordering::",
    "lost_response_is_idempotent::",
    "redelivery::",
    "service_limit::",
    "sync_by_key_state::",
    "sync_window_boundary::",
    "redeliver_",
];
/// Those of them that hold a call while others are made: moto is too slow for the SDK's timeout of
/// 1.5 s.
pub(crate) const NOT_ON_SECOND_ENGINE: [&str; 2] = ["superseded_run_", "late_older_notification_"];

/// The end-to-end tests of write conflicts, by a part of their names.
pub(crate) const WRITE_CONFLICTS: &str = "write_conflict_retries::";

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::command::Context;

    /// The names of the tests and modules in a folder, each with its module's name in front.
    fn names_in(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let module = if ["main", "mod"].contains(&&*stem) {
                prefix.to_owned()
            } else {
                format!("{prefix}{stem}::")
            };
            if path.is_dir() {
                names_in(&path, &module, names);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let functions = text.lines().filter_map(|line| line.split_once("fn ")?.1.split('(').next());
                names.extend(functions.map(|function| format!("{module}{function}")));
            }
        }
    }

    fn assert_names(folder: &str, expected: &[&str]) {
        let mut names = BTreeSet::new();
        names_in(&Context::new(false).root.join(folder), "", &mut names);
        for name in expected {
            assert!(
                names.iter().any(|test| test.contains(name)),
                "no test in {folder} has `{name}` in its name"
            );
        }
    }

    #[test]
    fn named_tests_exist() {
        let manifest = fs::read_to_string(Context::new(false).root.join("tests/Cargo.toml")).unwrap();
        let folder_of = |target: &str| {
            let after = manifest.split_once(&format!("name = \"{target}\"")).expect(target).1;
            let path = after.split('"').nth(1).unwrap();
            format!("tests/{}", path.strip_suffix("/main.rs").unwrap())
        };
        assert_eq!(folder_of(END_TO_END.0), END_TO_END.1);
        assert_names(END_TO_END.1, &[RANDOM_REQUESTS]);
        assert_names(END_TO_END.1, &ON_SECOND_ENGINE);
        assert_names(END_TO_END.1, &NOT_ON_SECOND_ENGINE);
        assert_names(END_TO_END.1, &[WRITE_CONFLICTS]);
        for (target, test) in [FAULTS, CARGO_LAMBDA, ALARMS, CONSOLE] {
            assert_names(&folder_of(target), &[test]);
        }
        assert_names("tests/simulation", &[SIMULATION.1, SAME_TRACES.1]);
        assert_names(
            "tests/fuzz/tests",
            &FUZZ_TARGETS.map(|target| format!("{target}_property_holds")).each_ref().map(|name| &**name),
        );
    }

    #[test]
    fn fuzz_targets_are_the_files() {
        let folder = Context::new(false).root.join("tests/fuzz/targets");
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let stems: BTreeSet<_> =
            files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(stems, FUZZ_TARGETS.map(str::to_owned).into());
    }
}
