//! `harness services`: services, their behaviour and their callbacks.

use std::error::Error;

use clap::Subcommand;
use clap_complete::ArgValueCandidates;
use keysync_testkit::services::Behaviour;
use serde_json::json;

use super::{behaviour, completion, remote::Remote, show};

/// Commands of `harness services`.
#[derive(Subcommand)]
pub(super) enum ServicesCommand {
    /// Set how a service treats callbacks: all from now on, or the next few.
    #[command(after_help = behaviour::HELP)]
    Behave {
        /// CRN service name.
        #[arg(add = ArgValueCandidates::new(completion::services))]
        name: String,
        /// What the service does with a callback; see below. Several apply in turn, one to each of
        /// the next callbacks.
        #[arg(value_parser = behaviour::parse, required = true, add = ArgValueCandidates::new(completion::behaviours))]
        behaviour: Vec<Behaviour>,
        /// Number of callbacks that it applies to, from 1 to 1,000,000. All by default.
        #[arg(long, value_parser = behaviour::times, allow_hyphen_values = true)]
        times: Option<usize>,
        /// Only for callbacks about the key with this id.
        #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completion::keys))]
        key: Option<String>,
        /// Only for callbacks about this lifecycle action.
        #[arg(long, value_name = "ACTION", value_parser = ["rotate", "delete", "restore", "enable", "disable", "create"])]
        event_type: Option<String>,
        /// Only for callbacks that come from a sync (`true`), or that do not (`false`).
        #[arg(long, value_name = "BOOL")]
        by_sync: Option<bool>,
    },
    /// Show the callbacks that a service received.
    Callbacks {
        /// CRN service name.
        #[arg(add = ArgValueCandidates::new(completion::services))]
        name: String,
    },
}

/// Runs `harness services`.
pub(super) async fn run(
    command: Option<ServicesCommand>,
    remote: &Remote,
    as_json: bool,
) -> Result<(), Box<dyn Error>> {
    match command {
        None => show::services(remote, &remote.get(&["services"]).await?, as_json),
        Some(ServicesCommand::Behave { name, behaviour, times, key, event_type, by_sync }) => {
            let when = json!({"key": key, "event_type": event_type, "renotification": by_sync});
            let when = (key.is_some() || event_type.is_some() || by_sync.is_some()).then_some(when);
            let body = match behaviour.as_slice() {
                [behaviour] => json!({"behaviour": behaviour, "times": times, "when": when}),
                _ => json!({"in_turn": behaviour, "times": times, "when": when}),
            };
            remote.put(&["services", &name, "behaviour"], &body).await?;
            Ok(())
        }
        Some(ServicesCommand::Callbacks { name }) => {
            show::callbacks(remote, &remote.get(&["services", &name, "callbacks"]).await?, as_json)
        }
    }
}
