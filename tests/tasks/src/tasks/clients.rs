//! `cargo task clients`: the public clients, and the example of a receiver, against the harness.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use super::openapi::{HARNESS_BIN, build_harness};
use crate::{
    background::Job,
    cli::Language,
    command::Context,
    error::{Error, Result},
    names::FUNCTIONS,
    summary::skip,
    tools::{npm, pypi},
};

const REQUIREMENTS: [&str; 2] =
    ["tests/clients/python/requirements.txt", "examples/receiver/requirements.txt"];
/// The client before version 3: its module has the same name.
const REQUIREMENTS_2: &str = "tests/clients/python-2/requirements.txt";
/// The libraries that verify callbacks.
const REQUIREMENTS_WEBHOOKS: &str = "tests/clients/webhooks/requirements.txt";
const NODE: &str = "tests/clients/node";

/// Runs the clients and examples of a language, or of both concurrently, because they spend most of
/// the time waiting for responses.
pub(crate) fn run(context: &Context, language: Option<Language>) -> Result {
    let languages = match language {
        Some(language) => vec![language],
        None => vec![Language::Python, Language::Node],
    };
    let mut lacking = Vec::new();
    let mut ready = Vec::new();
    for language in languages {
        match language.check(context) {
            Ok(()) => ready.push(language),
            Err(error) => lacking.push((language, error)),
        }
    }
    if ready.is_empty() {
        return lacking.into_iter().next().map_or(Ok(()), |(_, error)| Err(error));
    }
    for (language, error) in lacking {
        context.say(format!("{}:", language.name()));
        skip(context, Err(error))?;
    }
    let harness = match env::var_os(HARNESS_BIN) {
        Some(named) => PathBuf::from(named),
        None => build_harness(context, &[FUNCTIONS])?,
    };
    if let [language] = ready[..] {
        return language.run(context, &harness);
    }
    let start = |language: &Language| {
        let (language, harness) = (*language, harness.clone());
        Job::start(context, language.name(), move |context| language.run(context, &harness))
    };
    let jobs = ready.iter().map(start).collect::<Result<Vec<_>>>()?;
    // Shows the output of all, even if one fails.
    let results: Vec<Result> = jobs.into_iter().map(|job| job.finish(context)).collect();
    results.into_iter().collect()
}

impl Language {
    const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    fn check(self, context: &Context) -> Result {
        match self {
            Self::Python => pypi::python(context).map(drop),
            Self::Node => npm::node(context),
        }
    }

    fn run(self, context: &Context, harness: &Path) -> Result {
        match self {
            Self::Python => python(context, harness),
            Self::Node => node(context, harness),
        }
    }
}

fn python(context: &Context, harness: &Path) -> Result {
    let python = pypi::python(context)?;
    let packages = folder(context, &python.tag, &REQUIREMENTS)?;
    python.requirements(context, &REQUIREMENTS, &packages)?;
    let packages_2 = folder(context, &python.tag, &[REQUIREMENTS_2])?;
    python.requirements(context, &[REQUIREMENTS_2], &packages_2)?;
    let webhooks = folder(context, &python.tag, &[REQUIREMENTS_WEBHOOKS])?;
    python.requirements(context, &[REQUIREMENTS_WEBHOOKS], &webhooks)?;
    let pytest = |heading: &str, packages: &Path, arguments: &[&str]| {
        context.say(format!("\n-- {heading}"));
        let mut command = context.command(&python.program);
        command.args(["-m", "pytest", "--quiet"]).args(arguments).env(HARNESS_BIN, harness);
        context.run(command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1"))
    };
    pytest("Public Python client before version 3", &packages_2, &["tests/clients/python-2"])?;
    pytest("Public Python client", &packages, &["tests/clients/python"])?;
    pytest("Public Python libraries for callbacks", &webhooks, &["tests/clients/webhooks"])?;
    pytest("Example of a receiver in Python", &packages, &["-p", "no:cacheprovider", "examples/receiver"])
}

fn node(context: &Context, harness: &Path) -> Result {
    let packages = npm::ci(context, NODE)?;
    context.say("\n-- Public Node client and libraries for callbacks");
    // A shell expands the pattern, because Node before version 21 does not.
    let mut tests = context.command("sh");
    tests.args(["-c", &format!("node --test {NODE}/*.test.mjs")]).env(HARNESS_BIN, harness);
    context.run(tests.env("NODE_PATH", packages.join("node_modules")))
}

/// The folder for the packages of some requirements files.
pub(super) fn folder(context: &Context, tag: &str, files: &[&str]) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let path = context.root.join(file);
        fs::read(&path).map_err(Error::io("read", &path))?.hash(&mut hasher);
    }
    Ok(context.target.join("clients").join(format!("{tag}-{:016x}", hasher.finish())))
}
