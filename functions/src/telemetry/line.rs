//! A line of the log: one JSON object, flat, so that a query names a field and not where it came from.
//!
//! It holds the fields of the event and of all spans that it happened in. `tracing-subscriber`'s own JSON
//! puts a span's fields into an object of their own, and those of its parents into a list.

use std::fmt::{self, Debug};

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

/// Writes lines.
pub(super) struct Line;

impl<S> FormatEvent<S, JsonFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == AUDIT {
            event.record(&mut Message(&mut writer));
            return writeln!(writer);
        }
        write!(writer, "{{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", event.metadata().level())?;
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<FormattedFields<JsonFields>>() {
                append(&mut writer, of_span)?;
            }
        }
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        append(&mut writer, &own)?;
        writeln!(writer, "}}")
    }
}

/// Adds fields, which [`JsonFields`] wrote as an object, to the object that is being written.
fn append(writer: &mut Writer<'_>, object: &str) -> fmt::Result {
    match object.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')) {
        None | Some("") => Ok(()),
        Some(fields) => write!(writer, ",{fields}"),
    }
}

/// Writes an event's message as it is.
struct Message<'a, 'w>(&'a mut Writer<'w>);

impl Visit for Message<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // A line that cannot be written is noticed at its end.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
