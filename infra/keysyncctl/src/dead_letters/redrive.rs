//! `keysyncctl dlq redrive`.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::{args::RedriveArgs, letter::Letter, queue::Queue};
use crate::{
    cli::output,
    failure::{Failure, Finished},
    progress,
};

/// The result for one message.
#[derive(Debug, Serialize)]
struct Redriven {
    id: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) async fn run(args: &RedriveArgs, as_json: bool) -> Result<Finished, Failure> {
    let (source, target) = (args.queue.open().await?, args.target.open().await?);
    let wanted: BTreeSet<&str> = args.id.iter().map(String::as_str).collect();
    let is_selected = |letter: &Letter| args.all || wanted.contains(letter.id.as_str());
    // A large queue is redriven in parts, because received messages are hidden for a minute only.
    let progress = progress::counter("sending");
    let (mut results, mut kept, mut seen, mut read) = (Vec::new(), Vec::new(), HashSet::new(), 0);
    while read < args.max {
        let letters = source.receive(PART.min(args.max - read), |_| false).await?;
        read += letters.len();
        if letters.is_empty() {
            break;
        }
        for letter in letters {
            // A message that is kept becomes visible again after a minute.
            if !seen.insert(letter.id.clone()) || !is_selected(&letter) {
                kept.push(letter);
                continue;
            }
            let result = redrive(&source, &target, &letter, args.dry_run).await?;
            progress.inc(1);
            if result.result != SENT {
                kept.push(letter);
            }
            results.push(result);
        }
        if !args.all && results.len() == wanted.len() {
            break;
        }
    }
    progress.finish_and_clear();
    source.release(&kept).await;
    let found: BTreeSet<&str> = results.iter().map(|result| result.id.as_str()).collect();
    let missing: Vec<&str> = wanted.difference(&found).copied().collect();
    for id in &missing {
        output::remark(format!("no message {id} among the {read} that were read"));
    }
    let some_failed = !missing.is_empty() || results.iter().any(|result| result.result == SKIPPED);
    if as_json {
        output::json(&results)?;
    } else {
        let rows = results.iter().map(|Redriven { id, result, problem }| {
            [id.clone(), (*result).to_owned(), problem.clone().unwrap_or_default()]
        });
        output::table(["id", "result", "problem"], rows)?;
    }
    Ok(Finished::unless(some_failed))
}

/// The messages that are received before they are sent: less than a minute's work.
const PART: usize = 200;

const SENT: &str = "sent";
const WOULD_BE_SENT: &str = "would be sent";
const SKIPPED: &str = "skipped";

async fn redrive(
    source: &Queue,
    target: &Queue,
    letter: &Letter,
    dry_run: bool,
) -> Result<Redriven, Failure> {
    let id = letter.id.clone();
    if let Some(problem) = letter.problem() {
        return Ok(Redriven { id, result: SKIPPED, problem: Some(problem) });
    }
    if dry_run {
        return Ok(Redriven { id, result: WOULD_BE_SENT, problem: None });
    }
    // In this order: an interruption may duplicate the event, and loses none.
    target.send(&letter.body).await?;
    source.delete(letter).await?;
    Ok(Redriven { id, result: SENT, problem: None })
}
