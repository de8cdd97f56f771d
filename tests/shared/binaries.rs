//! Harnesses that run the functions' real binaries: what the tests of the product use.
//!
//! A harness runs the functions in the test's process unless it is asked for the binaries. A test
//! of the product asks for them, because the binaries are what is deployed;
//! `harnesses_in_tests_choose_how_functions_run` checks that every test makes the choice.

use std::{process::Command, sync::LazyLock};

use keysync_testkit::{Harness, HarnessBuilder};

/// A builder of a harness that runs the functions' binaries, built from the present source.
pub(crate) fn binaries() -> HarnessBuilder {
    assert!(*BUILT, "the build of the functions failed: see cargo's output above");
    Harness::builder().binaries()
}

/// Whether the binaries are those of the present source. The harness finds them beside the test's
/// executable. A runner that is not cargo, or that names a binary, has built them itself.
static BUILT: LazyLock<bool> = LazyLock::new(|| {
    let Some(cargo) = std::env::var_os("CARGO") else { return true };
    if std::env::var_os("KEYSYNC_SYNC_BIN").is_some() {
        return true;
    }
    // With these two packages cargo selects the features that the tests' dependencies have, so that
    // it does not build those again.
    let mut build = Command::new(cargo);
    build.args(["build", "--package", "keysync-functions", "--package", "keysync-harness"]);
    build.args(["--bin", "sync", "--bin", "lifecycle", "--bin", "redeliver"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    build.status().is_ok_and(|status| status.success())
});
