//! Standard output, error messages and exit codes.
//!
//! `println!` panics on a closed pipe, as in `harness keys | head -0`; clippy denies it here. On a
//! closed pipe a command exits silently with the code that a shell shows for SIGPIPE.

use std::{
    error::Error,
    fmt::Display,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use keysync_testkit::HarnessError;

/// 128 + the number of SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct OutputError(#[from] io::Error);

/// Writes a line and flushes it.
pub(super) fn line(text: impl Display) -> Result<(), OutputError> {
    write(format!("{text}\n"))
}

/// Writes text or bytes unchanged and flushes them.
pub(super) fn write(text: impl AsRef<[u8]>) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_ref()).and_then(|()| out.flush())?)
}

/// Reports on standard error why a command failed, and returns its exit code. A closed standard
/// error is ignored.
pub(crate) fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        return usage_error(usage);
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

/// Prints clap's message: help and version on standard output, usage errors on standard error.
fn usage_error(error: &clap::Error) -> ExitCode {
    let code = || ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    match error.print() {
        Err(failed) if !error.use_stderr() && failed.kind() == ErrorKind::BrokenPipe => {
            ExitCode::from(BROKEN_PIPE)
        }
        Err(failed) if !error.use_stderr() => self::failed(&OutputError(failed)),
        _ => code(),
    }
}
