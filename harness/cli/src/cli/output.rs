//! Standard output, and what becomes of a command whose reader has gone away.
//!
//! `println!` panics where nobody reads any more, as in `harness keys | head -0`; clippy denies it here. A command ends
//! then without a word and with the exit code that a shell shows for SIGPIPE.

use std::{
    error::Error,
    fmt::Display,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use keysync_testkit::HarnessError;

/// 128 and the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct OutputError(#[from] io::Error);

/// Writes a line, whole and at once.
pub(super) fn line(text: impl Display) -> Result<(), OutputError> {
    write(format!("{text}\n"))
}

/// Writes text or bytes as they are.
pub(super) fn write(text: impl AsRef<[u8]>) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_ref()).and_then(|()| out.flush())?)
}

/// Says on standard error why a command failed, and returns its exit code. Where nobody reads that either, the exit
/// code is all that is said.
pub(crate) fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        return explained(usage);
    }
    let output = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(OutputError(error)), _) | (_, Some(HarnessError::Output(error))) => Some(error),
        _ => None,
    };
    if output.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        return ExitCode::from(BROKEN_PIPE);
    }
    let _ = writeln!(io::stderr(), "harness: {error}");
    ExitCode::FAILURE
}

/// What clap has to say: help and version on standard output, and what is wrong with a command line on standard error.
fn explained(error: &clap::Error) -> ExitCode {
    let code = || ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    match error.print() {
        Err(failed) if !error.use_stderr() && failed.kind() == ErrorKind::BrokenPipe => {
            ExitCode::from(BROKEN_PIPE)
        }
        Err(failed) if !error.use_stderr() => self::failed(&OutputError(failed)),
        _ => code(),
    }
}
