//! An empty folder in which packages are installed and tested, without Rust.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::page;
use crate::{
    command::Context,
    error::{Error, Result},
};

/// The folder, and the environment variables of commands in it.
pub(super) struct Folder {
    path: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

impl Folder {
    /// A new folder with the packages in the folder `packages`.
    pub(super) fn new(context: &Context, name: &str, packages: &[PathBuf]) -> Result<Self> {
        let path = context.target.join("packages").join(format!("test-{name}"));
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(Error::io("delete", &path))?;
        }
        let target = path.join("packages");
        fs::create_dir_all(&target).map_err(Error::io("create", &target))?;
        for package in packages {
            let copied = target.join(package.file_name().unwrap_or_default());
            fs::copy(package, copied).map_err(Error::io("copy", package))?;
        }
        Ok(Self { path, variables: Vec::new() })
    }

    /// With an environment variable.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies a folder of the repository.
    pub(super) fn copy(&self, context: &Context, from: &str, to: &str) -> Result {
        copy(&context.root.join(from), &self.path.join(to), &|_| true)
    }

    /// Writes the files and runs the commands of a page, in its order.
    pub(super) fn follow(&self, context: &Context, page: &str) -> Result {
        for block in page::blocks(&read(context, page)?) {
            match block {
                page::Block::Commands(commands) => self.run(context, commands.trim_end())?,
                page::Block::File { name, text } => {
                    let file = self.path.join(&name);
                    fs::write(&file, text).map_err(Error::io("write", &file))?;
                }
            }
        }
        Ok(())
    }

    /// Runs the command of a page that contains `part`.
    pub(super) fn run_documented(&self, context: &Context, page: &str, part: &str) -> Result {
        let commands = page::blocks(&read(context, page)?).into_iter().filter_map(|block| match block {
            page::Block::Commands(commands) => Some(commands),
            page::Block::File { .. } => None,
        });
        let commands: String = commands.collect();
        let command = commands.lines().find(|line| line.contains(part));
        let command = command.ok_or_else(|| Error::failed(format!("{page} has no command with `{part}`")))?;
        self.run(context, command)
    }

    /// Runs shell commands in the folder until one fails.
    pub(super) fn run(&self, context: &Context, commands: &str) -> Result {
        context.say(format!("\n$ {}", commands.replace('\n', "\n$ ")));
        let mut shell = context.command("sh");
        // `python3` becomes the interpreter that `PYTHON` names.
        let script = format!("set -e\npython3() {{ command \"$PYTHON\" \"$@\"; }}\n{commands}");
        shell.args(["-c", &script]).current_dir(&self.path);
        without_rust(&mut shell)?;
        shell.env("PYTHON", Context::python()).envs(self.variables.iter().map(|(name, value)| (name, value)));
        context.run(&mut shell)
    }
}

fn read(context: &Context, page: &str) -> Result<String> {
    let path = context.root.join(page);
    fs::read_to_string(&path).map_err(Error::io("read", &path))
}

/// Removes cargo from the `PATH`, and the variables of Rust and of this project.
fn without_rust(command: &mut Command) -> Result {
    for (name, _) in env::vars_os().filter(|(name, _)| is_about_rust(name)) {
        command.env_remove(name);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // A distribution's cargo is beside the programs that the commands need.
    let folders =
        env::split_paths(&path).filter(|folder| !folder.join("cargo").exists() || folder.join("sh").exists());
    let path = env::join_paths(folders);
    command.env("PATH", path.map_err(|error| Error::failed(format!("cannot set PATH: {error}")))?);
    Ok(())
}

fn is_about_rust(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO", "RUST", "KEYSYNC_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Copies the files of a folder that `is_wanted` by their path in it.
pub(super) fn copy(from: &Path, to: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Result {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::io("list", from))? {
        let entry = entry.map_err(Error::io("list", from))?;
        let (path, name) = (entry.path(), entry.file_name());
        if !is_wanted(Path::new(&name)) || name == "__pycache__" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name), is_wanted)?;
        } else {
            fs::copy(&path, to.join(name)).map_err(Error::io("copy", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_rust_and_project_are_removed() {
        for name in ["CARGO_HOME", "RUSTFLAGS", "KEYSYNC_WORKSPACE"] {
            assert!(is_about_rust(OsStr::new(name)), "{name}");
        }
        assert!(!is_about_rust(OsStr::new("PIP_INDEX_URL")));
    }
}
