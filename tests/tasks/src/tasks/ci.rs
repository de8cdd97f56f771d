//! `cargo task ci`: everything that must pass before a change lands.

use super::{docs_site, format, links, mutants, words};
use crate::{cli::MutantsArgs, command::Context, error::Result, names::HARNESS, summary::Summary};

/// Runs all checks, and all tests as `cargo task test --install` does.
pub(crate) fn run(context: &Context, summary: &mut Summary) -> Result {
    let check = MutantsArgs { check: true, ..MutantsArgs::default() };
    summary.stage(context, "Mutations apply", |context| mutants::run(context, &check))?;
    summary.stage(context, "Formatting", |context| format::run(context, true))?;
    summary.stage(context, "Words", words::run)?;
    summary.stage(context, "Lints", |context| {
        context.run(&mut context.cargo("clippy", ["--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    // The test command of the README, as it is written there.
    summary.stage(context, "Tests", |context| {
        context.run(context.command("cargo").args(["task", "test", "--install"]))
    })?;
    summary.stage(context, "Documentation", |context| {
        let arguments = ["--workspace", "--no-deps", "--document-private-items"];
        context.run(context.cargo("doc", arguments).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    summary.stage(context, "Documentation site", docs_site::run)?;
    summary.stage(context, "Demo", |context| {
        context.run(&mut context.cargo("run", ["--quiet", "--package", HARNESS.0, "--", "demo"]))
    })?;
    summary.stage(context, "Links", links::run)
}
