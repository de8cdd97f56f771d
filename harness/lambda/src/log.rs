//! What a function's processes print: kept, shown, and looked through for secrets.
//!
//! Each process has a pipe for all that it prints, and a thread that reads it. The harness holds the pipe's
//! other end, too: what it writes there comes after all that was printed before, and tells it, without
//! waiting for the process's end, when that has been read.

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

/// How many lines are kept; the oldest go first.
const KEPT_LINES: usize = 100_000;
/// How long reading may take to catch up.
const CATCH_UP: Duration = Duration::from_secs(5);
/// How a line begins that the harness wrote. No JSON does.
const MARK: &str = "\u{1}harness:";

/// What becomes of what a function prints.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it is only kept, or goes to standard error, too.
    pub quiet: bool,
    /// Its secrets must not be in it; a wait for it that fails shows its journal.
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

    /// A pipe for a process. It is read for as long as anybody holds the end that is returned.
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

    /// Waits until all is read that was written into `pipe` by now. A moment, so it may block.
    pub(super) fn catch_up(&self, mut pipe: &PipeWriter) {
        let mark = self.next_mark.fetch_add(1, Ordering::Relaxed);
        // What was printed last may lack the end of its line.
        if pipe.write_all(format!("\n{MARK}{mark}\n").as_bytes()).is_ok() {
            let mut marks = self.marks.lock();
            let is_missing = |marks: &mut BTreeSet<u64>| !marks.remove(&mark);
            self.marked.wait_while_for(&mut marks, is_missing, CATCH_UP);
        }
    }

    pub(super) fn add(&self, line: String) {
        self.output.context.secrets.look_through(Place::Log(self.function), &line);
        if !self.output.quiet {
            // A reader that has gone away must not keep the function's output from being read.
            let _ = writeln!(io::stderr(), "{line}");
        }
        let mut lines = self.lines.lock();
        if lines.len() == KEPT_LINES {
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
    use keysync::Clock;
    use keysync_browser_guard::Guard;
    use keysync_emulator_support::secret_scanner::Kind;

    fn log() -> Arc<Log> {
        Log::new("sync", Output { quiet: true, context: Context::new(Clock::system(), Guard::default()) })
    }

    #[test]
    fn all_is_read_that_was_printed_before_whatever_it_is() {
        let log = log();
        log.output.context.secrets.add(Kind::ApiKey, "an-api-key-that-was-made-up");
        let mut pipe = log.pipe().unwrap();
        for n in 0..1000 {
            writeln!(pipe, "line {n}").unwrap();
        }
        pipe.write_all(b"no text: \xff\nthe end: an-api-key-that-was-made-up").unwrap();
        log.catch_up(&pipe);
        let lines = log.lines();
        assert_eq!(lines.len(), 1002);
        assert_eq!(lines[1000], "no text: \u{fffd}");
        assert_eq!(
            log.output.context.secrets.leaked().as_deref(),
            Some("an API key is in the log of `sync`")
        );
    }
}
