//! CPU time and memory of a running process.
//!
//! Read from `/proc`, as `getrusage` covers terminated processes only and includes their start.

use std::time::Duration;

/// Resources that a process has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// CPU time in user and kernel mode, in steps of 10 ms.
    pub(super) cpu: Duration,
    /// Peak resident memory, in bytes.
    pub(super) peak_rss: u64,
}

/// Resources that the process `id` has used so far; `None` if unknown, as on systems other than
/// Linux.
#[cfg(target_os = "linux")]
pub(super) fn of(id: u32) -> Option<Usage> {
    let process = procfs::process::Process::new(i32::try_from(id).ok()?).ok()?;
    let (stat, status) = (process.stat().ok()?, process.status().ok()?);
    let ticks = u32::try_from(stat.utime + stat.stime).ok()?;
    let second = u32::try_from(procfs::ticks_per_second()).ok()?;
    Some(Usage { cpu: Duration::from_secs(1) * ticks / second, peak_rss: status.vmhwm? * 1024 })
}

/// Resources that the process `id` has used so far; `None` if unknown, as on systems other than
/// Linux.
#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: u32) -> Option<Usage> {
    None
}
