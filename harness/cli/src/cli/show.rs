//! Output of the commands: tables, or JSON with `--json`.

use std::error::Error;

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::{
    output::{self, OutputError},
    remote::{Remote, SyncResult},
};

/// Prints one object: the `part` of it, or all of it as JSON.
pub(super) fn one(
    remote: &Remote,
    value: &Value,
    as_json: bool,
    part: impl Fn(&Value) -> Option<String>,
) -> Result<(), Box<dyn Error>> {
    let part = part(value).ok_or_else(|| remote.unexpected(value))?;
    Ok(output::line(if as_json { value.to_string() } else { part })?)
}

/// Prints keys.
pub(super) fn keys(remote: &Remote, keys: &Value, as_json: bool) -> Result<(), Box<dyn Error>> {
    let columns = ["id", "name", "type", "state", "protects", "last notified", "sync allowed", "pending"];
    list_of(remote, keys, as_json, &columns, |key| {
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
    })
}

/// Prints services, with a line per resource.
pub(super) fn services(remote: &Remote, services: &Value, as_json: bool) -> Result<(), Box<dyn Error>> {
    let columns = ["service", "callbacks", "resource", "key", "accessible"];
    list_of(remote, services, as_json, &columns, |service| {
        let resources = service["resources"].as_object().cloned().unwrap_or_default();
        let each = |part: &dyn Fn(&str, &Value) -> String| {
            resources.iter().map(|(name, resource)| part(name, resource)).collect::<Vec<_>>().join("\n")
        };
        vec![
            text(&service["name"]),
            text(&service["callbacks"]),
            each(&|name, _| name.to_owned()),
            each(&|_, resource| text(&resource["key_id"])),
            each(&|_, resource| if resource["accessible"] == true { "yes" } else { "no" }.to_owned()),
        ]
    })
}

/// Prints callbacks, oldest first.
pub(super) fn callbacks(remote: &Remote, response: &Value, as_json: bool) -> Result<(), Box<dyn Error>> {
    let columns = ["event", "key", "state", "sequence", "by sync", "verdict"];
    list_of(remote, &response["callbacks"], as_json, &columns, |callback| {
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
    })
}

/// Prints names, one on each line.
pub(super) fn names(remote: &Remote, names: &Value, as_json: bool) -> Result<(), Box<dyn Error>> {
    list_of(remote, names, as_json, &["name"], |name| vec![text(name)])
}

/// Prints the requests of a replay; whether all have the recorded status.
pub(super) fn replay(remote: &Remote, replay: &Value, as_json: bool) -> Result<bool, Box<dyn Error>> {
    let requests = &replay["requests"];
    list_of(remote, requests, as_json, &["request", "recorded", "now"], |request| {
        vec![text(&request["request"]), text(&request["recorded"]), text(&request["status"])]
    })?;
    let is_same = |request: &Value| request["status"] == request["recorded"];
    Ok(requests.as_array().is_some_and(|requests| requests.iter().all(is_same)))
}

/// Prints requests, oldest first.
pub(super) fn requests(remote: &Remote, requests: &Value, as_json: bool) -> Result<(), Box<dyn Error>> {
    let columns = ["to", "method", "path", "status", "ms", "correlation-id"];
    list_of(remote, requests, as_json, &columns, |exchange| {
        vec![
            text(&exchange["to"]),
            text(&exchange["method"]),
            text(&exchange["path"]),
            text(&exchange["status"]),
            text(&exchange["millis"]),
            text(&exchange["request"]["headers"]["correlation-id"]),
        ]
    })
}

/// Prints the result of a sync.
pub(super) fn sync(result: &SyncResult, as_json: bool) -> Result<(), OutputError> {
    let SyncResult { status, response, notifications } = result;
    if as_json {
        let notifications = notifications.as_ref().ok();
        return output::line(
            json!({"status": status.as_u16(), "response": response, "notifications": notifications}),
        );
    }
    let reason = &response["resources"][0]["reasons"][0];
    output::line(match reason["code"].as_str() {
        Some(code) => format!("{status} {code}: {}", text(&reason["message"])),
        None => status.to_string(),
    })?;
    match notifications {
        Ok(rows) => {
            let columns = ["service", "last notification", "action", "attempts", "next attempt", "reason"];
            output::line(table(rows.as_array().map_or(&[], Vec::as_slice), &columns, |notification| {
                ["service", "status", "eventType", "attempts", "nextAttempt", "reason"]
                    .map(|field| text(&notification[field]))
                    .to_vec()
            }))
        }
        // A caller who may not synchronize may not read them, and an unknown key has none.
        Err(_) if !status.is_success() => Ok(()),
        Err(why) => output::line(format!("Delivery status unknown: {why}")),
    }
}

/// Prints a list. A value that is not a list is an error, not an empty list.
fn list_of(
    remote: &Remote,
    list: &Value,
    as_json: bool,
    columns: &[&str],
    row: impl Fn(&Value) -> Vec<String>,
) -> Result<(), Box<dyn Error>> {
    let rows = list.as_array().ok_or_else(|| remote.unexpected(list))?;
    Ok(output::line(if as_json { list.to_string() } else { table(rows, columns, row) })?)
}

fn table(rows: &[Value], columns: &[&str], row: impl Fn(&Value) -> Vec<String>) -> String {
    if rows.is_empty() {
        return "none".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(columns);
    table.add_rows(rows.iter().map(row));
    table.to_string()
}

/// A string without quotes, null as an empty string, other values as JSON.
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
