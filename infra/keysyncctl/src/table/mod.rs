//! The table of a deployment, and the keys in it.

mod key_ref;
mod service_view;

use clap::Args;
use keysync::{http_client::aws, ledger::Ledger};

pub(crate) use key_ref::KeyRef;
pub(crate) use service_view::{ServiceView, by_name, services};

use crate::failure::Failure;

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

    /// The ledger in the table.
    pub(crate) async fn open(&self) -> Result<Ledger, Failure> {
        let config = aws::config().await.map_err(Failure::stopped)?;
        if config.region().is_none() {
            return Err(Failure::usage("the AWS region is missing: set the environment variable AWS_REGION"));
        }
        Ok(Ledger::new(&config, self.table.clone()))
    }
}
