//! A line of the log: one JSON object, flat, so that a query names a field and not where it came from.
//!
//! It holds the fields of the event and of all spans that it happened in. `tracing-subscriber`'s own JSON
//! puts a span's fields into an object of their own, and those of its parents into a list.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
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
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        let own = fields(&own);
        if event.metadata().target() == AUDIT {
            return writeln!(writer, "{}", own.get("message").and_then(Value::as_str).unwrap_or_default());
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Map::from_iter([
            ("timestamp".to_owned(), time.into()),
            ("level".to_owned(), event.metadata().level().as_str().into()),
        ]);
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<FormattedFields<JsonFields>>() {
                line.extend(fields(of_span));
            }
        }
        line.extend(own);
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Fields, as [`JsonFields`] writes them.
fn fields(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}
