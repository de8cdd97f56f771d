//! `cargo task mutants --generated`: mutations that cargo-mutants makes, in a copy of HEAD.
//!
//! The unit tests run for every mutation. They are fast, but most writes of the ledger are tested
//! from outside, so that other suites then run for the mutations that survive.
//! `docs/explanation/generated-mutations.md` has the results.

mod explained;
mod mutation;

use std::{fs, path::PathBuf};

use explained::Explained;
use mutation::Mutation;
use regex::escape;

use super::Tree;
use crate::{
    cli::GeneratedArgs,
    command::Context,
    error::{Error, Result},
    names::{FUNCTIONS, MUTATION_SUITES},
    tools::cargo_install,
};

/// The version of cargo-mutants. Other versions make other mutations.
const VERSION: &str = "27.1.0";
/// The sources of the library.
const SOURCES: &str = "functions/src";
/// The modules that are mutated, unless files are named.
const MODULES: [&str; 4] = ["ledger", "domain", "iam", "delivery"];
/// The time limits of the build and of the tests of a suite of other packages, in seconds.
const SUITE_TIMEOUT: &str = "1200";
/// cargo-mutants' exit codes for a run that is complete: all mutations detected, one survived, one
/// timed out.
const COMPLETE: [i32; 3] = [0, 2, 3];

/// Runs the selected mutations; fails if one survives that no row explains.
pub(super) fn run(context: &Context, filters: &GeneratedArgs) -> Result {
    let explained = Explained::read(context)?;
    let lab = Lab::create(context)?;
    context.say("\n== Unit tests");
    let Tested { tested, survivors } = lab.test("0", &lab.selected(context, filters)?, &[], &["--lib"])?;
    let sources = lab.tree.root().join(SOURCES);
    let mut named = Vec::new();
    for name in survivors {
        named.push((Mutation::parse(&name, &sources)?, name));
    }
    // The other suites would take minutes for each, and detect none of them.
    let (known, named): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(mutation, _)| explained.contains(mutation));
    let mut survivors: Vec<String> = named.into_iter().map(|(_, name)| name).collect();
    for (number, (suite, packages, targets)) in MUTATION_SUITES.into_iter().enumerate() {
        if survivors.is_empty() {
            break;
        }
        context.say(format!("\n== {suite}: the {} mutations that survived so far", survivors.len()));
        // The whole name with its position: others are not tested again.
        let these: Vec<String> =
            survivors.iter().flat_map(|name| ["--re".to_owned(), format!("^{}$", escape(name))]).collect();
        let targets: Vec<&str> = targets.iter().flat_map(|target| ["--test", target]).collect();
        lab.passes_unmodified(packages, &targets)?;
        survivors = lab.test(&(number + 1).to_string(), &these, packages, &targets)?.survivors;
    }
    let survivors =
        survivors.iter().map(|name| Mutation::parse(name, &sources)).collect::<Result<Vec<_>>>()?;
    report(context, &survivors, known.len(), tested)
}

/// Checks that the line of code in each row of explained survivors exists.
pub(super) fn check(context: &Context) -> Result {
    let explained = Explained::read(context)?;
    explained.check(&context.root.join(SOURCES))?;
    context.say(format!("{} explained survivors exist", explained.len()));
    Ok(())
}

/// cargo-mutants, the tree that it modifies, and the folder of its results.
struct Lab {
    program: PathBuf,
    tree: Tree,
    results: PathBuf,
}

/// How a run ended.
struct Tested {
    tested: usize,
    /// The names as cargo-mutants prints them: `FILE:LINE:COLUMN: CHANGE`.
    survivors: Vec<String>,
}

impl Lab {
    fn create(context: &Context) -> Result<Self> {
        let program = cargo_install::program(context, "cargo-mutants", "cargo-mutants", VERSION)?;
        let results = context.target.join("mutants/generated");
        fs::create_dir_all(&results).map_err(Error::io("create", &results))?;
        Ok(Self { program, tree: Tree::create(context)?, results })
    }

    /// The arguments that select mutations.
    fn selected(&self, context: &Context, filters: &GeneratedArgs) -> Result<Vec<String>> {
        let globs = match &filters.file[..] {
            [] => MODULES.map(|module| format!("{SOURCES}/{module}/**")).to_vec(),
            files => files.to_vec(),
        };
        let mut arguments: Vec<String> =
            globs.into_iter().flat_map(|glob| ["--file".to_owned(), glob]).collect();
        if let Some(shard) = &filters.shard {
            // Round robin: files of which each mutation takes long are spread over all shards.
            arguments.extend(["--sharding", "round-robin", "--shard", shard].map(str::to_owned));
        }
        if let Some(base) = &filters.changed {
            let mut diff = context.command("git");
            diff.args(["diff", &format!("{base}...HEAD"), "--", SOURCES]);
            let file = self.results.join("changed.diff");
            fs::write(&file, context.capture(&mut diff)?).map_err(Error::io("write", &file))?;
            arguments.extend(["--in-diff".to_owned(), file.display().to_string()]);
        }
        Ok(arguments)
    }

    /// Checks that a suite passes on the unmodified code. cargo-mutants looks for its targets in
    /// the mutated package, so that it cannot check this itself.
    fn passes_unmodified(&self, packages: &[&str], tests: &[&str]) -> Result {
        let mut suite = self.tree.cargo("test");
        suite.args(packages.iter().flat_map(|package| ["--package", package])).args(tests);
        if self.tree.status(suite.arg("--quiet"))?.success() {
            return Ok(());
        }
        Err(Error::failed("the unmodified code does not pass this suite"))
    }

    /// Runs these tests for the selected mutations: those of `packages`, or of the mutated package.
    /// The results go to the folder `name`.
    fn test(&self, name: &str, selected: &[String], packages: &[&str], tests: &[&str]) -> Result<Tested> {
        let output = self.results.join(name);
        let results = output.join("mutants.out");
        if results.is_dir() {
            fs::remove_dir_all(&results).map_err(Error::io("delete", &results))?;
        }
        fs::create_dir_all(&output).map_err(Error::io("create", &output))?;
        let mut run = self.tree.program(&self.program);
        run.args(["mutants", "--in-place", "--package", FUNCTIONS, "--cargo-arg=--locked", "--caught"]);
        run.arg("--output").arg(&output).args(selected);
        if !packages.is_empty() {
            run.args(["--baseline", "skip", "--build-timeout", SUITE_TIMEOUT, "--timeout", SUITE_TIMEOUT]);
            run.args(packages.iter().map(|package| format!("--test-package={package}")));
        }
        run.args(tests.iter().map(|argument| format!("--cargo-test-arg={argument}")));
        let code = self.tree.status(&mut run)?.code();
        if !code.is_some_and(|code| COMPLETE.contains(&code)) {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
            let message = format!("cargo-mutants ended with {code}; its logs are in {}", results.display());
            return Err(Error::failed(message));
        }
        let listed = |kind: &str| {
            let file = results.join(format!("{kind}.txt"));
            if !file.is_file() {
                return Ok(Vec::new()); // a diff without a mutation
            }
            let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
            Ok(text.lines().map(str::to_owned).collect::<Vec<_>>())
        };
        let (survivors, caught, timed_out) = (listed("missed")?, listed("caught")?, listed("timeout")?);
        Ok(Tested { tested: survivors.len() + caught.len() + timed_out.len(), survivors })
    }
}

/// Prints the results: of `tested` mutations, these survived without an explanation, and this many
/// with one.
fn report(context: &Context, unexplained: &[Mutation], explained: usize, tested: usize) -> Result {
    let survived = unexplained.len() + explained;
    context.say(format!(
        "\n== {tested} mutations: {} detected, {survived} survived, {} of these without an explanation",
        tested - survived,
        unexplained.len(),
    ));
    if unexplained.is_empty() {
        return Ok(());
    }
    context.say("| file | line | mutation |\n| --- | --- | --- |");
    for mutation in unexplained {
        context.say(mutation.row());
    }
    let (count, page) = (unexplained.len(), explained::PAGE);
    Err(Error::failed(format!(
        "{count} mutations survived; write a test that fails with it, or, if none can, a row in {page}"
    )))
}
