//! The writer of log lines. Each is written at once, because Lambda may end the process at any
//! time, except at the end of a request: the audit event, the line of the request and its metrics
//! are one write, and so one system call.

use std::{
    cell::RefCell,
    io::{self, Write},
};

thread_local! {
    /// The lines that are held on this thread; `None` if lines are written at once.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Holds the lines of this thread from now on until [`take_held`], which must follow without an
/// `await` in between: nothing but the end of the process can then come before it, which could also
/// have come before the lines.
pub(crate) fn hold() {
    HELD.with_borrow_mut(|held| {
        held.get_or_insert_default();
    });
}

/// The lines that were held. Later lines are written at once.
pub(super) fn take_held() -> Vec<u8> {
    HELD.take().unwrap_or_default()
}

/// The writer of lines to standard output.
pub(super) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_held = HELD.with_borrow_mut(|held| held.as_mut().map(|held| held.extend_from_slice(line)));
        match is_held {
            Some(()) => Ok(line.len()),
            None => io::stdout().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_lines_are_taken_once() {
        hold();
        Lines.write_all(b"1\n").unwrap();
        hold();
        Lines.write_all(b"2\n").unwrap();
        assert_eq!(take_held(), b"1\n2\n");
        assert_eq!(take_held(), b"");
        Lines.write_all(b"\n").unwrap();
        assert_eq!(take_held(), b"", "written at once");
    }
}
