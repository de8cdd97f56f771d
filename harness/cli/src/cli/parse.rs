//! How the command line is read: what the derived parser cannot say of options that may stand anywhere.

use clap::{ArgMatches, CommandFactory, FromArgMatches, error::ErrorKind, parser::ValueSource};

use super::{Cli, bench, remote::Origin};

/// The command line, and where the harness's address comes from.
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

/// The commands that ask no running harness, and whether they print JSON.
const OF_THEIR_OWN: [(&str, bool); 6] = [
    ("demo", false),
    ("up", true),
    ("bench", true),
    ("wire-floor", false),
    ("console", false),
    ("completions", false),
];

/// The command line as clap reads it. The options for a running harness are hidden where there is none.
pub(super) fn command() -> clap::Command {
    OF_THEIR_OWN.iter().fold(Cli::command(), |command, (name, prints_json)| {
        command.mut_subcommand(*name, |command| {
            let hidden = |name: &'static str| clap::Arg::new(name).long(name).hide(true);
            let command = command.arg(hidden("harness").value_name("URL"));
            if *prints_json { command } else { command.arg(hidden("json").action(clap::ArgAction::SetTrue)) }
        })
    })
}

/// What clap cannot say of options that stand before the command that they are not for.
fn check_combination(matches: &ArgMatches) -> Result<(), clap::Error> {
    let given = |matches: &ArgMatches, id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let conflict = |message: String| Err(command().error(ErrorKind::ArgumentConflict, message));
    let Some((name, inner)) = matches.subcommand() else { return Ok(()) };
    if let Some((_, prints_json)) = OF_THEIR_OWN.iter().find(|(own, _)| *own == name) {
        if given(matches, "harness") {
            return conflict(format!("`{name}` asks no running harness and takes no --harness"));
        }
        if given(matches, "json") && !prints_json {
            return conflict(format!("`{name}` takes no --json"));
        }
    }
    if let ("bench", Some((measured, _))) = (name, inner.subcommand())
        && let Some(option) = bench::OPTIONS.iter().find(|option| given(inner, option))
    {
        let option = option.replace('_', "-");
        return conflict(format!(
            "--{option} before `{measured}` has no effect: put it after `{measured}`, if it takes one"
        ));
    }
    Ok(())
}
