//! How many instructions a request takes: the same on any day, and nearly so on any machine.
//!
//! The function runs under valgrind's callgrind, which counts. A number of requests and a larger number are made
//! in processes of their own; what lies between the two counts is that of the requests in between.

use tokio::process::Command;

use super::{
    BenchError,
    keys::BenchKey,
    mix::{ALL, Mix},
    progress,
    stage::{Stage, services},
};

const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
/// What callgrind says at its end, before the number.
const COLLECTED: &str = "Collected : ";
/// Requests in the one process and in the other, over so many keys: the first round of a process sets up much
/// that stays.
const REQUESTS: (usize, usize) = (20, 120);
const KEYS: usize = 20;

/// The kinds of request, each with the instructions that one takes.
pub(super) async fn of_each(stage: &Stage) -> Result<Vec<(Mix, u64)>, BenchError> {
    let valgrind = Command::new(CALLGRIND[0]).arg("--version").output().await;
    valgrind.map_err(BenchError::NoValgrind)?;
    let keys: Vec<_> = (0..KEYS).map(|_| BenchKey::new(&services()[..1])).collect();
    stage.table().put_keys(&keys, |_| {}).await?;
    let token = stage.token().await?;
    let progress = progress::bar(ALL.len(), "counting instructions");
    let mut counts = Vec::new();
    for mix in ALL {
        let of = async |requests| collected(stage, mix, &keys, &token, requests).await;
        let (few, many) = (of(REQUESTS.0).await?, of(REQUESTS.1).await?);
        let requests = u64::try_from(REQUESTS.1 - REQUESTS.0).unwrap_or(u64::MAX);
        counts.push((mix, many.saturating_sub(few) / requests));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(counts)
}

/// What a process takes from its start to its end.
async fn collected(
    stage: &Stage,
    mix: Mix,
    keys: &[BenchKey],
    token: &str,
    requests: usize,
) -> Result<u64, BenchError> {
    let function = stage.sync_under(&CALLGRIND).await?;
    mix.measure(stage, &function, keys, token, (requests, 1)).await?;
    function.end().await.map_err(BenchError::Callgrind)?;
    let log = function.log();
    let count = log.iter().find_map(|line| line.split_once(COLLECTED)?.1.trim().parse().ok());
    count.ok_or_else(|| BenchError::NotCounted(log.last().cloned().unwrap_or_default()))
}
