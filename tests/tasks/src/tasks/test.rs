//! `cargo task test`: all tests, and the checks that need more than cargo.

use super::{
    alarms, browser, cargo_lambda, clients, deployment, infra, openapi, packages, performance, receivers,
    sdk_client, second_engine, simulate, supply_chain, tools,
};
use crate::{
    background::Job,
    cli::{Language, PackagesArgs, ReceiversArgs, SecondEngine},
    command::Context,
    error::Result,
    names::{FUNCTION_BINARIES, FUNCTIONS, HARNESS, HELLO},
    summary::Summary,
};

/// Runs all tests, or `cargo test` with the given arguments.
pub(crate) fn run(context: &Context, summary: &mut Summary, arguments: &[String]) -> Result {
    if !arguments.is_empty() {
        summary.stage(context, "Build", build)?;
        return summary.stage(context, "Tests", |context| named(context, arguments));
    }
    summary.stage(context, "Supply chain", supply_chain::run)?;
    // What needs no other stage: downloads of tools, builds, and the rounds of the simulation,
    // whose time is simulated. A stage whose tool could not be installed reports it.
    let tools = Job::start(context, "tools", tools::run)?;
    let template = Job::start(context, "infra", |context| infra::run(context, &[]))?;
    let release = Job::start(context, "release", build_release)?;
    let simulation = Job::start(context, "simulation", simulate::rounds)?;

    summary.stage(context, "Build", build)?;
    summary.stage(context, "Tests", |context| context.run(&mut context.cargo("test", ["--workspace"])))?;
    summary.stage(context, "Claims through the AWS SDK alone", sdk_client::run)?;
    summary.stage(context, "Alarms in simulated failures", |context| alarms::run(context, false))?;
    summary.stage(context, "Tools", |context| {
        // Its output reports missing tools; later stages fail or are skipped.
        let _ = tools.finish(context);
        Ok(())
    })?;
    let stack = Job::start(context, "deployment", deployment::run)?;
    for engine in SecondEngine::ALL {
        let name = format!("Second DynamoDB engine ({})", engine.name());
        summary.stage(context, &name, |context| second_engine::run(context, engine, &[]))?;
    }
    summary
        .stage(context, "Control API against its OpenAPI document", |context| openapi::run(context, &[]))?;
    summary.stage(context, "Console in a browser", |context| browser::run(context, &[]))?;
    summary.stage(context, "Public clients", |context| clients::run(context, None))?;
    for (name, language) in [("Package for Python", Language::Python), ("Package for Node", Language::Node)] {
        let wanted = PackagesArgs { language: Some(language), ..PackagesArgs::default() };
        summary.stage(context, name, |context| packages::run(context, &wanted))?;
    }
    summary.stage(context, "Receiver kits", |context| receivers::run(context, &ReceiversArgs::default()))?;
    summary.stage(context, "Template (infra/)", |context| template.finish(context))?;
    summary.stage(context, "Deployment on ministack", |context| stack.finish(context))?;
    summary.stage(context, "Release build", |context| release.finish(context))?;
    summary.stage(context, "cargo lambda watch", cargo_lambda::run)?;
    summary.stage(context, "Simulation", |context| simulation.finish(context))?;
    summary.stage(context, "Simulation in two builds", simulate::compare_builds)?;
    summary.stage(context, "Performance limits", |context| performance::run(context, &[]))
}

/// Builds all targets, then the functions as the harness builds them. That build selects other
/// features of their dependencies, and no test should wait for it.
fn build(context: &Context) -> Result {
    context.run(&mut context.cargo("build", ["--workspace", "--all-targets"]))?;
    build_programs(context)
}

/// Builds the functions and the command `harness`, as the harness itself builds them.
pub(crate) fn build_programs(context: &Context) -> Result {
    let mut functions = context.cargo("build", ["--package", FUNCTIONS, "--package", HARNESS.0]);
    context.run(functions.args(FUNCTION_BINARIES.iter().flat_map(|name| ["--bin", name])))
}

fn build_release(context: &Context) -> Result {
    let arguments = ["--release", "--package", FUNCTIONS, "--package", HELLO.0];
    context.run(context.cargo("build", arguments).args(["--bin", FUNCTION_BINARIES[0], "--bin", HELLO.1]))
}

fn named(context: &Context, arguments: &[String]) -> Result {
    let mut tests = context.cargo("test", ["--workspace"]);
    // `cargo test` itself takes only one name.
    if !arguments.iter().any(|argument| argument.starts_with('-')) {
        tests.arg("--");
    }
    context.run(tests.args(arguments))
}
