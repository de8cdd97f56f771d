//! Completion in the shell: the script that `harness completions` prints, and the candidates. Keys,
//! services and snapshots are those of the running harness.
//!
//! The script starts this executable with the environment variable [`VARIABLE`] and the words of
//! the command line.

use std::{env, ffi::OsString, io, path::PathBuf, time::Duration};

use clap_complete::{CompleteEnv, CompletionCandidate, Shell, env::Shells};
use serde_json::Value;

use super::{
    behaviour, parse,
    remote::{self, Address, Origin, Remote},
};

/// The variable that requests candidates. Its value is the shell.
const VARIABLE: &str = "COMPLETE";
/// Timeout for the harness's response, which the user waits for at each key press.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Prints candidates and exits, if the shell has started this process for them.
pub(crate) fn complete_if_requested() {
    CompleteEnv::with_factory(parse::command).var(VARIABLE).bin("harness").complete();
}

/// The script that registers this executable in a shell.
pub(super) fn script(shell: Shell) -> io::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let shell = shells.completer(&shell.to_string()).ok_or(io::ErrorKind::Unsupported)?;
    let mut script = Vec::new();
    let completer = executable().to_string_lossy().into_owned();
    shell.write_registration(VARIABLE, "harness", "harness", &completer, &mut script)?;
    Ok(script)
}

/// This executable as it was started: a name on the path, or an absolute path.
fn executable() -> PathBuf {
    let started = PathBuf::from(env::args_os().next().unwrap_or_else(|| "harness".into()));
    match env::current_dir() {
        Ok(directory) if started.components().count() > 1 => directory.join(started),
        _ => started,
    }
}

/// The ids of keys, with their names.
pub(super) fn keys() -> Vec<CompletionCandidate> {
    let candidate = |key: &Value| {
        let id = CompletionCandidate::new(key["id"].as_str()?);
        let name = key["name"].as_str().map(|name| name.replace(char::is_control, " "));
        Some(id.help(name.map(Into::into)))
    };
    ask(&["keys"]).iter().filter_map(candidate).collect()
}

/// The names of services.
pub(super) fn services() -> Vec<CompletionCandidate> {
    service_names().map(CompletionCandidate::new).collect()
}

/// The start of `SERVICE/RESOURCE`.
pub(super) fn protected() -> Vec<CompletionCandidate> {
    service_names().map(|name| CompletionCandidate::new(format!("{name}/"))).collect()
}

fn service_names() -> impl Iterator<Item = String> {
    ask(&["services"]).into_iter().filter_map(|service| service["name"].as_str().map(str::to_owned))
}

/// The names of snapshots.
pub(super) fn snapshots() -> Vec<CompletionCandidate> {
    ask(&["snapshots"]).iter().filter_map(|name| name.as_str().map(CompletionCandidate::new)).collect()
}

/// The behaviours of a service, with their descriptions.
pub(super) fn behaviours() -> Vec<CompletionCandidate> {
    let candidate = |(behaviour, description): (&str, &str)| {
        CompletionCandidate::new(behaviour).help(Some(description.to_owned().into()))
    };
    behaviour::described().map(candidate).collect()
}

/// A list of the control API; empty if no harness responds in time.
fn ask(path: &[&str]) -> Vec<Value> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let Ok(remote) = Address::parse(&address(env::args_os()), Origin::Environment)
        .map_err(drop)
        .and_then(|address| Remote::with_timeout(address, TIMEOUT).map_err(drop))
    else {
        return Vec::new();
    };
    let response = runtime.block_on(remote.get(path));
    response.ok().and_then(|list| list.as_array().cloned()).unwrap_or_default()
}

/// The harness's address by the words of the command line, the environment, or the default.
fn address(words: impl Iterator<Item = OsString>) -> String {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let given = words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--harness") {
        Some("") => words.get(index + 1).map(String::as_str),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    let given = given.map(str::to_owned).or_else(|| env::var(remote::VARIABLE).ok());
    given.unwrap_or_else(|| remote::DEFAULT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_command_line_precedes_the_environment() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>().into_iter();
        for line in
            [&["harness", "--harness", "http://h", "sync"][..], &["harness", "sync", "--harness=http://h"]]
        {
            assert_eq!(address(words(line)), "http://h");
        }
        assert_ne!(address(words(&["harness", "sync", "--harness"])), "");
    }
}
