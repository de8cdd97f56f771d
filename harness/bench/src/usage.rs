//! What a process has used of the machine.
//!
//! Linux tells it of a process that runs (`/proc`); `getrusage` would tell it of one that has ended, with its start
//! in it.

use std::time::Duration;

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// The processor's time, in user and in kernel mode; in steps of 10 ms.
    pub(super) cpu: Duration,
    /// The most memory that it ever had resident, in bytes.
    pub(super) peak_rss: u64,
}

/// What the process `id` has used by now; `None` where nobody knows.
#[cfg(target_os = "linux")]
pub(super) fn of(id: u32) -> Option<Usage> {
    let process = procfs::process::Process::new(i32::try_from(id).ok()?).ok()?;
    let (stat, status) = (process.stat().ok()?, process.status().ok()?);
    let ticks = u32::try_from(stat.utime + stat.stime).ok()?;
    let second = u32::try_from(procfs::ticks_per_second()).ok()?;
    Some(Usage { cpu: Duration::from_secs(1) * ticks / second, peak_rss: status.vmhwm? * 1024 })
}

/// What the process `id` has used by now; `None` where nobody knows.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: u32) -> Option<Usage> {
    None
}
