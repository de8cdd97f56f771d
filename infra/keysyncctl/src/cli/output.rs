//! Standard output, error messages and exit codes.
//!
//! `println!` panics on a closed pipe, as in `keysyncctl failed | head -0`; clippy denies it here.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// The exit code if some of the work failed.
pub(crate) const SOME_FAILED: u8 = 1;
/// The exit code of an invalid command line or input file.
const USAGE: u8 = 2;
/// The exit code of a command that stopped.
const STOPPED: u8 = 3;
/// 128 + the number of SIGPIPE: the code that shells show for it.
const BROKEN_PIPE: u8 = 141;

/// Writes a line and flushes it.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    write(format!("{text}\n"))
}

/// Writes text or bytes unchanged and flushes them.
pub(crate) fn write(text: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref()).and_then(|()| out.flush())
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Writes rows as a table. Control characters in cells are escaped.
pub(crate) fn table<const N: usize>(
    columns: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(columns);
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell)));
    }
    line(table)
}

/// A number of things: `1 key`, `2 keys`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Text from outside, safe for a terminal: control characters are escaped.
pub(crate) fn printable(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Writes a remark for a human on standard error. A closed standard error is ignored.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "keysyncctl: {}", printable(&text.to_string()));
}

/// Reports on standard error why a command stopped, and returns its exit code.
pub(super) fn failed(failure: &Failure) -> ExitCode {
    let code = match failure {
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::from(BROKEN_PIPE);
        }
        Failure::Usage(_) => USAGE,
        Failure::Stopped(_) | Failure::Output(_) => STOPPED,
    };
    remark(failure);
    ExitCode::from(code)
}

/// Prints clap's message: help and version on standard output, usage errors on standard error.
/// Names the environment variables of missing options, which clap does not.
pub(super) fn help_or_usage_error(error: &clap::Error, cli: &clap::Command) -> ExitCode {
    match error.print() {
        Err(failed) if !error.use_stderr() => return self::failed(&Failure::Output(failed)),
        _ => {}
    }
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
    {
        for (option, variable) in missing.iter().filter_map(|option| Some((option, variable(cli, option)?))) {
            remark(format!("{option} can be set by the environment variable {variable}, too"));
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// The environment variable of an option such as `--table <NAME>`, in any command.
fn variable(command: &clap::Command, option: &str) -> Option<String> {
    let long = option.strip_prefix("--")?.split_whitespace().next()?;
    let found = command.get_arguments().find(|argument| argument.get_long() == Some(long));
    let own = found.and_then(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()));
    own.or_else(|| command.get_subcommands().find_map(|command| variable(command, option)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
    }
}
