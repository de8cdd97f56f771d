//! `keysyncctl show`: everything that the table has about a key.

use clap::Args;
use keysync::{
    Clock,
    domain::{EpochMillis, ResourceCrn, window},
    ledger::{StoredKey, item::Replay},
};
use serde::Serialize;

use crate::{
    cli::output,
    failure::{Failure, Finished},
    table::{KeyRef, ServiceView, TableArgs, services},
};

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The key: its CRN, or `<instance>/<key>`.
    key: KeyRef,
    #[command(flatten)]
    table: TableArgs,
}

/// A key with the history that its item holds.
#[derive(Serialize)]
struct Shown {
    crn: String,
    key_type: keysync::domain::KeyType,
    state: keysync::domain::KeyState,
    key_ring: String,
    version: String,
    purged_at: Option<EpochMillis>,
    latest_action: &'static str,
    latest_action_at: EpochMillis,
    notification: Option<Notification>,
    replay: Option<Replay>,
    services: Vec<ServiceView>,
    registrations: Vec<ResourceCrn>,
}

#[derive(Serialize)]
struct Notification {
    sequence: u64,
    claim: String,
    at: EpochMillis,
    /// `sync` or `lifecycle action`.
    cause: &'static str,
    caller: Option<String>,
    correlation_id: Option<String>,
    due_at: Option<EpochMillis>,
    /// The instant from which a sync is accepted.
    sync_allowed_from: EpochMillis,
}

/// Runs `keysyncctl show`.
pub(crate) async fn run(args: ShowArgs, as_json: bool) -> Result<Finished, Failure> {
    let KeyRef { instance, key } = args.key;
    let (ledger, pauses) = args.table.open_with_pauses().await?;
    let partition = ledger.partition(instance, key).await.map_err(Failure::stopped)?;
    let Some(stored) = partition.key else {
        output::remark(format!("the key {} is unknown", args.key));
        return Ok(Finished::SomeFailed);
    };
    let services = services(&stored, &pauses, Clock::system().now());
    let shown = Shown::of(&stored, services, partition.registrations.into_iter().collect());
    if as_json {
        output::json(&shown)?;
    } else {
        shown.print()?;
    }
    Ok(Finished::Done)
}

impl Shown {
    fn of(stored: &StoredKey, services: Vec<ServiceView>, registrations: Vec<ResourceCrn>) -> Self {
        let record = &stored.record;
        let notification = record.claim.zip(record.notified_at).map(|(claim, at)| Notification {
            sequence: record.sequence,
            claim: claim.to_string(),
            at,
            cause: if record.caller.is_some() { "sync" } else { "lifecycle action" },
            caller: record.caller.as_ref().map(ToString::to_string),
            correlation_id: record.correlation_id.as_ref().map(ToString::to_string),
            due_at: stored.due_at,
            sync_allowed_from: window::opens_at(at).ceil_to_second(),
        });
        Self {
            crn: record.crn.to_string(),
            key_type: record.key_type,
            state: record.state,
            key_ring: record.ring.to_string(),
            version: record.version.id.clone(),
            purged_at: record.purged_at,
            latest_action: record.event.action.as_str(),
            latest_action_at: record.event.at,
            notification,
            replay: record.replay.clone(),
            services,
            registrations,
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let state = u8::from(self.state);
        let mut facts = vec![
            ["key".to_owned(), self.crn.clone()],
            ["state".to_owned(), state.to_string()],
            ["key ring".to_owned(), self.key_ring.clone()],
            ["version".to_owned(), self.version.clone()],
            ["latest action".to_owned(), format!("{} at {}", self.latest_action, self.latest_action_at)],
        ];
        if let Some(at) = self.purged_at {
            facts.push(["purged".to_owned(), at.to_string()]);
        }
        match &self.notification {
            None => facts.push(["notification".to_owned(), "none yet".to_owned()]),
            Some(last) => {
                let Notification { sequence, at, cause, .. } = last;
                facts
                    .push(["notification".to_owned(), format!("number {sequence} at {at}, after a {cause}")]);
                if let Some(caller) = &last.caller {
                    let id = last.correlation_id.as_deref().unwrap_or_default();
                    facts.push(["caller".to_owned(), format!("{caller}, correlation id {id}")]);
                }
                facts.push(["sync allowed from".to_owned(), last.sync_allowed_from.to_string()]);
            }
        }
        if let Some(Replay { at, operator, reason, .. }) = &self.replay {
            facts.push(["replay".to_owned(), format!("at {at} by {operator}: {reason}")]);
        }
        output::table(["", ""], facts)?;
        let optional = |at: Option<EpochMillis>| at.map(|at| at.to_string()).unwrap_or_default();
        let rows = self.services.iter().map(|view| {
            [
                view.service.to_string(),
                view.registrations.to_string(),
                view.state(),
                view.attempts.map(|attempts| attempts.to_string()).unwrap_or_default(),
                optional(view.last_attempt),
                optional(view.next_attempt),
                view.reason.clone().unwrap_or_default(),
            ]
        });
        let columns =
            ["service", "registrations", "state", "attempts", "last attempt", "next attempt", "reason"];
        Ok(output::table(columns, rows)?)
    }
}
