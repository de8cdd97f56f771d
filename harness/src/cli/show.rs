//! What the commands print: tables for people, JSON for machines.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::remote::Synced;

/// One thing, by its most telling part.
pub(super) fn one(value: &Value, as_json: bool, part: impl Fn(&Value) -> Option<String>) {
    println!("{}", if as_json { value.to_string() } else { part(value).unwrap_or_default() });
}

/// Keys.
pub(super) fn keys(keys: &Value, as_json: bool) {
    let columns = ["id", "name", "type", "state", "protects", "last notified", "sync works", "pending"];
    print(keys, as_json, &columns, |key| {
        vec![
            text(&key["id"]),
            text(&key["name"]),
            text(&key["type"]),
            state(&key["state"]),
            key["protects"].as_array().map_or(0, Vec::len).to_string(),
            key["notified_at"].as_str().unwrap_or("never").to_owned(),
            key["sync_from"].as_str().map_or_else(|| "now".to_owned(), |at| format!("from {at}")),
            list(&key["pending"]),
        ]
    });
}

/// Services, a row for each resource.
pub(super) fn services(services: &Value, as_json: bool) {
    let columns = ["service", "callbacks", "resource", "key", "opens"];
    print(services, as_json, &columns, |service| {
        let resources = service["resources"].as_object().cloned().unwrap_or_default();
        let each = |part: &dyn Fn(&str, &Value) -> String| {
            resources.iter().map(|(name, resource)| part(name, resource)).collect::<Vec<_>>().join("\n")
        };
        vec![
            text(&service["name"]),
            text(&service["callbacks"]),
            each(&|name, _| name.to_owned()),
            each(&|_, resource| text(&resource["key_id"])),
            each(&|_, resource| if resource["opens"] == true { "yes" } else { "no" }.to_owned()),
        ]
    });
}

/// Callbacks, oldest first.
pub(super) fn callbacks(answer: &Value, as_json: bool) {
    let columns = ["event", "key", "state", "sequence", "by sync", "what the service made of it"];
    print(&answer["callbacks"], as_json, &columns, |callback| {
        let event: Value =
            callback["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        vec![
            text(&event["type"]),
            text(&event["subject"]),
            state(&event["data"]["keyState"]),
            text(&event["sequence"]).trim_start_matches('0').to_owned(),
            if event["data"]["renotification"] == true { "yes" } else { "no" }.to_owned(),
            text(&callback["verdict"]),
        ]
    });
}

/// What came of a sync.
pub(super) fn sync(synced: &Synced, as_json: bool) {
    if as_json {
        let Synced { status, answer, notifications } = synced;
        println!("{}", json!({"status": status.as_u16(), "answer": answer, "notifications": notifications}));
        return;
    }
    let reason = &synced.answer["resources"][0]["reasons"][0];
    match reason["code"].as_str() {
        Some(code) => println!("{} {code}: {}", synced.status, text(&reason["message"])),
        None => println!("{}", synced.status),
    }
    let columns = ["service", "last notification", "action", "tries", "next try", "reason"];
    print(&synced.notifications, false, &columns, |standing| {
        ["service", "status", "eventType", "attempts", "nextAttempt", "reason"]
            .map(|field| text(&standing[field]))
            .to_vec()
    });
}

fn print(rows: &Value, as_json: bool, columns: &[&str], row: impl Fn(&Value) -> Vec<String>) {
    if as_json {
        println!("{rows}");
        return;
    }
    let Some(rows) = rows.as_array().filter(|rows| !rows.is_empty()) else {
        return println!("none");
    };
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(columns);
    table.add_rows(rows.iter().map(row));
    println!("{table}");
}

/// A string as it is, and what is not there as nothing.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn list(values: &Value) -> String {
    values.as_array().map(|values| values.iter().map(text).collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

fn state(number: &Value) -> String {
    match number.as_u64() {
        Some(1) => "active".to_owned(),
        Some(2) => "suspended".to_owned(),
        Some(3) => "deactivated".to_owned(),
        Some(5) => "destroyed".to_owned(),
        _ => text(number),
    }
}
