//! Processes: how they are started, where their output goes, and how their failure is reported.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::{Error, Result};

/// Addresses of this machine, for `NO_PROXY`.
const LOCAL: &str = "127.0.0.1,localhost";

/// Where a task runs, and what it may do.
#[derive(Clone)]
pub(crate) struct Context {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target directory: `CARGO_TARGET_DIR`, or `target` in the root.
    pub(crate) target: PathBuf,
    /// Whether system packages may be installed.
    pub(crate) install: bool,
    background: Option<Background>,
}

/// A background job: its log, and its running processes.
#[derive(Clone)]
pub(crate) struct Background {
    log: Arc<File>,
    processes: Arc<Mutex<Processes>>,
}

#[derive(Default)]
struct Processes {
    running: Vec<u32>,
    is_cancelled: bool,
}

impl Context {
    pub(crate) fn new(install: bool) -> Self {
        let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(2).take(1).collect();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), absolute);
        Self { root, target, install, background: None }
    }

    /// The same context for a background job: its processes run at nice 19 and write to the log.
    pub(crate) fn in_background(&self, background: Background) -> Self {
        Self { background: Some(background), ..self.clone() }
    }

    /// The same context for another checkout and target directory.
    pub(crate) fn at(&self, root: PathBuf, target: PathBuf) -> Self {
        Self { root, target, ..self.clone() }
    }

    /// The interpreter of the Python helper programs: `PYTHON`, or `python3`.
    pub(crate) fn python() -> String {
        env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
    }

    /// A command in the root, in the environment that `cargo task` was called in.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = if self.background.is_some() {
            let mut nice = Command::new("nice");
            nice.args(["-n", "19"]).arg(program);
            nice
        } else {
            Command::new(program)
        };
        command.current_dir(&self.root).stdin(Stdio::null());
        // `cargo run` sets variables about this package, which other packages must not see.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_set_by_cargo_run) {
                command.env_remove(name);
            }
        }
        if env::var_os("CARGO_TARGET_DIR").is_some() {
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            let others = env::var(name).map(|others| format!(",{others}")).unwrap_or_default();
            command.env(name, format!("{LOCAL}{others}"));
        }
        command
    }

    /// `cargo SUBCOMMAND --locked ARGUMENTS…`
    pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        subcommand: &str,
        arguments: I,
    ) -> Command {
        let mut command = self.command("cargo");
        command.args([subcommand, "--locked"]).args(arguments);
        command
    }

    /// Runs a command and shows its output.
    pub(crate) fn run(&self, command: &mut Command) -> Result {
        let status = self.status(command)?;
        passed(command, status)
    }

    /// Runs a command, shows its output and returns its status.
    pub(crate) fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        let (stdout, stderr) = (self.stdio()?, self.stdio()?);
        let child = spawn(command.stdout(stdout).stderr(stderr))?;
        self.wait(command, child)
    }

    /// Runs a command, shows its standard error and returns its standard output.
    pub(crate) fn capture(&self, command: &mut Command) -> Result<String> {
        let stderr = self.stdio()?;
        let mut child = spawn(command.stdout(Stdio::piped()).stderr(stderr))?;
        let mut text = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_end(&mut text).map_err(|error| read_error(command, &error))?;
        }
        let status = self.wait(command, child)?;
        passed(command, status)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Runs a command with all of its output in a file, and returns its status.
    pub(crate) fn status_with_log(&self, command: &mut Command, log: &Path) -> Result<ExitStatus> {
        let file = File::create(log).map_err(Error::io("write", log))?;
        let same = file.try_clone().map_err(Error::io("write", log))?;
        let child = spawn(command.stdout(file).stderr(same))?;
        self.wait(command, child)
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        let line = format!("{}\n", line.as_ref());
        // A closed standard output does not make the task fail.
        let _ = match &self.background {
            Some(background) => (&*background.log).write_all(line.as_bytes()),
            None => std::io::stdout().write_all(line.as_bytes()),
        };
    }

    /// Standard output or standard error of a process that this context starts.
    pub(crate) fn stdio(&self) -> Result<Stdio> {
        let Some(background) = &self.background else { return Ok(Stdio::inherit()) };
        let file = background.log.try_clone();
        Ok(file.map_err(|error| Error::failed(format!("cannot write a log: {error}")))?.into())
    }

    fn wait(&self, command: &Command, mut child: Child) -> Result<ExitStatus> {
        if let Some(background) = &self.background {
            background.begin(child.id());
        }
        let status = child.wait().map_err(|error| read_error(command, &error));
        if let Some(background) = &self.background {
            background.end(child.id())?;
        }
        status
    }
}

impl Background {
    pub(crate) fn new(log: File) -> Self {
        Self { log: Arc::new(log), processes: Arc::default() }
    }

    /// Ends the running processes, and immediately ends those that are started later.
    pub(crate) fn cancel(&self) {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.is_cancelled = true;
        for id in &processes.running {
            terminate(*id);
        }
    }

    fn begin(&self, id: u32) {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.running.push(id);
        if processes.is_cancelled {
            terminate(id);
        }
    }

    fn end(&self, id: u32) -> Result {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.running.retain(|running| *running != id);
        if processes.is_cancelled { Err(Error::failed("cancelled")) } else { Ok(()) }
    }
}

/// The command in the syntax of a shell, without its environment.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// The path of a program: by name on the `PATH`, or as given if it is a path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// `PATH` with another folder in front.
pub(crate) fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(env::split_paths(&path));
    env::join_paths(folders).map_err(|error| Error::failed(format!("cannot extend PATH: {error}")))
}

fn spawn(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|error| Error::failed(format!("cannot start `{program}`: {error}")))
}

fn passed(command: &Command, status: ExitStatus) -> Result {
    if status.success() {
        return Ok(());
    }
    Err(Error::failed(format!("`{}` failed ({status})", shown(command))))
}

fn read_error(command: &Command, error: &std::io::Error) -> Error {
    Error::failed(format!("cannot wait for `{}`: {error}", shown(command)))
}

fn terminate(id: u32) {
    // The process may have ended already.
    let _ = Command::new("kill").arg(id.to_string()).stderr(Stdio::null()).status();
}

fn absolute(path: std::ffi::OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| path.into())
}

fn is_set_by_cargo_run(name: &str) -> bool {
    let names = ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    names.contains(&name) || name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_command_is_named_with_its_status() {
        let context = Context::new(false);
        let error = context.run(context.command("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn missing_program_is_named() {
        let context = Context::new(false);
        let error = context.run(&mut context.command("no-such-program")).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `no-such-program`: "), "{error}");
    }

    #[test]
    fn commands_run_in_root_without_cargo_variables() {
        let context = Context::new(false);
        let script = "pwd -P; echo \"${CARGO_MANIFEST_DIR-unset}\"";
        let text = context.capture(context.command("sh").args(["-c", script])).unwrap();
        let root = context.root.canonicalize().unwrap();
        assert_eq!(text, format!("{}\nunset\n", root.display()));
    }

    #[test]
    fn cancelled_job_ends_its_processes() {
        let log = env::temp_dir().join(format!("keysync-tasks-cancel-{}", std::process::id()));
        let background = Background::new(File::create(&log).unwrap());
        background.cancel();
        let context = Context::new(false).in_background(background);
        let error = context.run(context.command("sleep").arg("60")).unwrap_err();
        assert_eq!(error.to_string(), "cancelled");
        std::fs::remove_file(log).unwrap();
    }
}
