//! The command `harness`: parses the command line and runs one of its commands.

mod args;
mod behaviour;
mod bench;
mod completion;
mod console;
mod files;
mod output;
mod parse;
mod remote;
mod requests;
mod services;
mod show;
mod shutdown;
mod snapshots;
mod up;
mod verify_receiver;

use std::{error::Error, process::ExitCode};

use clap::{ValueEnum, error::ErrorKind};
use serde_json::json;

pub(crate) use completion::complete_if_requested;

use args::{Cli, Command, KeysCommand, RemoteArgs, Schedule};
use remote::{Address, Origin, Remote};

/// Parses the command line, runs its command and returns the exit code.
pub(crate) async fn main() -> ExitCode {
    match parse::parse() {
        Ok((cli, origin)) => match Box::pin(run(cli, origin)).await {
            Ok(code) => code,
            Err(error) => output::failed(error.as_ref()),
        },
        Err(error) => output::failed(&error),
    }
}

/// Runs a command.
async fn run(cli: Cli, origin: Origin) -> Result<ExitCode, Box<dyn Error>> {
    let Cli { remote: RemoteArgs { harness: url, json }, command } = cli;
    let remote = || -> Result<Remote, Box<dyn Error>> {
        let address = Address::parse(&url, origin);
        let address = address.map_err(|error| parse::command().error(ErrorKind::ValueValidation, error))?;
        Ok(Remote::new(address)?)
    };
    match command {
        Command::Demo { harness } => keysync_harness::demo::run(harness.builder()).await?,
        Command::Up {
            harness,
            port,
            iam_port,
            listen,
            json,
            env_file,
            until_eof,
            redeliver_every,
            verbose,
        } => {
            let builder = harness.builder().port(port).iam_port(iam_port).listen(listen);
            let builder = builder.env_file(env_file).quiet(!verbose);
            let builder = match redeliver_every {
                Schedule::Every(interval) => builder.redeliver_every(interval),
                Schedule::Off => builder,
            };
            up::run(builder, json, until_eof).await?;
        }
        Command::Bench { args } => bench::run(args).await?,
        Command::WireFloor => keysync_bench::wire_floor()?,
        Command::Console { args } => console::run(args).await?,
        Command::VerifyReceiver { args } => return verify_receiver::run(args).await,
        Command::Token { role } => {
            let roles = role.iter().filter_map(ValueEnum::to_possible_value);
            let roles: Vec<String> = roles.map(|role| role.get_name().to_owned()).collect();
            let remote = remote()?;
            let token = remote.post(&["iam", "tokens"], &json!({"roles": roles})).await?;
            show::one(&remote, &token, json, |token| token["access_token"].as_str().map(str::to_owned))?;
        }
        Command::Keys { command } => keys(command, &remote()?, json).await?,
        Command::Register { key, service, resource } => {
            let body = json!({"service": service, "resource": resource});
            let remote = remote()?;
            let registered = remote.post(&["keys", &key, "registrations"], &body).await?;
            show::one(&remote, &registered, json, |created| {
                created["resource_crn"].as_str().map(str::to_owned)
            })?;
        }
        Command::Sync { key } => {
            let synced = remote()?.sync(&key).await?;
            show::sync(&synced, json)?;
            return Ok(if synced.status == 204 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Advance { by } => {
            remote()?.post(&["time"], &json!({"advance": by})).await?;
        }
        Command::Services { command } => services::run(command, &remote()?, json).await?,
        Command::Requests { args } => requests::run(&remote()?, &args, json).await?,
        Command::Redeliver { every } => redeliver(every, &remote()?, json).await?,
        Command::RotateSigningKey { withdraw } => {
            let remote = remote()?;
            let rotated = remote.post(&["signing-key", "rotate"], &json!({"withdraw": withdraw})).await?;
            show::one(&remote, &rotated, json, |rotated| {
                let keys = rotated["public_keys"].as_array()?.iter().map(|key| key.as_str());
                Some(keys.collect::<Option<Vec<_>>>()?.join("\n"))
            })?;
        }
        Command::Record { file } => {
            let remote = remote()?;
            files::write(&file, &remote.get(&["recording"]).await?)?;
        }
        Command::Replay { file } => {
            let remote = remote()?;
            let replay = remote.post(&["recording", "replay"], &files::read(&file)?).await?;
            let same = show::replay(&remote, &replay, json)?;
            return Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Snapshots { command } => snapshots::run(command, &remote()?, json).await?,
        Command::Reset => {
            let remote = remote()?;
            let info = remote.post(&["reset"], &json!({})).await?;
            show::one(&remote, &info, json, |info| {
                Some(format!("reset; root key {}", info["root_key_id"].as_str()?))
            })?;
        }
        Command::Completions { shell } => output::write(completion::script(shell)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `harness redeliver`.
async fn redeliver(every: Option<Schedule>, remote: &Remote, as_json: bool) -> Result<(), Box<dyn Error>> {
    let every = match every {
        None => {
            let summary = remote.post(&["redeliver"], &json!({})).await?;
            return show::one(remote, &summary, as_json, |summary| {
                summary.is_object().then(|| summary.to_string())
            });
        }
        Some(Schedule::Every(interval)) => Some(format!("{}ms", interval.as_millis())),
        Some(Schedule::Off) => None,
    };
    remote.put(&["redeliver", "schedule"], &json!({"every": every})).await?;
    Ok(())
}

/// Runs `harness keys`.
async fn keys(command: Option<KeysCommand>, remote: &Remote, as_json: bool) -> Result<(), Box<dyn Error>> {
    let Some(KeysCommand::Create { name, standard, alias, protect }) = command else {
        return show::keys(remote, &remote.get(&["keys"]).await?, as_json);
    };
    let protects: Vec<_> =
        protect.iter().map(|(service, resource)| json!({"service": service, "resource": resource})).collect();
    let body = json!({"name": name, "standard": standard, "alias": alias, "protects": protects});
    let key = remote.post(&["keys"], &body).await?;
    show::one(remote, &key, as_json, |key| key["id"].as_str().map(str::to_owned))
}
