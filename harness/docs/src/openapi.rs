//! A page of Markdown from an `OpenAPI` document: operations with parameters, bodies and responses,
//! then schemas.

mod schema;

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::markdown::slug;
use schema::{cell, described, fields, type_of};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// An operation, with its heading.
struct Operation<'a> {
    heading: String,
    content: &'a Value,
}

/// The page of a document.
pub(crate) fn markdown(title: &str, document: &Value) -> String {
    let mut page = format!("# {title}\n\n{}\n\n", text(&document["info"]["description"]));
    let operations = operations(document);
    let _ = writeln!(page, "| operation | summary |\n| --- | --- |");
    for operation in &operations {
        let Operation { heading, content } = operation;
        let _ = writeln!(page, "| [`{heading}`](#{}) | {} |", slug(heading), cell(text(&content["summary"])));
    }
    for (name, document) in map(&document["components"]["securitySchemes"]) {
        let _ = writeln!(page, "\nAuthorization `{name}`: {}.", described(document));
    }
    let tags: Vec<&Value> = document["tags"].as_array().map_or_else(Vec::new, |tags| tags.iter().collect());
    for tag in &tags {
        let _ = writeln!(page, "\n## {}\n\n{}", capitalized(text(&tag["name"])), text(&tag["description"]));
        for operation in operations.iter().filter(|operation| operation.has_tag(&tag["name"])) {
            operation.write(&mut page, document);
        }
    }
    let others = |operation: &&Operation<'_>| !tags.iter().any(|tag| operation.has_tag(&tag["name"]));
    let mut others = operations.iter().filter(others).peekable();
    if others.peek().is_some() {
        page.push_str("\n## Operations\n");
    }
    others.for_each(|operation| operation.write(&mut page, document));
    page.push_str("\n## Schemas\n");
    for (name, schema) in map(&document["components"]["schemas"]) {
        let _ = writeln!(page, "\n### `{name}`\n\n{}\n", text(&schema["description"]));
        write_type(&mut page, schema);
    }
    page
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, item) in map(&document["paths"]) {
        for method in METHODS {
            if let Some(content) = item.get(method) {
                operations.push(Operation { heading: format!("{} {path}", method.to_uppercase()), content });
            }
        }
    }
    operations
}

impl Operation<'_> {
    fn has_tag(&self, name: &Value) -> bool {
        self.content["tags"].as_array().is_some_and(|tags| tags.contains(name))
    }

    fn write(&self, page: &mut String, document: &Value) {
        let Self { heading, content } = self;
        let (summary, description) = (text(&content["summary"]), text(&content["description"]));
        let _ = writeln!(page, "\n### `{heading}`\n\n{summary}\n\n{description}");
        if let Some(parameters) = content["parameters"].as_array() {
            page.push_str("\n| parameter | in | type | description |\n| --- | --- | --- | --- |\n");
            for parameter in parameters.iter().map(|parameter| resolve(document, parameter)) {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let need = if parameter["required"] == true { ", required" } else { "" };
                let (kind, what) = (type_of(&parameter["schema"]), described(parameter));
                let _ = writeln!(page, "| `{name}` | {place}{need} | {} | {} |", cell(&kind), cell(&what));
            }
        }
        let body = resolve(document, &content["requestBody"]);
        for (media, content) in map(&body["content"]) {
            let need = if body["required"] == true { "" } else { ", optional" };
            let _ = writeln!(page, "\nRequest body, `{media}`{need}: {}\n", described(body));
            write_type(page, &content["schema"]);
            write_example(page, "Example of a request body", content);
        }
        page.push_str("\n| status | response | body |\n| --- | --- | --- |\n");
        for (status, response) in map(&content["responses"]) {
            let response = resolve(document, response);
            let mut what = described(response);
            for (name, header) in map(&response["headers"]) {
                let _ = write!(what, " Header `{name}`: {}.", described(resolve(document, header)));
            }
            let bodies = map(&response["content"]).map(|(_, content)| type_of(&content["schema"]));
            let body = bodies.collect::<Vec<_>>().join(" or ");
            let _ = writeln!(page, "| {status} | {} | {} |", cell(&what), cell(&body));
        }
        for (status, response) in map(&content["responses"]) {
            for (_, content) in map(&resolve(document, response)["content"]) {
                write_example(page, &format!("Example of a response {status}"), content);
            }
        }
    }
}

/// Writes a schema: its fields in a table, or its type.
fn write_type(page: &mut String, schema: &Value) {
    let fields = fields(schema);
    if fields.is_empty() {
        let _ = writeln!(page, "Type: {}\n", type_of(schema));
        return;
    }
    page.push_str("| field | type | description |\n| --- | --- | --- |\n");
    for field in fields {
        let need = if field.required { ", required" } else { "" };
        let (kind, what) = (cell(&field.kind), cell(&field.description));
        let _ = writeln!(page, "| `{}` | {kind}{need} | {what} |", field.path);
    }
}

fn write_example(page: &mut String, label: &str, content: &Value) {
    if let Some(example) = content.get("example") {
        let example = serde_json::to_string_pretty(example).unwrap_or_default();
        let _ = writeln!(page, "\n{label}:\n\n```json\n{example}\n```");
    }
}

/// What a `$ref` refers to, or the value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
