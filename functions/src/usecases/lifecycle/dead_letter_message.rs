//! Dead-letter messages within the limits of SQS: allowed characters, and a maximum size of body
//! and attribute together.
//!
//! No content of an event may keep its message out of the queue: the event would be retried until
//! it expires.

/// The name of the message attribute with the reason.
pub(super) const REASON: &str = "reason";
/// The type of the attribute. Name, type and value count towards the size of a message.
pub(super) const REASON_TYPE: &str = "String";

/// The maximum size of a message, in bytes (docs/reference/limits.md#dead-letter-size).
pub(super) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// The maximum size before August 2025, in bytes. An older queue keeps it until its attribute
/// `MaximumMessageSize` is changed.
pub(super) const MAX_MESSAGE_BYTES_BEFORE_2025: usize = 256 * 1024;

/// The maximum length of a reason, in characters (docs/reference/limits.md#dead-letter-reason).
const MAX_REASON_CHARS: usize = 1000;
/// The end of a string that was cut.
const ELLIPSIS: char = '…';

/// A message for the dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadLetterMessage {
    /// The event, unchanged if SQS accepts it so.
    pub(super) body: String,
    /// The reason why the event is malformed.
    pub(super) reason: String,
}

impl DeadLetterMessage {
    /// A message of at most `max_bytes`. The reason is cut first, because a complete event can be
    /// fixed and sent again. Characters that SQS does not allow become U+FFFD.
    pub(super) fn of(event: &str, reason: &str, max_bytes: usize) -> Self {
        let max_content = max_bytes.saturating_sub(REASON.len() + REASON_TYPE.len());
        let mut body = replace_characters(event, is_allowed);
        if body.is_empty() {
            body.push_str("(empty)"); // SQS rejects an empty body
        }
        let start: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let mut reason = replace_characters(&start, |c| !c.is_control() && is_allowed(c));
        if body.len() + ELLIPSIS.len_utf8() > max_content {
            reason = format!("the event is cut, it has {} bytes: {reason}", event.len());
            cut(&mut body, max_content.saturating_sub(reason.len()));
        }
        cut(&mut reason, max_content.saturating_sub(body.len()));
        Self { body, reason }
    }

    /// The size of the message in bytes, as SQS counts it.
    pub(super) fn size(&self) -> usize {
        self.body.len() + REASON.len() + REASON_TYPE.len() + self.reason.len()
    }
}

/// Whether SQS allows this character: those of XML 1.0 (AWS, `SendMessage`).
const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// `text` with U+FFFD in place of every character that is not allowed.
fn replace_characters(text: &str, is_allowed: impl Fn(char) -> bool) -> String {
    text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Cuts `text` to `max_bytes`, including an ellipsis, if it is longer.
fn cut(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes.saturating_sub(ELLIPSIS.len_utf8())));
        text.push(ELLIPSIS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERHEAD: usize = REASON.len() + REASON_TYPE.len();

    #[test]
    fn replaces_characters_that_sqs_rejects() {
        let message = DeadLetterMessage::of(
            "{\"a\":\"\0\u{b}\t\u{ffff}é\u{1f511}\"}\r\n",
            "got `a\0b\n\u{fffe}`",
            MAX_MESSAGE_BYTES,
        );
        assert_eq!(message.body, "{\"a\":\"\u{fffd}\u{fffd}\t\u{fffd}é\u{1f511}\"}\r\n");
        assert_eq!(message.reason, "got `a\u{fffd}b\u{fffd}\u{fffd}`");
    }

    #[test]
    fn empty_event_becomes_placeholder() {
        assert_eq!(DeadLetterMessage::of("", "none", MAX_MESSAGE_BYTES).body, "(empty)");
    }

    #[test]
    fn reason_has_at_most_1000_characters() {
        let message = DeadLetterMessage::of("{}", &"é".repeat(2 * MAX_REASON_CHARS), MAX_MESSAGE_BYTES);
        assert_eq!(message.reason.chars().count(), MAX_REASON_CHARS);
    }

    #[test]
    fn large_event_shortens_reason() {
        let reason = "why ".repeat(50);
        for (left, kept) in [(200, 200), (199, 199), (10, 10), (3, 3)] {
            let event = "x".repeat(MAX_MESSAGE_BYTES - OVERHEAD - left);
            let message = DeadLetterMessage::of(&event, &reason, MAX_MESSAGE_BYTES);
            assert_eq!(
                (message.body == event, message.size(), message.reason.len()),
                (true, MAX_MESSAGE_BYTES, kept)
            );
            assert!(left == 200 || message.reason.ends_with(ELLIPSIS), "{}", message.reason);
        }
    }

    #[test]
    fn oversized_event_is_cut_with_reason_kept() {
        for size in [MAX_MESSAGE_BYTES - OVERHEAD - 2, MAX_MESSAGE_BYTES, 2 * MAX_MESSAGE_BYTES] {
            let message = DeadLetterMessage::of(&"é".repeat(size / 2), "why", MAX_MESSAGE_BYTES);
            let expected = format!("the event is cut, it has {} bytes: why", size / 2 * 2);
            assert_eq!(message.reason, expected);
            assert!(
                (MAX_MESSAGE_BYTES - 4..=MAX_MESSAGE_BYTES).contains(&message.size()),
                "{}",
                message.size()
            );
            assert!(message.body.ends_with("é…"), "whole characters");
        }
    }

    #[test]
    fn replacement_characters_count_towards_size() {
        let message = DeadLetterMessage::of(&"\0".repeat(MAX_MESSAGE_BYTES / 2), "why", MAX_MESSAGE_BYTES);
        assert!(message.size() <= MAX_MESSAGE_BYTES, "three bytes for each: {}", message.size());
    }
}
