//! How a story is told on a terminal: steps, requests, answers, and whether it came as it should.

use std::io::{self, IsTerminal, Write};

use keysync_testkit::{HarnessError, Response};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// What has been told, or why it could not be written.
type Told<T = ()> = Result<T, HarnessError>;

/// Tells a story on standard output and counts what did not come as it should.
pub(super) struct Teller {
    coloured: bool,
    steps: usize,
    wrong: Vec<String>,
}

impl Teller {
    pub(super) fn begin(title: &str) -> Told<Self> {
        // https://no-color.org: any value, however short, but not an empty one.
        let plain = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
        let teller = Self { coloured: io::stdout().is_terminal() && !plain, steps: 0, wrong: Vec::new() };
        teller.line(BOLD, title)?;
        Ok(teller)
    }

    pub(super) fn step(&mut self, title: &str) -> Told {
        self.steps += 1;
        self.line("", "")?;
        self.line(BOLD, &format!("{}. {title}", self.steps))
    }

    pub(super) fn request(&self, line: &str, body: &str) -> Told {
        self.line("", format!("   → {line} {body}").trim_end())
    }

    pub(super) fn answer(&self, answer: &Response, detail: &str) -> Told {
        self.line("", format!("   ← {}  {detail}", answer.status).trim_end())
    }

    pub(super) fn note(&self, text: &str) -> Told {
        self.line(DIM, &format!("     {text}"))
    }

    pub(super) fn check(&mut self, held: bool, what: &str) -> Told {
        if held {
            self.line(GREEN, &format!("   ✓ {what}"))
        } else {
            self.wrong.push(format!("step {}: {what}", self.steps));
            self.line(RED, &format!("   ✗ not so: {what}"))
        }
    }

    pub(super) fn end(self) -> Told {
        self.line("", "")?;
        if self.wrong.is_empty() {
            self.line(BOLD, "All of it came as it should.")
        } else {
            Err(HarnessError::Story(self.wrong))
        }
    }

    /// A reader that has gone away ends the story.
    fn line(&self, colour: &str, text: &str) -> Told {
        let mut out = io::stdout().lock();
        let written = if self.coloured && !colour.is_empty() {
            writeln!(out, "{colour}{text}{RESET}")
        } else {
            writeln!(out, "{text}")
        };
        written.map_err(HarnessError::Output)
    }
}
