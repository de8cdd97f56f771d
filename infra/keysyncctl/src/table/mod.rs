//! The table of a deployment, and the keys in it.

mod key_ref;
mod service_view;

use clap::Args;
use keysync::ledger::{Ledger, Pauses};

pub(crate) use key_ref::KeyRef;
pub(crate) use service_view::{ServiceView, by_name, services, state};

use crate::{aws, failure::Failure};

#[derive(Args, Debug)]
#[command(next_help_heading = "Deployment")]
pub(crate) struct TableArgs {
    /// The deployment's DynamoDB table: the output `TableName` of its stack. Credentials and region
    /// come from the environment, as for the AWS command.
    #[arg(long, value_name = "NAME", env = "KEYSYNC_TABLE")]
    table: String,
}

impl TableArgs {
    /// The name of the table.
    pub(crate) fn name(&self) -> &str {
        &self.table
    }

    /// The ledger in the table, and the paused services.
    pub(crate) async fn open_with_pauses(&self) -> Result<(Ledger, Pauses), Failure> {
        let ledger = self.open().await?;
        let pauses = ledger.pauses().await.map_err(Failure::stopped)?;
        Ok((ledger, pauses))
    }

    /// The ledger in the table.
    pub(crate) async fn open(&self) -> Result<Ledger, Failure> {
        Ok(Ledger::new(&aws::config().await?, self.table.clone()))
    }
}
