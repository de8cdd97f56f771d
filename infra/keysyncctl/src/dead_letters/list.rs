//! `keysyncctl dlq list`.

use keysync::Clock;

use super::args::ListArgs;
use crate::{
    cli::output,
    failure::{Failure, Finished},
    values,
};

pub(super) async fn run(args: &ListArgs, as_json: bool) -> Result<Finished, Failure> {
    let queue = args.queue.open().await?;
    let letters = queue.receive(args.max, |_| false).await?;
    queue.release(&letters).await;
    if as_json {
        output::json(&letters)?;
        return Ok(Finished::Done);
    }
    let now = Clock::system().now();
    let rows = letters.iter().map(|letter| {
        let (kind, key) = letter.summary();
        let age = letter.sent_at.map(|at| values::age(now.since(at))).unwrap_or_default();
        let reason =
            letter.reason.clone().unwrap_or_else(|| "received too often, or not delivered".to_owned());
        [letter.id.clone(), age, kind, key, reason]
    });
    if !letters.is_empty() {
        output::table(["id", "age", "type", "key", "reason"], rows)?;
    }
    output::line(output::count(letters.len(), "message"))?;
    if letters.len() == args.max {
        output::remark(format!("there may be more: only {} messages were read; raise --max", args.max));
    }
    Ok(Finished::Done)
}
