//! `keysyncctl dlq show`.

use super::{args::ShowArgs, letter};
use crate::{
    cli::output,
    failure::{Failure, Finished},
};

pub(super) async fn run(args: &ShowArgs, as_json: bool) -> Result<Finished, Failure> {
    let queue = args.queue.open().await?;
    let letter = letter::find(&queue, &args.id, args.max).await?;
    queue.release(std::slice::from_ref(&letter)).await;
    if args.body {
        output::write(&letter.body)?;
        return Ok(Finished::Done);
    }
    if as_json {
        output::json(&letter)?;
        return Ok(Finished::Done);
    }
    output::line(format!("id        {}", letter.id))?;
    if let Some(at) = letter.sent_at {
        output::line(format!("sent      {at}"))?;
    }
    output::line(format!("received  {} times", letter.receives))?;
    if let Some(reason) = &letter.reason {
        output::line(format!("reason    {}", output::printable(reason)))?;
    }
    let problem = letter.problem();
    let problem = problem.as_deref().unwrap_or("none: the event can be parsed");
    output::line(format!("problem   {}\n", output::printable(problem)))?;
    let event = serde_json::from_str::<serde_json::Value>(&letter.body);
    match event {
        Ok(event) => output::json(&event)?,
        Err(_) => output::line(output::printable(&letter.body))?,
    }
    Ok(Finished::Done)
}
