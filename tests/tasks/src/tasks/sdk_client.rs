//! Claims and confirmations through the AWS SDK alone: the tests of the ledger's writes and some
//! fault rounds without the thin client, which is the default of all other tests.

use super::faults;
use crate::{
    command::Context,
    error::Result,
    names::{END_TO_END, FAULTS, ON_SECOND_ENGINE, WRITE_CONFLICTS},
};

/// The setting of the functions, which the harness passes on.
const CLIENT: (&str, &str) = ("KEYSYNC_DYNAMODB_CLIENT", "sdk");
const FAULT_ROUNDS: u32 = 20;

/// Runs the tests of the ledger's writes and some fault rounds.
pub(crate) fn run(context: &Context) -> Result {
    let mut tests = context.cargo("test", ["--workspace", "--test", END_TO_END.0, "--", WRITE_CONFLICTS]);
    context.run(tests.args(ON_SECOND_ENGINE).env(CLIENT.0, CLIENT.1))?;
    let mut rounds = context.cargo("test", ["--workspace", "--test", FAULTS.0, "--", FAULTS.1]);
    context.run(rounds.env(faults::ROUNDS, FAULT_ROUNDS.to_string()).env(CLIENT.0, CLIENT.1))
}
