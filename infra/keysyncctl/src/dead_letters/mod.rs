//! Dead letters: events that were not processed, in one of three queues. They are read without
//! being removed, corrected, and sent to the queue of lifecycle events again.

mod args;
mod edit;
mod letter;
mod list;
mod queue;
mod redrive;
mod show;

pub(crate) use args::{DeadLetterArgs, DeadLetterCommand};

use crate::failure::{Failure, Finished};

/// Runs `keysyncctl dlq`.
pub(crate) async fn run(args: DeadLetterArgs, as_json: bool) -> Result<Finished, Failure> {
    match args.command {
        DeadLetterCommand::List(args) => list::run(&args, as_json).await,
        DeadLetterCommand::Show(args) => show::run(&args, as_json).await,
        DeadLetterCommand::Redrive(args) => redrive::run(&args, as_json).await,
        DeadLetterCommand::Edit(args) => edit::run(&args, as_json).await,
    }
}
