//! The lines of the functions in the formats in which CloudWatch and the harness return them.
//!
//! A line is a JSON object, after any text such as an instant or the name of a log stream. Or a
//! JSON document has several: `events` of `aws logs filter-log-events`, `results` of
//! `aws logs get-query-results`. Several documents may follow each other, one for each log group.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Position, line::Line};

/// The lines of files.
pub(super) struct Source {
    /// Those of functions that say something about a key or a run.
    pub(super) lines: Vec<Line>,
    /// The lines that begin as a JSON object and are none.
    pub(super) unreadable: usize,
}

/// A document with several lines.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    results: Vec<Vec<Field>>,
}

#[derive(Deserialize)]
struct Event {
    message: String,
}

/// A field of a result of CloudWatch Logs Insights.
#[derive(Deserialize)]
struct Field {
    field: String,
    value: String,
}

/// Reads the lines of files, each with its name. A line that is there twice, because two exports
/// overlap, counts once.
pub(super) fn read(texts: &[(String, String)]) -> Source {
    let mut source = Source { lines: Vec::new(), unreadable: 0 };
    let mut seen = HashSet::new();
    for (file, text) in texts {
        let mut position = Position { file: file.clone(), line: 1, event: None };
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let first = rest.split_once('\n').map_or(rest, |(first, _)| first);
            let (object, mut length) = (object_in(first), first.len());
            if let Some((document, end)) = document(object, rest) {
                for (event, message) in (1..).zip(document.messages()) {
                    let position = Position { event: Some(event), ..position.clone() };
                    source.add(&mut seen, position, object_in(message));
                }
                length = end;
            } else {
                source.add(&mut seen, position.clone(), object);
            }
            let end = rest[length..].find('\n').map_or(rest.len(), |at| length + at + 1);
            position.line += rest[..end].matches('\n').count();
            rest = &rest[end..];
        }
    }
    source
}

/// The text from the first `{` of a line; empty if there is none.
fn object_in(line: &str) -> &str {
    line.find('{').map_or("", |start| line[start..].trim_end())
}

/// The document that begins with `first`, the start of `rest`, and its length in `rest`.
fn document(first: &str, rest: &str) -> Option<(Document, usize)> {
    let is_whole = first.ends_with('}');
    let has_several = !is_whole || first.contains("\"events\"") || first.contains("\"results\"");
    if first.is_empty() || !has_several {
        return None;
    }
    let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Document>();
    let document = documents.next()?.ok()?;
    let has_lines = !document.events.is_empty() || !document.results.is_empty();
    (has_lines || !is_whole).then_some((document, documents.byte_offset()))
}

impl Document {
    fn messages(&self) -> impl Iterator<Item = &str> {
        let events = self.events.iter().map(|event| event.message.as_str());
        let message = |fields: &Vec<Field>| fields.iter().position(|field| field.field == "@message");
        let results =
            self.results.iter().filter_map(move |fields| Some(fields[message(fields)?].value.as_str()));
        events.chain(results)
    }
}

impl Source {
    fn add(&mut self, seen: &mut HashSet<String>, position: Position, object: &str) {
        match serde_json::from_str(object) {
            Err(_) => self.unreadable += usize::from(!object.is_empty()),
            Ok(fields) => {
                if let Some(line) = Line::read(&fields, position)
                    && seen.insert(object.to_owned())
                {
                    self.lines.push(line);
                }
            }
        }
    }
}
