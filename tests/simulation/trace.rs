//! The trace of a round: one line for each thing that happened, in order.
//!
//! The functions draw ids of claims, leases and requests from the operating system. Only their
//! equality counts, so the trace numbers them in the order of their first appearance, and is the
//! same for the same seed byte for byte.

use std::{collections::HashMap, fmt::Write};

/// The length of a UUID in text.
const UUID: usize = 36;

#[derive(Debug, Default)]
pub(crate) struct Trace {
    text: String,
    ids: HashMap<String, usize>,
}

impl Trace {
    /// Adds a line.
    pub(crate) fn add(&mut self, at: u64, text: &str) {
        let _ = write!(
            self.text,
            "{:>4}:{:02}:{:02}.{:03} ",
            at / 3_600_000,
            at / 60_000 % 60,
            at / 1000 % 60,
            at % 1000
        );
        let mut rest = text;
        while let Some((before, id, after)) = next_id(rest) {
            let number = self.ids.len() + 1;
            let number = *self.ids.entry(id.to_owned()).or_insert(number);
            let _ = write!(self.text, "{before}#{number}");
            rest = after;
        }
        self.text.push_str(rest);
        self.text.push('\n');
    }

    /// The lines.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// The text before the next UUID, the UUID, and the text after it.
fn next_id(text: &str) -> Option<(&str, &str, &str)> {
    let dashes = text.match_indices('-').map(|(at, _)| at);
    for at in dashes {
        let Some(start) = at.checked_sub(8) else { continue };
        if let Some(id) = text.get(start..start + UUID).filter(|id| is_uuid(id)) {
            return Some((&text[..start], id, &text[start + UUID..]));
        }
    }
    None
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(n, byte)| match n {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_by_first_appearance() {
        let mut trace = Trace::default();
        let (one, two) = ("02fd6835-6001-4482-a892-13bd2085f75d", "019aaf60-0000-7000-8000-000000000001");
        trace.add(3_661_001, &format!("cloud-object-storage {two}:{one} {two}"));
        assert_eq!(trace.into_text(), "   1:01:01.001 cloud-object-storage #1:#2 #1\n");
    }
}
