//! Instructions per request: the same in every run, and nearly the same on every machine.
//!
//! The function runs under valgrind's callgrind, which counts instructions. One process handles a
//! small number of requests and another one a larger number; the difference of the counts belongs
//! to the additional requests.

use tokio::process::Command;

use super::{
    BenchError,
    keys::BenchKey,
    mix::{ALL, Mix},
    progress,
    stage::{Stage, services},
};

const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
/// Prefix of the count in the output of callgrind.
const COLLECTED: &str = "Collected : ";
/// Requests in each of the two processes, over `KEYS` keys: the first requests of a process include
/// its initialization.
const REQUESTS: (usize, usize) = (20, 120);
const KEYS: usize = 20;

/// The kinds of request, each with its instructions per request.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<(Mix, u64)>, BenchError> {
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

/// Instructions of a process from its start to its end.
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
