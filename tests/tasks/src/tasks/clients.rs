//! `cargo task clients`: the public clients, and the examples for test authors, against the
//! harness.

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
    tools::{npm, once, pypi},
};

const REQUIREMENTS: [&str; 3] = [
    "tests/clients/python/requirements.txt",
    "examples/pytest/requirements.txt",
    "examples/receiver/requirements.txt",
];
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
    context.say("\n-- Example for pytest");
    let mut example = as_written(context, "examples/pytest", "-m pytest")?;
    example.env(HARNESS_BIN, harness).env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
    context.run(&mut example)?;
    pytest("Example of a receiver in Python", &packages, &["-p", "no:cacheprovider", "examples/receiver"])
}

fn node(context: &Context, harness: &Path) -> Result {
    let packages = folder(context, "node", &[&format!("{NODE}/package-lock.json")])?;
    once(context, &packages, |new| {
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            let from = context.root.join(NODE).join(file);
            fs::copy(&from, new.join(file)).map_err(Error::io("copy", &from))?;
        }
        let mut install = context.command("npm");
        install.args(["ci", "--ignore-scripts", "--loglevel=error"]).current_dir(new);
        context
            .run(&mut install)
            .map_err(|error| Error::missing(error.to_string(), format!("npm ci in {NODE}")))
    })?;
    context.say("\n-- Public Node client and libraries for callbacks");
    // A shell expands the pattern, because Node before version 21 does not.
    let mut tests = context.command("sh");
    tests.args(["-c", &format!("node --test {NODE}/*.test.mjs")]).env(HARNESS_BIN, harness);
    context.run(tests.env("NODE_PATH", packages.join("node_modules")))?;
    context.say("\n-- Example for Node");
    context.run(as_written(context, "examples/node", "node --test")?.env(HARNESS_BIN, harness))
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

/// The shell command that contains `part`, exactly as in the README of an example.
fn as_written(context: &Context, example: &str, part: &str) -> Result<std::process::Command> {
    let readme = context.root.join(example).join("README.md");
    let text = fs::read_to_string(&readme).map_err(Error::io("read", &readme))?;
    let command = documented(&text, part)
        .ok_or_else(|| Error::failed(format!("{example}/README.md has no command with `{part}`")))?;
    context.say(format!("$ {command}"));
    let mut shell = context.command("sh");
    // `python3` becomes the interpreter that `PYTHON` names.
    shell.arg("-c").arg(format!("python3() {{ command \"$PYTHON\" \"$@\"; }}\n{command}"));
    shell.env("PYTHON", Context::python());
    Ok(shell)
}

/// The line with `part` in one of the text's `sh` code fences.
fn documented<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    let mut is_shell = false;
    text.lines().find(|line| {
        if line.starts_with("```") {
            is_shell = *line == "```sh";
        }
        is_shell && line.contains(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_command_is_found() {
        let text = "# Title\n\nRun pytest -m pytest:\n\n```sh\ncargo build\npython3 -m pytest examples/pytest\n```\n";
        assert_eq!(documented(text, "-m pytest"), Some("python3 -m pytest examples/pytest"));
        assert_eq!(documented(text, "node --test"), None);
    }
}
