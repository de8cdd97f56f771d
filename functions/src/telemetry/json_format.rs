//! A line of the log: one JSON object, flat, so that a query names a field and not where it came from.
//!
//! It holds the fields of the event and of all spans that it happened in. `tracing-subscriber`'s own JSON
//! puts a span's fields into an object of their own, and those of its parents into a list.
//!
//! It is [`LONGEST`] at most, whatever a peer put into what is logged: the longest texts are cut, and `truncated`
//! says so.

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

/// The target of audit events. Their message is the line.
pub(crate) const AUDIT: &str = "keysync::audit";

/// How long a line is at the most, in bytes, its end included.
const LONGEST: usize = 16 * 1024;

/// Writes lines.
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
        if line.len() >= LONGEST {
            line = shortened(&line);
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
        if let Some(of_span) = span.extensions().get::<FormattedFields<JsonFields>>() {
            append(line, of_span);
        }
    }
    let mut own = String::new();
    context.format_fields(Writer::new(&mut own), event)?;
    append(line, &own);
    line.push('}');
    Ok(())
}

/// A line that is too long with its longest texts cut to half their length, again and again. The short ones, such as
/// level, outcome and ids, stay as they are.
fn shortened(line: &str) -> String {
    let mut object = match serde_json::from_str(line) {
        Ok(object @ Value::Object(_)) => object,
        // What is no object has no fields to tell apart.
        _ => json!({"message": line}),
    };
    object["truncated"] = json!(true);
    loop {
        let line = object.to_string();
        match longest_text(&mut object) {
            Some(text) if line.len() >= LONGEST => halve(text),
            _ => return line,
        }
    }
}

/// The text within `value` that takes most of the line, where any is more than a few characters.
fn longest_text(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::String(text) => (text.len() > 16).then_some(text),
        Value::Object(fields) => fields.values_mut().filter_map(longest_text).max_by_key(|text| text.len()),
        Value::Array(values) => values.iter_mut().filter_map(longest_text).max_by_key(|text| text.len()),
        _ => None,
    }
}

fn halve(text: &mut String) {
    text.truncate(text.floor_char_boundary(text.len() / 2));
    text.push('…');
}

/// Adds fields, which [`JsonFields`] wrote as an object, to the object that is being written.
fn append(line: &mut String, object: &str) {
    match object.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')) {
        None | Some("") => {}
        Some(fields) => {
            line.push(',');
            line.push_str(fields);
        }
    }
}

/// Writes an event's message as it is.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // A text cannot refuse to be written to.
            let _ = write!(self.0, "{value:?}");
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

    /// The only line that `log` writes.
    fn line(log: impl FnOnce()) -> String {
        let written = Written::default();
        let lines = written.clone();
        let layer = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new()).event_format(JsonLine);
        let layer = layer.with_writer(move || lines.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line = written.strip_suffix('\n').expect("a whole line").to_owned();
        assert!(!line.contains('\n'), "one line: {line}");
        line
    }

    fn with_reason(reason: &str) -> String {
        line(|| {
            let _span = tracing::error_span!("event", trace_id = "t-1", message_id = "m-1").entered();
            tracing::error!(outcome = "dead_letter", reason, duration_ms = 7, "a bad event");
        })
    }

    #[test]
    fn a_line_of_any_content_is_json_of_16_kib_at_most() {
        for reason in [
            "x".repeat(1_000_000),
            "\u{1}".repeat(100_000), // six bytes each where they are escaped
            "\"".repeat(20_000),
            "é".repeat(20_000),
            "\u{1f511}".repeat(20_001),
        ] {
            let line = with_reason(&reason);
            assert!(line.len() < LONGEST, "{}", line.len());
            assert!(line.len() > LONGEST / 8, "much of it is left: {}", line.len());
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
                ("message", json!("a bad event")),
            ] {
                assert_eq!(read[field], value, "{field}");
            }
        }
    }

    #[test]
    fn a_line_is_whole_up_to_the_limit() {
        let overhead = with_reason("").len();
        let whole = with_reason(&"x".repeat(LONGEST - 1 - overhead));
        assert_eq!(whole.len() + 1, LONGEST, "with its end");
        assert!(!whole.contains("truncated"));
        let cut = with_reason(&"x".repeat(LONGEST - overhead));
        assert!(cut.len() < LONGEST && cut.contains(r#""truncated":true"#));
    }

    #[test]
    fn many_long_texts_are_all_cut() {
        let long = "x".repeat(100_000);
        let line = line(|| tracing::error!(a = long, b = long, c = %long, d = ?long, e = 1, "{long}"));
        assert!(line.len() < LONGEST, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        let lengths = ["a", "b", "c", "d", "message"].map(|field| read[field].as_str().unwrap().len());
        assert!(lengths.iter().all(|length| *length > 1000), "{lengths:?}");
        assert_eq!(read["e"], json!(1));
    }

    #[test]
    fn an_audit_event_is_json_of_16_kib_at_most() {
        let event = json!({"audit": true, "reason": {"reasonForFailure": "x".repeat(50_000)}, "action": "a"});
        let line = line(|| tracing::info!(target: AUDIT, "{event}"));
        assert!(line.len() < LONGEST, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["audit"], &read["action"], &read["truncated"]),
            (&json!(true), &json!("a"), &json!(true))
        );
    }
}
