//! Instructions, system calls and allocations of a request, of an init, of an event and of a
//! redelivery: nearly the same in every run, and on every machine.
//!
//! The function runs under valgrind, whose tool callgrind counts instructions and DHAT allocations;
//! system calls are those that it traces. One process handles a small number of requests and
//! another one a larger number; the difference of the counts belongs to the additional requests.
//!
//! valgrind emulates an older processor: instructions for cryptography are replaced by many others.

use std::path::Path;

use keysync_lambda_emulator::ProcessFunction;
use tokio::process::Command;

use super::{
    BenchError,
    keys::BenchKey,
    mix::ALL,
    progress,
    stage::{Stage, services},
    workers::{Worker, Workers},
};

const CALLGRIND: [&str; 4] =
    ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-syscalls=yes"];
const DHAT: [&str; 3] = ["valgrind", "--tool=dhat", "--dhat-out-file=/dev/null"];
/// Prefix of the instructions in the output of callgrind.
const COLLECTED: &str = "Collected : ";
/// Prefix of a system call in its output, after the process and the number of the call.
const SYSTEM_CALL: &str = ") sys_";
/// Not a system call on hardware, where the time of day is read from memory.
const CLOCK: &str = ") sys_clock_gettime";
/// Prefix of the allocated bytes and blocks in the output of DHAT.
const TOTAL: &str = "Total: ";
/// Requests, events or notifications in each of the two processes: the first of a process include
/// its initialization.
const FEW: usize = 20;
const MANY: usize = 120;
const KEYS: usize = 20;
/// What is counted besides requests, as in the file of limits.
const INIT: &str = "init";
const EVENT: &str = "lifecycle, per event";
const NOTIFICATION: &str = "redeliver, per notification";

/// What a request takes, or a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) instructions: u64,
    pub(super) system_calls: u64,
    pub(super) allocations: u64,
}

/// Something that costs, with its counts.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) what: String,
    pub(super) counts: Counts,
}

/// The counts of each kind of request, of the init of `sync`, of `lifecycle` per event and of
/// `redeliver` per notification.
pub(super) async fn measure(stage: &Stage) -> Result<Vec<Counted>, BenchError> {
    let valgrind = Command::new(CALLGRIND[0]).arg("--version").output().await;
    valgrind.map_err(BenchError::NoValgrind)?;
    let workers = Workers::new(stage).await?;
    let keys: Vec<_> = (0..KEYS).map(|_| BenchKey::new(&services()[..1])).collect();
    stage.table().put_keys(&keys, |_| {}).await?;
    let token = stage.token().await?;
    let progress = progress::bar(ALL.len() + 3, "counting instructions, system calls and allocations");
    let mut counted = Vec::new();
    let mut add = |what: &str, counts: Counts| {
        counted.push(Counted { what: what.to_owned(), counts });
        progress.inc(1);
    };
    for mix in ALL {
        let of = async |requests| {
            of_process(stage, &stage.binaries.sync, async |function: &ProcessFunction| {
                mix.measure(stage, function, &keys, &token, (requests, 1)).await.map(drop)
            })
            .await
        };
        add(&mix.to_string(), per_unit(of(FEW).await?, of(MANY).await?));
    }
    add(INIT, of_process(stage, &stage.binaries.sync, async |_: &ProcessFunction| Ok(())).await?);
    for (what, worker) in [(EVENT, Worker::Lifecycle), (NOTIFICATION, Worker::Redeliver)] {
        let of = async |units| {
            let function = workers.binary(worker);
            of_process(stage, function, async |function: &ProcessFunction| {
                workers.work(worker, function, units).await
            })
            .await
        };
        add(what, per_unit(of(FEW).await?, of(MANY).await?));
    }
    progress.finish_and_clear();
    Ok(counted)
}

/// The counts of one of the additional units of work of the second process.
fn per_unit(few: Counts, many: Counts) -> Counts {
    let units = u64::try_from(MANY - FEW).unwrap_or(u64::MAX);
    let each = |count: fn(&Counts) -> u64| count(&many).saturating_sub(count(&few)) / units;
    Counts {
        instructions: each(|counts| counts.instructions),
        system_calls: each(|counts| counts.system_calls),
        allocations: each(|counts| counts.allocations),
    }
}

/// The counts of a process from its start to its end.
async fn of_process(
    stage: &Stage,
    binary: &Path,
    work: impl AsyncFn(&ProcessFunction) -> Result<(), BenchError>,
) -> Result<Counts, BenchError> {
    let log = async |tool: &[&str]| {
        let function = stage.under(tool, binary).await?;
        work(&function).await?;
        function.end().await.map_err(BenchError::Valgrind)?;
        Ok::<_, BenchError>(function.log())
    };
    let (callgrind, dhat) = (log(&CALLGRIND).await?, log(&DHAT).await?);
    let not_counted = |log: &[String]| BenchError::NotCounted(log.last().cloned().unwrap_or_default());
    let occurrences = |text: &str| callgrind.iter().map(|line| line.matches(text).count()).sum::<usize>();
    let system_calls = occurrences(SYSTEM_CALL).saturating_sub(occurrences(CLOCK));
    Ok(Counts {
        instructions: collected(&callgrind).ok_or_else(|| not_counted(&callgrind))?,
        system_calls: u64::try_from(system_calls).unwrap_or(u64::MAX),
        allocations: allocated(&dhat).ok_or_else(|| not_counted(&dhat))?,
    })
}

/// The instructions that callgrind reports.
fn collected(log: &[String]) -> Option<u64> {
    log.iter().find_map(|line| line.split_once(COLLECTED)?.1.trim().parse().ok())
}

/// The allocations that DHAT reports: `Total: 1,234 bytes in 56 blocks`.
fn allocated(log: &[String]) -> Option<u64> {
    let total = log.iter().find_map(|line| line.split_once(TOTAL))?.1;
    total.split_once(" bytes in ")?.1.split(' ').next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_valgrind_is_read() {
        let log = ["==9== Collected : 229929", "==9== Total:     24,064 bytes in 1,038 blocks"];
        let log = log.map(str::to_owned);
        assert_eq!((collected(&log), allocated(&log)), (Some(229_929), Some(1038)));
        assert_eq!((collected(&[]), allocated(&[])), (None, None));
    }
}
