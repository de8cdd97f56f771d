//! `cargo task performance`: limits on measurements that do not depend on the load.

use std::env::consts::{ARCH, OS};

use crate::{
    command::Context,
    error::{Error, Result},
    names::HARNESS,
    tools::debian,
};

const LIMITS: &str = "tests/performance.json";
/// Valgrind, and the symbols of libc that it recommends.
const PACKAGES: [&str; 2] = ["valgrind", "libc6-dbg"];

/// Finds valgrind, or installs it.
pub(crate) fn install(context: &Context) -> Result {
    debian::ensure(context, &["valgrind"], &PACKAGES)
}

/// Builds `sync` as it is deployed, and compares its bytes, and the calls, instructions, system
/// calls and allocations of a request of each kind, with their limits.
/// `options` go to `harness bench check`.
pub(crate) fn run(context: &Context, options: &[String]) -> Result {
    if (OS, ARCH) != ("linux", "x86_64") {
        let reason = format!("{LIMITS} is for Linux on x86_64, this is {OS} on {ARCH}");
        return Err(Error::Unsupported(reason));
    }
    install(context)?;
    let mut check = context.cargo("run", ["--quiet", "--package", HARNESS.0, "--"]);
    context.run(check.args(["bench", "check", "--limits", LIMITS]).args(options))
}
