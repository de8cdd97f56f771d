//! The format of log lines: one flat JSON object per line, so that a query does not depend on the
//! span of a field.
//!
//! A line has the fields of the event and of all its spans. The JSON format of `tracing-subscriber`
//! nests the fields of a span in an object, and those of its parents in an array.
//!
//! A line has at most [`MAX_LINE_BYTES`], whatever a peer sent: the longest strings are cut, and
//! the line gets `"truncated":true`.

use std::fmt::{self, Debug, Write};

use serde_json::{Value, json};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    field::Visit,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

/// The target of audit events, whose message is the whole line.
pub(crate) const AUDIT: &str = "keysync::audit";

/// The maximum length of a line, in bytes, including its line feed
/// (docs/reference/limits.md#log-line).
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Formats log lines.
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        write(&mut line, context, event)?;
        if line.len() >= MAX_LINE_BYTES {
            line = shorten(&line);
        }
        writeln!(writer, "{line}")
    }
}

fn write<S>(line: &mut String, context: &FmtContext<'_, S, JsonFields>, event: &Event<'_>) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if event.metadata().target() == AUDIT {
        event.record(&mut Message(line));
        return Ok(());
    }
    line.push_str("{\"timestamp\":\"");
    SystemTime.format_time(&mut Writer::new(line))?;
    write!(line, "\",\"level\":\"{}\"", event.metadata().level())?;
    for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
        if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
            append(line, fields);
        }
    }
    let mut fields = String::new();
    context.format_fields(Writer::new(&mut fields), event)?;
    append(line, &fields);
    line.push('}');
    Ok(())
}

/// Halves the longest string of a line until the line is short enough. Short strings, such as
/// level, outcome and ids, stay complete.
fn shorten(line: &str) -> String {
    let mut object = match serde_json::from_str(line) {
        Ok(object @ Value::Object(_)) => object,
        // A line that is not a JSON object is cut as a whole.
        _ => json!({"message": line}),
    };
    object["truncated"] = json!(true);
    loop {
        let line = object.to_string();
        match longest_string(&mut object) {
            Some(text) if line.len() >= MAX_LINE_BYTES => halve(text),
            _ => return line,
        }
    }
}

/// The longest string within `value`, if it has more than 16 bytes.
fn longest_string(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::String(text) => (text.len() > 16).then_some(text),
        Value::Object(fields) => fields.values_mut().filter_map(longest_string).max_by_key(|text| text.len()),
        Value::Array(values) => values.iter_mut().filter_map(longest_string).max_by_key(|text| text.len()),
        _ => None,
    }
}

fn halve(text: &mut String) {
    text.truncate(text.floor_char_boundary(text.len() / 2));
    text.push('…');
}

/// Appends the fields of `object`, which [`JsonFields`] formatted, to the object that `line` is.
fn append(line: &mut String, object: &str) {
    match object.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')) {
        None | Some("") => {}
        Some(fields) => {
            line.push(',');
            line.push_str(fields);
        }
    }
}

/// Writes the message of an event without quotes or escapes.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").expect("writing to a `String` cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The single line that `log` writes.
    fn line(log: impl FnOnce()) -> String {
        let written = Written::default();
        let lines = written.clone();
        let layer = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(JsonLine);
        let layer = layer.with_writer(move || lines.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line = written.strip_suffix('\n').expect("a complete line").to_owned();
        assert!(!line.contains('\n'), "not a single line: {line}");
        line
    }

    fn with_reason(reason: &str) -> String {
        line(|| {
            let _span = tracing::error_span!("event", trace_id = "t-1", message_id = "m-1").entered();
            tracing::error!(outcome = "dead_letter", reason, duration_ms = 7, "malformed");
        })
    }

    #[test]
    fn oversized_line_is_cut_to_valid_json() {
        for reason in [
            "x".repeat(1_000_000),
            "\u{1}".repeat(100_000), // six bytes each in escaped form
            "\"".repeat(20_000),
            "é".repeat(20_000),
            "\u{1f511}".repeat(20_001),
        ] {
            let line = with_reason(&reason);
            assert!(line.len() < MAX_LINE_BYTES, "{}", line.len());
            assert!(line.len() > MAX_LINE_BYTES / 8, "too much was cut: {}", line.len());
            let read: Value = serde_json::from_str(&line).unwrap();
            let kept = read["reason"].as_str().unwrap().trim_end_matches('…');
            assert!(reason.starts_with(kept), "{read}");
            for (field, value) in [
                ("truncated", json!(true)),
                ("level", json!("ERROR")),
                ("outcome", json!("dead_letter")),
                ("trace_id", json!("t-1")),
                ("message_id", json!("m-1")),
                ("duration_ms", json!(7)),
                ("message", json!("malformed")),
            ] {
                assert_eq!(read[field], value, "{field}");
            }
        }
    }

    #[test]
    fn line_up_to_the_limit_is_complete() {
        let overhead = with_reason("").len();
        let whole = with_reason(&"x".repeat(MAX_LINE_BYTES - 1 - overhead));
        assert_eq!(whole.len() + 1, MAX_LINE_BYTES, "with its line feed");
        assert!(!whole.contains("truncated"));
        let cut = with_reason(&"x".repeat(MAX_LINE_BYTES - overhead));
        assert!(cut.len() < MAX_LINE_BYTES && cut.contains(r#""truncated":true"#));
    }

    #[test]
    fn all_long_strings_are_cut() {
        let long = "x".repeat(100_000);
        let line = line(|| tracing::error!(a = long, b = long, c = %long, d = ?long, e = 1, "{long}"));
        assert!(line.len() < MAX_LINE_BYTES, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        let lengths = ["a", "b", "c", "d", "message"].map(|field| read[field].as_str().unwrap().len());
        assert!(lengths.iter().all(|length| *length > 1000), "{lengths:?}");
        assert_eq!(read["e"], json!(1));
    }

    #[test]
    fn oversized_audit_event_is_cut_to_valid_json() {
        let event = json!({"audit": true, "reason": {"reasonForFailure": "x".repeat(50_000)}, "action": "a"});
        let line = line(|| tracing::info!(target: AUDIT, "{event}"));
        assert!(line.len() < MAX_LINE_BYTES, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["audit"], &read["action"], &read["truncated"]),
            (&json!(true), &json!("a"), &json!(true))
        );
    }
}
