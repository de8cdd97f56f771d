//! The output of a function's processes: stored, printed if wanted, and scanned for secrets.
//!
//! Each process has a pipe for its output, and a thread that reads it. The harness also holds the
//! pipe's write end: a mark that it writes there arrives after all earlier output, so that it
//! knows, without waiting for the process's end, when that output has been read.

use std::{
    collections::{BTreeSet, VecDeque},
    io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use keysync_emulator_support::{context::Context, secret_scanner::Place};

/// The number of lines that are stored; the oldest are dropped first.
const MAX_LINES: usize = 100_000;
/// The longest wait for the reading thread.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// The prefix of a mark that the harness writes. No JSON line starts with it.
const MARK: &str = "\u{1}harness:";

/// The handling of a function's output.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it is only stored, not also printed to standard error.
    pub quiet: bool,
    /// The secrets that the output must not contain, and the journal that a failed wait prints.
    pub context: Context,
}

/// The log of a function.
#[derive(Debug)]
pub(super) struct Log {
    function: &'static str,
    output: Output,
    lines: Mutex<VecDeque<String>>,
    arrivals: watch::Sender<()>,
    next_mark: AtomicU64,
    marks: Mutex<BTreeSet<u64>>,
    marked: Condvar,
}

impl Log {
    pub(super) fn new(function: &'static str, output: Output) -> Arc<Self> {
        Arc::new(Self {
            function,
            output,
            lines: Mutex::default(),
            arrivals: watch::Sender::default(),
            next_mark: AtomicU64::default(),
            marks: Mutex::default(),
            marked: Condvar::new(),
        })
    }

    /// Creates a pipe for a process. It is read until all copies of the returned end are dropped.
    pub(super) fn pipe(self: &Arc<Self>) -> io::Result<PipeWriter> {
        let (reader, writer) = io::pipe()?;
        let this = self.clone();
        thread::Builder::new().name("function-log".to_owned()).spawn(move || this.read(reader))?;
        Ok(writer)
    }

    fn read(&self, pipe: PipeReader) {
        let (mut pipe, mut line) = (BufReader::new(pipe), Vec::new());
        while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            if let Some(mark) = text.strip_prefix(MARK).and_then(|mark| mark.parse().ok()) {
                self.marks.lock().insert(mark);
                self.marked.notify_all();
            } else if !text.is_empty() {
                self.add(text.to_owned());
            }
            line.clear();
        }
    }

    /// Blocks, usually for under a millisecond, until all output that was written to `pipe` is
    /// read.
    pub(super) fn catch_up(&self, mut pipe: &PipeWriter) {
        let mark = self.next_mark.fetch_add(1, Ordering::Relaxed);
        // The last line may have no line end yet.
        if pipe.write_all(format!("\n{MARK}{mark}\n").as_bytes()).is_ok() {
            let mut marks = self.marks.lock();
            let is_missing = |marks: &mut BTreeSet<u64>| !marks.remove(&mark);
            self.marked.wait_while_for(&mut marks, is_missing, CATCH_UP_TIMEOUT);
        }
    }

    pub(super) fn add(&self, line: String) {
        self.output.context.secrets.scan(Place::Log(self.function), &line);
        if !self.output.quiet {
            // A closed standard error must not stop the reading of the output.
            let _ = writeln!(io::stderr(), "{line}");
        }
        let mut lines = self.lines.lock();
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
        drop(lines);
        self.arrivals.send_replace(());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }

    pub(super) fn arrivals(&self) -> watch::Receiver<()> {
        self.arrivals.subscribe()
    }

    pub(super) fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keysync_browser_guard::Guard;
    use keysync_emulator_support::{clock::HarnessClock, secret_scanner::Kind};

    fn log() -> Arc<Log> {
        Log::new(
            "sync",
            Output { quiet: true, context: Context::new(HarnessClock::running(), Guard::default()) },
        )
    }

    #[test]
    fn catch_up_reads_all_earlier_output() {
        let log = log();
        log.output.context.secrets.add(Kind::ApiKey, "an-api-key-of-this-test");
        let mut pipe = log.pipe().unwrap();
        for n in 0..1000 {
            writeln!(pipe, "line {n}").unwrap();
        }
        pipe.write_all(b"not UTF-8: \xff\nthe end: an-api-key-of-this-test").unwrap();
        log.catch_up(&pipe);
        let lines = log.lines();
        assert_eq!(lines.len(), 1002);
        assert_eq!(lines[1000], "not UTF-8: \u{fffd}");
        assert_eq!(
            log.output.context.secrets.leaked().as_deref(),
            Some("an API key is in the log of `sync`")
        );
    }
}
