//! A copy of HEAD that is built and tested with one patch at a time.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use super::{
    patch::{Patch, Target},
    report::Outcome,
};
use crate::{
    command::Context,
    error::{Error, Result},
    executables,
    names::{END_TO_END, FUNCTION_BINARIES, FUNCTIONS, HARNESS, TESTS},
};

/// Time limit of one test in seconds. A test that hangs detects the mutation, too.
const TIMEOUT: &str = "120";
/// Time limit of all tests of the unmodified code, in seconds.
const UNMODIFIED_TIMEOUT: &str = "1200";

/// A worktree below `target/mutants`. Dropping it removes it.
pub(in crate::tasks) struct Tree {
    /// The context with the worktree as root and a separate target directory: in the usual one,
    /// cargo would use what is built here for the repository itself.
    context: Context,
    repository: Context,
    log: PathBuf,
    /// The end-to-end tests of the unmodified code.
    unmodified: PathBuf,
    /// Whether the last build was incremental. Cargo keeps both kinds apart.
    is_incremental: Cell<bool>,
}

impl Tree {
    pub(in crate::tasks) fn create(repository: &Context) -> Result<Self> {
        let folder = repository.target.join("mutants");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let root = folder.join("tree");
        let context = repository.at(root.clone(), folder.join("build"));
        let tree = Self {
            context,
            repository: repository.clone(),
            log: folder.join("log"),
            unmodified: folder.join(END_TO_END.0),
            is_incremental: Cell::new(false),
        };
        remove(repository, &root);
        let mut add = repository.command("git");
        repository.run(add.args(["worktree", "add", "--quiet", "--detach"]).arg(&root).arg("HEAD"))?;
        Ok(tree)
    }

    /// Builds the unmodified code for a target, runs the tests and returns their result.
    pub(super) fn passes_unmodified(&self, target: Target, tests: &[&str]) -> Result<String> {
        self.build_unmodified(target)?;
        if target == Target::Functions {
            self.build_unmodified(Target::E2e)?;
            let built = executables::build_tests(&self.context, &mut self.end_to_end(&["--no-run"]))?;
            let built = executables::named(&built, END_TO_END.0)?;
            fs::copy(built, &self.unmodified).map_err(Error::io("write", &self.unmodified))?;
        }
        let passed = self.run(target, tests, UNMODIFIED_TIMEOUT)? == Some(0);
        let output = self.output()?;
        if !passed {
            return Err(Error::failed(format!("{output}the unmodified code does not pass its tests")));
        }
        let result = output.lines().find(|line| line.starts_with("test result"));
        Ok(result.unwrap_or_default().to_owned())
    }

    /// Applies a patch, builds its target, runs its test and reverts the patch.
    pub(super) fn test(&self, patch: &Patch) -> Result<Outcome> {
        self.with_patch(patch, || self.test_modified(patch))
    }

    /// `cargo SUBCOMMAND --locked` in the worktree.
    pub(in crate::tasks) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.cargo_environment(Path::new("cargo"));
        command.args([subcommand, "--locked"]);
        command
    }

    /// A program that builds in the worktree.
    pub(super) fn program(&self, program: &Path) -> Command {
        self.cargo_environment(program)
    }

    /// Runs a command, shows its output and returns its status.
    pub(super) fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        self.context.status(command)
    }

    /// The root of the worktree.
    pub(super) fn root(&self) -> &Path {
        &self.context.root
    }

    /// Whether a command succeeds, and its output.
    pub(in crate::tasks) fn output_of(&self, command: &mut Command) -> Result<(bool, String)> {
        let succeeded = self.context.status_with_log(command, &self.log)?.success();
        Ok((succeeded, self.output()?))
    }

    /// Whether commands that build all succeed. Commands that run what was built must follow.
    ///
    /// Incremental builds of one patch after the other take a fraction of the time, but some end
    /// with an internal error of rustc 1.95. These are repeated without.
    pub(in crate::tasks) fn builds(&self, commands: impl Fn() -> Vec<Command>) -> Result<bool> {
        for incremental in [true, false] {
            self.is_incremental.set(incremental);
            let mut succeeded = true;
            for mut command in commands() {
                succeeded = succeeded && self.context.status_with_log(&mut command, &self.log)?.success();
            }
            if succeeded {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Applies a patch, calls `work` with the modified tree and reverts the patch.
    pub(in crate::tasks) fn with_patch<T>(
        &self,
        patch: &Patch,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.context.run(self.context.command("git").arg("apply").arg(&patch.path))?;
        let result = work();
        self.context.run(self.context.command("git").args(["checkout", "--quiet", "--", "."]))?;
        result
    }

    fn test_modified(&self, patch: &Patch) -> Result<Outcome> {
        if !self.build(patch.target)? {
            let output = self.output()?;
            self.context.say(output.lines().find(|line| line.starts_with("error")).unwrap_or_default());
            return Ok(Outcome::DoesNotCompile);
        }
        let code = self.run(patch.target, &[&patch.test], TIMEOUT)?;
        Ok(Outcome::of_test(code, &self.output()?))
    }

    fn build_unmodified(&self, target: Target) -> Result {
        if self.build(target)? {
            return Ok(());
        }
        Err(Error::failed(format!("{}the unmodified code does not compile", self.output()?)))
    }

    fn build(&self, target: Target) -> Result<bool> {
        self.builds(|| match target {
            Target::Unit => vec![self.unit(&["--no-run"])],
            Target::Functions => vec![self.functions()],
            Target::E2e => vec![self.end_to_end(&["--no-run"]), self.functions()],
        })
    }

    fn run(&self, target: Target, tests: &[&str], timeout: &str) -> Result<Option<i32>> {
        let exact = [&["--", "--exact"], tests].concat();
        let command = match target {
            Target::Unit => self.unit(&exact),
            Target::E2e => self.end_to_end(&exact),
            Target::Functions => {
                let mut command = self.cargo_environment(&self.unmodified);
                command.args(&exact[1..]);
                for name in FUNCTION_BINARIES {
                    let binary = self.context.target.join("debug").join(name);
                    command.env(format!("KEYSYNC_{}_BIN", name.to_uppercase()), binary);
                }
                command
            }
        };
        let mut limited = with_timeout(&self.context, &command, timeout);
        Ok(self.context.status_with_log(&mut limited, &self.log)?.code())
    }

    fn unit(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo_environment(Path::new("cargo"));
        command.args(["test", "--locked", "--package", FUNCTIONS, "--lib"]).args(arguments);
        command
    }

    fn end_to_end(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo_environment(Path::new("cargo"));
        command.args(["test", "--locked", "--package", TESTS, "--test", END_TO_END.0]).args(arguments);
        command
    }

    /// Builds the functions as the harness does.
    fn functions(&self) -> Command {
        let mut command = self.cargo_environment(Path::new("cargo"));
        command.args(["build", "--locked", "--package", FUNCTIONS, "--package", HARNESS.0]);
        command.args(FUNCTION_BINARIES.iter().flat_map(|name| ["--bin", name]));
        command
    }

    fn cargo_environment(&self, program: &Path) -> Command {
        let mut command = self.context.command(program);
        let incremental = if self.is_incremental.get() { "1" } else { "0" };
        command.env("CARGO_TARGET_DIR", &self.context.target).env("CARGO_INCREMENTAL", incremental);
        command
    }

    /// The output of the last command.
    pub(in crate::tasks) fn output(&self) -> Result<String> {
        let output = fs::read(&self.log).map_err(Error::io("read", &self.log))?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        remove(&self.repository, &self.context.root);
    }
}

/// Wraps a command in `timeout`, which ends all of its processes.
fn with_timeout(context: &Context, command: &Command, seconds: &str) -> Command {
    let mut limited = context.command("timeout");
    limited.args(["--kill-after=10", seconds]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

fn remove(repository: &Context, root: &Path) {
    if root.is_dir() {
        // Deletes the folder even if git does not know it as a worktree.
        let _ =
            repository.status(repository.command("git").args(["worktree", "remove", "--force"]).arg(root));
        let _ = fs::remove_dir_all(root);
    }
    let _ = repository.status(repository.command("git").args(["worktree", "prune"]));
}
