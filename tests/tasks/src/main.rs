//! The task runner of this repository: `cargo task --help`.
//!
//! `tasks/` has a module for each task, `command.rs` starts processes, `summary.rs` reports stages,
//! `background.rs` runs jobs concurrently with them, `tools/` installs tools, and `names.rs` lists
//! the names of packages and tests.

#![forbid(unsafe_code)]

mod background;
mod cli;
mod command;
mod error;
mod executables;
mod files;
mod markdown;
mod names;
mod random;
mod summary;
mod tasks;
mod tools;

// With the features that the workspace's other packages enable.
use memchr as _;
use regex_automata as _;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, SecondEngine, Task},
    command::Context,
    error::Result,
    summary::{Summary, skip},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(cli.install || matches!(cli.task, Task::Ci));
    match run(&context, &cli.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(context: &Context, task: &Task) -> Result {
    let result = match task {
        Task::Test { arguments } => {
            in_stages(context, |summary| tasks::test::run(context, summary, arguments))
        }
        Task::Ci => in_stages(context, |summary| tasks::ci::run(context, summary)),
        Task::DocsSite => tasks::docs_site::run(context),
        Task::Faults(wanted) => tasks::faults::run(context, wanted),
        Task::Simulate(wanted) => tasks::simulate::run(context, wanted),
        Task::Mutants(wanted) => tasks::mutants::run(context, wanted),
        Task::Properties(wanted) => tasks::properties::run(context, wanted),
        Task::Fuzz(wanted) => tasks::fuzz::run(context, wanted),
        Task::Infra { tests } => tasks::infra::run(context, tests),
        Task::Deployment => tasks::deployment::run(context),
        Task::Alarms { write } => tasks::alarms::run(context, *write),
        Task::Browser { names } => tasks::browser::run(context, names),
        Task::Clients { language } => tasks::clients::run(context, *language),
        Task::Receivers(wanted) => tasks::receivers::run(context, wanted),
        Task::Openapi { options } => tasks::openapi::run(context, options),
        Task::Packages(wanted) => tasks::packages::run(context, wanted),
        Task::Performance { options } => tasks::performance::run(context, options),
        Task::Peers { options } => tasks::peers::run(context, options),
        Task::SupplyChain => tasks::supply_chain::run(context),
        Task::Pictures => tasks::pictures::run(context),
        Task::Sbom { target } => tasks::sbom::run(context, target.as_deref()),
        Task::Format { check } => tasks::format::run(context, *check),
        Task::Words => tasks::words::run(context),
        Task::Links => tasks::links::run(context),
        Task::SecondEngine { engine, command } => {
            let mut engines =
                SecondEngine::ALL.into_iter().filter(|one| engine.is_none_or(|wanted| wanted == *one));
            engines.try_for_each(|engine| tasks::second_engine::run(context, engine, command))
        }
        Task::CargoLambda => tasks::cargo_lambda::run(context),
        Task::Tools => tasks::tools::run(context),
    };
    skip(context, result)
}

/// Runs a task of several stages and prints the table of their results, also after a failure.
fn in_stages(context: &Context, work: impl FnOnce(&mut Summary) -> Result) -> Result {
    let mut summary = Summary::new();
    let result = work(&mut summary);
    context.say(format!("\n== Summary\n{}", summary.table()));
    result
}
