//! `cargo task receivers`: the receiver kits of all languages, with the test vectors, with random
//! callbacks on which they have to agree, and with callbacks of the real sender.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    clients,
    openapi::{HARNESS_BIN, build_harness},
};
use crate::{
    cli::ReceiversArgs,
    command::Context,
    error::{Error, Result},
    names::FUNCTIONS,
    summary::skip,
    tools::{debian, npm, pypi},
};

const REQUIREMENTS: &str = "examples/receiver/requirements.txt";
const TESTS: &str = "tests/receivers";
/// Checks the types of the kit in JavaScript. Version 7 is a binary for each platform.
const TYPESCRIPT: &str = "typescript@5.9.3";

/// A receiver kit. Python is always among them: the tests need it, too.
#[derive(Clone, Copy)]
enum Kit {
    Rust,
    JavaScript,
    Go,
    Java,
}

/// Runs the tests of all kits whose tools are installed.
pub(crate) fn run(context: &Context, arguments: &ReceiversArgs) -> Result {
    let python = pypi::python(context)?;
    let packages = clients::folder(context, &python.tag, &[REQUIREMENTS])?;
    python.requirements(context, &[REQUIREMENTS], &packages)?;
    let harness = match env::var_os(HARNESS_BIN) {
        Some(named) => PathBuf::from(named),
        None => build_harness(context, &[FUNCTIONS])?,
    };
    let built = context.target.join("receivers");
    fs::create_dir_all(&built).map_err(Error::io("create", &built))?;
    let mut kits = vec!["python"];
    for kit in [Kit::Rust, Kit::JavaScript, Kit::Go, Kit::Java] {
        match kit.build(context, &built) {
            Ok(()) => kits.push(kit.name()),
            Err(error) => {
                context.say(format!("{}:", kit.name()));
                skip(context, Err(error))?;
            }
        }
    }
    let typescript = context.target.join(TYPESCRIPT);
    skip(context, npm::unpack(context, TYPESCRIPT, &typescript))?;
    let mut pytest = context.command(&python.program);
    pytest.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", TESTS]);
    if arguments.seconds > 0 {
        pytest.args(["-s", "-k", "agree_on_random"]);
    }
    pytest.env(HARNESS_BIN, harness).env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.env("KEYSYNC_RECEIVERS", &built).env("KEYSYNC_RECEIVER_KITS", kits.join(","));
    pytest.env("KEYSYNC_TYPESCRIPT", typescript);
    pytest.env("KEYSYNC_RECEIVER_SECONDS", arguments.seconds.to_string());
    if let Some(seed) = arguments.seed {
        pytest.env("KEYSYNC_RECEIVER_SEED", seed.to_string());
    }
    context.run(&mut pytest)
}

impl Kit {
    const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// Compiles the kit's example service and its judge into a folder.
    fn build(self, context: &Context, built: &Path) -> Result {
        match self {
            Self::Rust => rust(context, built),
            Self::JavaScript => npm::node(context),
            Self::Go => go(context, built),
            Self::Java => java(context, built),
        }
    }
}

fn rust(context: &Context, built: &Path) -> Result {
    context.run(&mut context.cargo("build", ["--quiet", "--workspace", "--examples"]))?;
    for example in ["receiver", "judge"] {
        let from = context.target.join("debug/examples").join(example);
        fs::copy(&from, built.join(format!("rust-{example}"))).map_err(Error::io("copy", &from))?;
    }
    Ok(())
}

fn go(context: &Context, built: &Path) -> Result {
    debian::ensure(context, &["go"], &["golang-go"])?;
    for (folder, program) in
        [("examples/receiver-go", "go-receiver"), ("tests/receivers/judges/go", "go-judge")]
    {
        let command = |arguments: &[&str]| {
            let mut go = context.command("go");
            go.args(arguments).current_dir(context.root.join(folder));
            // No toolchain or module is downloaded.
            go.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOFLAGS", "-mod=readonly");
            go.env("GOCACHE", context.target.join("receivers/go-cache"));
            go
        };
        context.run(&mut command(&["vet", "./..."]))?;
        context.run(command(&["build", "-buildvcs=false", "-o"]).arg(built.join(program)).arg("."))?;
    }
    Ok(())
}

fn java(context: &Context, built: &Path) -> Result {
    debian::ensure(context, &["javac"], &["openjdk-17-jdk-headless"])?;
    let mut javac = context.command("javac");
    javac.args(["-Xlint:all", "-Werror", "-d"]).arg(built.join("java"));
    javac.args(["--source-path", "examples/receiver-java", "examples/receiver-java/Receiver.java"]);
    context
        .run(javac.args(["tests/receivers/judges/Judge.java", "tests/receivers/java/keysync/KitTest.java"]))
}
