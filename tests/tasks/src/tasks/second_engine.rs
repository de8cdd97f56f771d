//! `cargo task second-engine`: tests on other DynamoDB engines than the embedded one.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{faults, infra};
use crate::{
    cli::SecondEngine,
    command::Context,
    error::{Error, Result},
    names::{END_TO_END, FAULTS, NOT_ON_SECOND_ENGINE, ON_SECOND_ENGINE},
    random,
    tools::pypi::{self, Python},
};

const MOTO: &str = "moto[server]==5.2.5";
/// The environment variable with the URL of the DynamoDB engine for tests.
pub(crate) const URL: &str = "KEYSYNC_TEST_DYNAMODB";
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running engine. Dropping it ends it.
pub(crate) struct Server {
    process: Child,
    log: PathBuf,
    /// Its URL.
    pub(crate) url: String,
}

impl SecondEngine {
    /// All engines.
    pub(crate) const ALL: [Self; 2] = [Self::Moto, Self::Ministack];

    /// The name of its package.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Moto => "moto",
            Self::Ministack => "ministack",
        }
    }

    /// The fault rounds that run on it. moto needs 60 ms for a call, ministack 20 ms.
    const fn fault_rounds(self) -> u32 {
        match self {
            Self::Moto => 10,
            Self::Ministack => 20,
        }
    }

    fn packages(self, context: &Context, python: &Python) -> Result<PathBuf> {
        match self {
            Self::Moto => python.packages(context, "second-engine", &[MOTO]),
            Self::Ministack => infra::ministack(context, python),
        }
    }
}

/// Installs all engines.
pub(crate) fn install(context: &Context) -> Result {
    let python = pypi::python(context)?;
    SecondEngine::ALL.iter().try_for_each(|engine| engine.packages(context, &python).map(drop))
}

/// Runs a command while an engine is running; without one, the tests of the ledger's writes and
/// some fault rounds.
pub(crate) fn run(context: &Context, engine: SecondEngine, command: &[String]) -> Result {
    let server = Server::start(context, engine)?;
    if let [program, arguments @ ..] = command {
        return context.run(context.command(program).args(arguments).env(URL, &server.url));
    }
    // Runs two tests at a time, because the engines are slow.
    let mut tests = context.cargo("test", ["--workspace", "--test", END_TO_END.0, "--", "--test-threads=2"]);
    tests.args(NOT_ON_SECOND_ENGINE.iter().flat_map(|test| ["--skip", test])).args(ON_SECOND_ENGINE);
    context.run(tests.env(URL, &server.url))?;
    let mut rounds = context.cargo("test", ["--workspace", "--test", FAULTS.0, "--", FAULTS.1]);
    context.run(rounds.env(faults::ROUNDS, engine.fault_rounds().to_string()).env(URL, &server.url))
}

impl Server {
    /// Starts an engine on a free port and waits until it listens.
    pub(crate) fn start(context: &Context, engine: SecondEngine) -> Result<Self> {
        let python = pypi::python(context)?;
        let (name, packages) = (engine.name(), engine.packages(context, &python)?);
        let folder = context.target.join("tasks");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let log = folder.join(format!("{name}-{}.log", random::below(1 << 32)));
        let output = File::create(&log).map_err(Error::io("write", &log))?;
        // Runs at normal priority even for a background job, because its requests would time out.
        let mut command = Command::new(&python.program);
        command.arg(context.root.join("tests/second_engine/server.py")).arg(name);
        command.env("PYTHONPATH", packages);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(output);
        let mut process =
            command.spawn().map_err(|error| Error::failed(format!("cannot start {name}: {error}")))?;
        let port = process.stdout.take().map(|stdout| first_line(BufReader::new(stdout)));
        let mut server = Self { process, log, url: String::new() };
        match port.and_then(|line| line.recv_timeout(START_TIMEOUT).ok()) {
            Some(port) if !port.trim().is_empty() => {
                server.url = format!("http://127.0.0.1:{}", port.trim());
                Ok(server)
            }
            _ => {
                let said = fs::read_to_string(&server.log).unwrap_or_default();
                Err(Error::failed(format!("{name} does not listen; its log:\n{}", said.trim_end())))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already; the log is no longer needed.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.log);
    }
}

/// Receives the first line, which is empty at the end of the output.
pub(crate) fn first_line(mut from: impl BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // A read error counts as an empty line; the receiver may have stopped waiting.
        let _ = from.read_line(&mut line);
        let _ = sender.send(line);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_is_received() {
        assert_eq!(first_line(&b"5000\nmore\n"[..]).recv().unwrap(), "5000\n");
    }

    #[test]
    fn end_of_output_is_an_empty_line() {
        assert_eq!(first_line(&b""[..]).recv().unwrap(), "");
    }
}
