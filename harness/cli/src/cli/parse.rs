//! Parsing of the command line, with the checks that clap's derive cannot express for global
//! options.

use clap::{ArgMatches, CommandFactory, FromArgMatches, error::ErrorKind, parser::ValueSource};

use super::{args::Cli, bench, remote::Origin};

/// Parses the command line, and returns it with the origin of the harness's address.
pub(super) fn parse() -> Result<(Cli, Origin), clap::Error> {
    let matches = command().try_get_matches()?;
    check_combination(&matches)?;
    let origin = match matches.value_source("harness") {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment,
        _ => Origin::Default,
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))?;
    Ok((cli, origin))
}

/// The commands that need no running harness, each with whether it can print JSON.
const STANDALONE: [(&str, bool); 7] = [
    ("demo", false),
    ("up", true),
    ("bench", true),
    ("wire-floor", false),
    ("console", false),
    ("verify-receiver", true),
    ("completions", false),
];

/// The definition for clap. Standalone commands hide the options for a running harness.
pub(super) fn command() -> clap::Command {
    STANDALONE.iter().fold(Cli::command(), |command, (name, prints_json)| {
        command.mut_subcommand(*name, |command| {
            let hidden = |name: &'static str| clap::Arg::new(name).long(name).hide(true);
            let command = command.arg(hidden("harness").value_name("URL"));
            if *prints_json { command } else { command.arg(hidden("json").action(clap::ArgAction::SetTrue)) }
        })
    })
}

/// Rejects options that precede a command they do not apply to; clap accepts global options
/// anywhere.
fn check_combination(matches: &ArgMatches) -> Result<(), clap::Error> {
    let given = |matches: &ArgMatches, id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let conflict = |message: String| Err(command().error(ErrorKind::ArgumentConflict, message));
    let Some((name, inner)) = matches.subcommand() else { return Ok(()) };
    if let Some((_, prints_json)) = STANDALONE.iter().find(|(standalone, _)| *standalone == name) {
        if given(matches, "harness") {
            return conflict(format!("`{name}` needs no running harness and does not accept --harness"));
        }
        if given(matches, "json") && !prints_json {
            return conflict(format!("`{name}` does not accept --json"));
        }
    }
    if let ("bench", Some((measured, _))) = (name, inner.subcommand())
        && let Some(option) = bench::OPTIONS.iter().find(|option| given(inner, option))
    {
        let option = option.replace('_', "-");
        return conflict(format!(
            "--{option} before `{measured}` has no effect; put it after `{measured}` if that accepts it"
        ));
    }
    Ok(())
}
