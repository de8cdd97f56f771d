//! Output of the demo: steps, requests, responses and checks.

use std::io::{self, IsTerminal, Write};

use keysync_testkit::{HarnessError, Response};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

type Result<T = ()> = std::result::Result<T, HarnessError>;

/// Prints the demo on standard output and collects the checks that failed.
pub(super) struct Narrator {
    coloured: bool,
    steps: usize,
    failed: Vec<String>,
}

impl Narrator {
    /// Prints the title.
    pub(super) fn begin(title: &str) -> Result<Self> {
        // https://no-color.org: any non-empty value disables colours.
        let plain = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
        let narrator = Self { coloured: io::stdout().is_terminal() && !plain, steps: 0, failed: Vec::new() };
        narrator.line(BOLD, title)?;
        Ok(narrator)
    }

    /// Begins a numbered step.
    pub(super) fn step(&mut self, title: &str) -> Result {
        self.steps += 1;
        self.line("", "")?;
        self.line(BOLD, &format!("{}. {title}", self.steps))
    }

    /// Prints a request.
    pub(super) fn request(&self, line: &str, body: &str) -> Result {
        self.line("", format!("   → {line} {body}").trim_end())
    }

    /// Prints the status of a response, with a detail.
    pub(super) fn response(&self, response: &Response, detail: &str) -> Result {
        self.line("", format!("   ← {}  {detail}", response.status).trim_end())
    }

    /// Prints an explanation.
    pub(super) fn note(&self, text: &str) -> Result {
        self.line(DIM, &format!("     {text}"))
    }

    /// Prints and records whether an expectation was met.
    pub(super) fn check(&mut self, met: bool, expectation: &str) -> Result {
        if met {
            self.line(GREEN, &format!("   ✓ {expectation}"))
        } else {
            self.failed.push(format!("step {}: {expectation}", self.steps));
            self.line(RED, &format!("   ✗ failed: expected that {expectation}"))
        }
    }

    /// Prints the summary, or returns the failed checks as an error.
    pub(super) fn end(self) -> Result {
        self.line("", "")?;
        if self.failed.is_empty() {
            self.line(BOLD, &format!("Demo passed: all {} steps behaved as expected.", self.steps))
        } else {
            Err(HarnessError::Demo(self.failed))
        }
    }

    /// Writes a line. A closed standard output ends the demo.
    fn line(&self, colour: &str, text: &str) -> Result {
        let mut out = io::stdout().lock();
        let written = if self.coloured && !colour.is_empty() {
            writeln!(out, "{colour}{text}{RESET}")
        } else {
            writeln!(out, "{text}")
        };
        written.map_err(HarnessError::Output)
    }
}
