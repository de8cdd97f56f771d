//! `keysyncctl dlq edit`.

use serde_json::json;

use super::{args::EditArgs, letter};
use crate::{
    cli::output,
    failure::{Failure, Finished},
    input,
};

pub(super) async fn run(args: &EditArgs, as_json: bool) -> Result<Finished, Failure> {
    let body = input::read(&args.body)?;
    if let Some(problem) = letter::problem(&body) {
        return Err(Failure::Usage(format!("the event is malformed, and was not sent: {problem}")));
    }
    let (source, target) = (args.queue.open().await?, args.target.open().await?);
    let letter = letter::find(&source, &args.id, args.max).await?;
    let result = if args.dry_run {
        source.release(std::slice::from_ref(&letter)).await;
        "the event is valid; it would be sent, and the message deleted"
    } else {
        // In this order: an interruption may duplicate the event, and loses none.
        target.send(&body).await?;
        source.delete(&letter).await?;
        "the event was sent, and the message deleted"
    };
    if as_json {
        output::json(&json!({"id": letter.id, "sent": !args.dry_run}))?;
    } else {
        output::line(result)?;
    }
    Ok(Finished::Done)
}
