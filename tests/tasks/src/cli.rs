//! The command line.
#![expect(clippy::doc_markdown, reason = "these comments are help texts, which are not Markdown")]

mod mutants;
mod packages;
mod random;
mod simulate;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use mutants::{GeneratedArgs, MutantsArgs};
pub(crate) use packages::{Language, PackagesArgs};
pub(crate) use random::{FaultsArgs, FuzzArgs, PropertiesArgs};
pub(crate) use simulate::{Regions, SimulateArgs};

/// Runs this repository's tests, checks and tools.
///
/// A check whose tool is not installed is skipped and prints the command that installs the tool.
/// Tools from PyPI and npm and Rust programs go into the target directory; system packages are
/// installed only with --install.
///
/// Exits with 0 if everything passed or was skipped, 1 if something failed, 2 for an invalid
/// command line.
#[derive(Debug, Parser)]
#[command(name = "task", bin_name = "cargo task", verbatim_doc_comment)]
#[command(after_help = "Start with `cargo task test`. `cargo task TASK --help` describes a task.")]
pub(crate) struct Cli {
    /// Install missing system packages with apt-get (as root, or with sudo). A tool that is still
    /// missing then fails its check.
    #[arg(long, global = true)]
    pub(crate) install: bool,

    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Run all tests, and the checks that need more than cargo
    ///
    /// With arguments, runs only `cargo test` with them.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "\
Examples:
  cargo task test                        all tests: about half an hour
  cargo task test --install              and install the system packages they need
  cargo task test window lease           the tests with one of these in their names
  cargo task test --test e2e -- window   as for `cargo test`")]
    Test {
        /// Parts of tests' names, or arguments of `cargo test`
        #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run everything that must pass before a change lands
    ///
    /// This is what .ci/run does: mutants --check, formatting, lints, `cargo task test --install`,
    /// documentation, the demo, and links. It installs system packages.
    #[command(verbatim_doc_comment)]
    Ci,
    /// Run rounds of random faults against the functions
    ///
    /// A round that fails prints its seed, what happened, and how to repeat it. By default one
    /// round of ten runs the real binaries. KEYSYNC_TEST_DYNAMODB=URL selects another DynamoDB
    /// engine.
    #[command(verbatim_doc_comment)]
    Faults(FaultsArgs),
    /// Simulate random schedules of the functions, their table and their peers
    ///
    /// Runs in one thread per processor, in simulated time; a seed gives the same round each time.
    /// A round that violates a guarantee is reduced to the steps that matter, and printed with the
    /// command that repeats it. The first run builds the dependencies with optimizations.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "\
Examples:
  cargo task simulate                         10,000 rounds from a random seed
  cargo task simulate --rounds 1 --seed 7     repeat the seed 7
  cargo task simulate --mutations             break each guard that has a line `simulation:` in
                                              tests/mutations; the round that finds it
  cargo task simulate --mutations 05 lease    patches with one of these in their names, with this
                                              line or without")]
    Simulate(SimulateArgs),
    /// Apply one mutation at a time and expect a test to fail
    ///
    /// Applies each patch in tests/mutations to a copy of HEAD below target/mutants, and runs the
    /// test that its header names. Ends with a table in Markdown; fails if a mutation was not
    /// detected. The first run builds all dependencies once more.
    ///
    /// With --generated, cargo-mutants makes the mutations: it replaces each function's body, each
    /// operator and so on. All unit tests run for each of them; for those that survive, the
    /// comparison with the model, the simulation and the end-to-end tests. Fails if one survives
    /// that docs/explanation/generated-mutations.md does not explain.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "\
Examples:
  cargo task mutants lease            only patches with this in their names
  cargo task mutants --check          each patch applies, and its test exists; in seconds
  cargo task mutants --traces         those that the comparison with the model must reject, and
                                      the path or trace that does
  cargo task mutants --traces lease   these, whether it must reject them or not
  cargo task mutants --generated --changed origin/main
                                      generated ones in the lines that a branch changes
  cargo task mutants --generated --file '**/ledger/claim.rs' --file '**/domain/*.rs'
  cargo task mutants --generated --shard 0/8
                                      an eighth of all: hours")]
    Mutants(MutantsArgs),
    /// Test properties that hold for any input, with fresh random seeds
    ///
    /// `cargo test` runs the same tests with a fixed seed. An input that breaks a property is
    /// written to tests/fuzz/seeds/TARGET, and `cargo test` uses it from then on: commit it with
    /// the fix. (A request cannot be stored, because its token expires: add its random seed to
    /// SEEDS in tests/e2e/hostile_requests/random.rs.)
    #[command(verbatim_doc_comment)]
    #[command(after_help = "\
Examples:
  cargo task properties                          50 seeds: a few minutes
  cargo task properties --seeds 1 --seed 12345   repeat the seed 12345
  cargo task properties --seeds 1000 token       one target, for hours")]
    Properties(PropertiesArgs),
    /// Search for input that breaks a property, with libFuzzer
    ///
    /// Starts with tests/fuzz/seeds and the inputs of earlier runs (target/fuzz/corpus). An input
    /// that breaks a property is written to target/fuzz/broken: fix the code, and add the input to
    /// the seeds. Needs a C++ compiler; the first build takes five minutes.
    #[command(verbatim_doc_comment)]
    Fuzz(FuzzArgs),
    /// Check the deployment (infra/) without an account
    ///
    /// Linters, rules, parameters, packaging, and a stack on an emulated AWS. The tools (330 MB
    /// from PyPI, and cfn-guard as a Rust crate) take a few minutes to install.
    #[command(verbatim_doc_comment)]
    Infra {
        /// Tests in tests/infra, such as `test_rules`; all by default
        #[arg(value_name = "TEST")]
        tests: Vec<String>,
    },
    /// Run the stack of infra/ on an emulated AWS (ministack)
    ///
    /// SAM's template is deployed with the real functions, and a key's story is played through its
    /// function URL, event bus, queues and schedule; then once more for each wire of the template,
    /// without it, which has to fail. Takes about four minutes, most of which is waiting.
    #[command(verbatim_doc_comment)]
    Deployment,
    /// Simulate a day of each failure, and compare what rings with docs/reference/alarms.md
    ///
    /// The functions' handlers run behind the harness; what AWS measures is modelled. Takes a few
    /// minutes.
    #[command(verbatim_doc_comment)]
    Alarms {
        /// Write the tables in docs/reference/alarms.md
        #[arg(long)]
        write: bool,
    },
    /// Test the console in Chromium
    ///
    /// CHROMIUM and CHROMEDRIVER select other programs than those on the PATH.
    #[command(verbatim_doc_comment)]
    Browser {
        /// Parts of tests' names; all by default
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Test the public clients, and the example of a receiver, against the harness
    ///
    /// KEYSYNC_HARNESS_BIN selects an existing build of the harness, and PYTHON another Python.
    #[command(verbatim_doc_comment)]
    Clients {
        /// The clients of one language only
        language: Option<Language>,
    },
    /// Test the receiver kits in Rust, Python, JavaScript, Go and Java
    ///
    /// Each kit has to agree with harness/receiver/vectors.json, and all with each other on random
    /// callbacks; the example services get callbacks of the test, and of the real functions. Needs
    /// Python, Node, Go and a JDK; a kit whose tools are missing is skipped.
    #[command(verbatim_doc_comment)]
    #[command(
        after_help = "Example: cargo task receivers --seconds 60 --seed 7   random callbacks for a minute"
    )]
    Receivers(ReceiversArgs),
    /// Compare the control API with its OpenAPI document (schemathesis)
    ///
    /// Sends 15 requests to each operation of a running harness, the same in each run. Fails if a
    /// response is undocumented, an invalid request is accepted, or a status is 5xx.
    /// KEYSYNC_HARNESS_BIN selects an existing build of the harness, and PYTHON another Python.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "Example: cargo task openapi --max-examples 500 --seed 7")]
    Openapi {
        /// Options of `schemathesis run`
        #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Build the packages of the harness for Python and Node, and test them without Rust
    ///
    /// Writes a wheel and two npm packages to target/packages. Installs them into empty folders as
    /// the how-to guides do, and runs the packages' tests and the examples there.
    #[command(verbatim_doc_comment)]
    Packages(PackagesArgs),
    /// Compare the size and cost of `sync` with their limits
    ///
    /// Builds `sync` as it is deployed, and counts its bytes, and the calls and instructions of a
    /// request of each kind. Fails if one exceeds its limit in tests/performance.json. Needs
    /// valgrind, and Linux on x86_64.
    #[command(verbatim_doc_comment)]
    Performance {
        /// Options of `harness bench check`
        #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Measure `sync` beside the functions that a user would write in Python and Node
    ///
    /// Installs the packages of harness/bench/peers and runs `harness bench` with them. Needs
    /// Python with pip, and Node with npm. PYTHON selects another Python.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "Example: cargo task peers --requests 500 --json")]
    Peers {
        /// Options of `harness bench`
        #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Check licences, sources and duplicates of all crates, and that no code is unsafe
    ///
    /// Runs cargo-deny with deny.toml. Advisories need a database on the network; SECURITY.md has
    /// the command for them.
    #[command(verbatim_doc_comment)]
    SupplyChain,
    /// Take the pictures in docs/reference/console.md again
    Pictures,
    /// Write a software bill of materials (CycloneDX 1.5) for each function to target/sbom
    Sbom {
        /// The target triple, such as aarch64-unknown-linux-gnu; this machine's by default
        target: Option<String>,
    },
    /// Format the Rust and Python code, and check the Python code with ruff
    Format {
        /// Only check that it is formatted
        #[arg(long)]
        check: bool,
    },
    /// Find phrases that this project does not use, and test names and comments that are too long
    ///
    /// tests/words.txt lists the phrases, each with what to write instead.
    #[command(verbatim_doc_comment)]
    Words,
    /// Check relative links and anchors in Markdown files (lychee), and paths in backticks
    Links,
    /// Build the documentation as pages with search, in target/docs-site/site
    ///
    /// Fails if a link is broken, or a page is not in docs/README.md. Needs Python and npm.
    #[command(verbatim_doc_comment)]
    DocsSite,
    /// Run the ledger's tests and some fault rounds on a second DynamoDB engine
    ///
    /// With a COMMAND, runs it instead, with KEYSYNC_TEST_DYNAMODB set to the engine's URL.
    #[command(verbatim_doc_comment)]
    #[command(after_help = "\
Examples:
  cargo task second-engine                        on each engine: a few minutes
  cargo task second-engine --engine ministack cargo test --workspace --test e2e one_request_wins")]
    SecondEngine {
        /// The engine; each one by default
        #[arg(long)]
        engine: Option<SecondEngine>,
        /// A command to run in place of the tests
        #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run the behaviour tests under `cargo lambda watch`
    CargoLambda,
    /// Install the tools that `cargo task test` uses
    Tools,
}

#[derive(Debug, Default, Args)]
pub(crate) struct ReceiversArgs {
    /// Only compare the kits on random callbacks, for this long
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seconds: u32,
    /// The first seed of the random callbacks; the same in each run by default
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u32>,
}

/// A DynamoDB engine other than the embedded one.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum SecondEngine {
    Moto,
    Ministack,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["task"].iter().chain(arguments))
    }

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn install_is_accepted_after_the_task() {
        let cli = parse(&["test", "--install"]).unwrap();
        assert!(cli.install);
        assert!(matches!(cli.task, Task::Test { arguments } if arguments.is_empty()));
    }

    #[test]
    fn arguments_of_cargo_test_are_kept() {
        let cli = parse(&["test", "--test", "e2e", "--", "window", "--nocapture"]).unwrap();
        let Task::Test { arguments } = cli.task else { panic!("not the task `test`") };
        assert_eq!(arguments, ["--test", "e2e", "--", "window", "--nocapture"]);
    }

    #[test]
    fn second_engine_is_selected_before_command() {
        let cli = parse(&["second-engine", "--engine", "ministack", "cargo", "test", "--engine"]).unwrap();
        let Task::SecondEngine { engine, command } = cli.task else { panic!("not the task `second-engine`") };
        assert_eq!(engine, Some(SecondEngine::Ministack));
        assert_eq!(command, ["cargo", "test", "--engine"]);
    }

    #[test]
    fn invalid_numbers_and_targets_are_usage_errors() {
        for arguments in
            [["properties", "--seeds", "0"], ["fuzz", "--seconds", "x"], ["faults", "--seed", "-1"]]
        {
            assert_eq!(parse(&arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
        assert_eq!(parse(&["fuzz", "requests"]).unwrap_err().kind(), ErrorKind::InvalidValue);
    }
}
