//! A dead letter within what SQS takes: a body and an attribute of certain characters, and of so many bytes together.
//!
//! Whatever is wrong with an event, it must not keep its letter out of the queue: the event would come again and again,
//! and be wrong each time.

/// The message attribute that says why.
pub(super) const REASON: &str = "reason";
/// The attribute's type. Name, type and value count for a message's size.
pub(super) const REASON_TYPE: &str = "String";

/// The most that a message may weigh, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// The most that it might weigh before August 2025: a queue made earlier keeps that, where nobody changed it.
pub(super) const MAX_MESSAGE_BYTES_BEFORE_2025: usize = 256 * 1024;

/// How much of a reason goes with a letter, in characters.
const MAX_REASON_CHARS: usize = 1000;
/// What stands at the end of what was cut.
const CUT: char = '…';

/// A letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadLetterMessage {
    /// The event: as it came, where SQS takes that.
    pub(super) body: String,
    /// Why it is here.
    pub(super) reason: String,
}

impl DeadLetterMessage {
    /// A letter of `most` bytes at most. The reason is shortened first: a whole event can be mended and sent again.
    pub(super) fn of(event: &str, reason: &str, most: usize) -> Self {
        let room = most.saturating_sub(REASON.len() + REASON_TYPE.len());
        let mut body = cleaned(event, is_allowed);
        if body.is_empty() {
            body.push_str("(empty)"); // SQS takes no empty body
        }
        let shortest: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let mut reason = cleaned(&shortest, |c| !c.is_control() && is_allowed(c));
        if body.len() + CUT.len_utf8() > room {
            reason = format!("the event is cut, it has {} bytes: {reason}", event.len());
            cut(&mut body, room.saturating_sub(reason.len()));
        }
        cut(&mut reason, room.saturating_sub(body.len()));
        Self { body, reason }
    }

    /// What it weighs, in bytes, as SQS counts them.
    pub(super) fn size(&self) -> usize {
        self.body.len() + REASON.len() + REASON_TYPE.len() + self.reason.len()
    }
}

/// Whether SQS takes this character: XML 1.0 does.
const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn cleaned(text: &str, is_allowed: impl Fn(char) -> bool) -> String {
    text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Shortens `text` to `most` bytes, where it is longer.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(CUT.len_utf8())));
        text.push(CUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERHEAD: usize = REASON.len() + REASON_TYPE.len();

    #[test]
    fn a_letter_is_of_characters_that_sqs_takes() {
        let letter = DeadLetterMessage::of(
            "{\"a\":\"\0\u{b}\t\u{ffff}é\u{1f511}\"}\r\n",
            "got `a\0b\n\u{fffe}`",
            MAX_MESSAGE_BYTES,
        );
        assert_eq!(letter.body, "{\"a\":\"\u{fffd}\u{fffd}\t\u{fffd}é\u{1f511}\"}\r\n");
        assert_eq!(letter.reason, "got `a\u{fffd}b\u{fffd}\u{fffd}`");
    }

    #[test]
    fn a_letter_of_nothing_says_so() {
        assert_eq!(DeadLetterMessage::of("", "none", MAX_MESSAGE_BYTES).body, "(empty)");
    }

    #[test]
    fn a_reason_is_a_thousand_characters_at_most() {
        let letter = DeadLetterMessage::of("{}", &"é".repeat(2 * MAX_REASON_CHARS), MAX_MESSAGE_BYTES);
        assert_eq!(letter.reason.chars().count(), MAX_REASON_CHARS);
    }

    #[test]
    fn a_reason_gives_way_to_a_large_event() {
        let reason = "why ".repeat(50);
        for (left, kept) in [(200, 200), (199, 199), (10, 10), (3, 3)] {
            let event = "x".repeat(MAX_MESSAGE_BYTES - OVERHEAD - left);
            let letter = DeadLetterMessage::of(&event, &reason, MAX_MESSAGE_BYTES);
            assert_eq!(
                (letter.body == event, letter.size(), letter.reason.len()),
                (true, MAX_MESSAGE_BYTES, kept)
            );
            assert!(left == 200 || letter.reason.ends_with(CUT), "{}", letter.reason);
        }
    }

    #[test]
    fn an_event_that_is_too_large_is_cut_and_has_its_reason() {
        for size in [MAX_MESSAGE_BYTES - OVERHEAD - 2, MAX_MESSAGE_BYTES, 2 * MAX_MESSAGE_BYTES] {
            let letter = DeadLetterMessage::of(&"é".repeat(size / 2), "why", MAX_MESSAGE_BYTES);
            let expected = format!("the event is cut, it has {} bytes: why", size / 2 * 2);
            assert_eq!(letter.reason, expected);
            assert!(
                (MAX_MESSAGE_BYTES - 4..=MAX_MESSAGE_BYTES).contains(&letter.size()),
                "{}",
                letter.size()
            );
            assert!(letter.body.ends_with("é…"), "whole characters");
        }
    }

    #[test]
    fn what_replaces_a_character_counts() {
        let letter = DeadLetterMessage::of(&"\0".repeat(MAX_MESSAGE_BYTES / 2), "why", MAX_MESSAGE_BYTES);
        assert!(letter.size() <= MAX_MESSAGE_BYTES, "three bytes for each: {}", letter.size());
    }
}
