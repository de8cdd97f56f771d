//! The forms of the page Harness: faults of services, of IAM and of DynamoDB.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::harness::PATH;
use crate::{
    Console,
    api::{ApiError, Control, Service},
    failure::Failure,
    form::Posted,
    view::{Button, Field, button, csrf_field, panel, select_field, text_field},
};

/// Behaviours of a service: value in the form, label, and JSON of the control API.
const BEHAVIOURS: [(&str, &str, &str); 9] = [
    ("act", "Acts (no fault)", r#""act""#),
    ("503", "Responds with 503", r#"{"respond":{"status":503}}"#),
    (
        "503-later",
        "Responds with 503, retry after 15 minutes",
        r#"{"respond":{"status":503,"retry_after":900}}"#,
    ),
    ("410", "Declines with 410", r#"{"respond":{"status":410}}"#),
    ("ack-without-acting", "Receives, and does not act", r#""ack-without-acting""#),
    ("delay", "Responds after 2 seconds", r#"{"delay":{"millis":2000}}"#),
    ("hang", "Never responds", r#""hang""#),
    ("reset", "Resets the connection", r#""reset""#),
    ("act-then-reset", "Acts, and resets the connection", r#""act-then-reset""#),
];

const IAM: [(&str, &str, &str); 3] = [
    ("up", "Up (no fault)", r#""up""#),
    ("down", "Responds with 503", r#""down""#),
    ("slow", "Responds after 2 seconds", r#"{"slow":{"millis":2000}}"#),
];

const DYNAMODB: [(&str, &str, &str); 8] = [
    ("clear", "Clear all faults", ""),
    ("throttle", "Throttle", r#""throttle""#),
    ("conflict", "Write conflict", r#""conflict""#),
    ("fail", "Fail, not applied", r#""fail""#),
    ("fail-after", "Fail, applied", r#""fail-after""#),
    ("cut", "Cut the connection, not applied", r#""cut""#),
    ("lose-response", "Lose the response, applied", r#""lose-response""#),
    ("delay", "Delay by 2 seconds", r#"{"delay":{"millis":2000}}"#),
];

const FUNCTIONS: [&str; 3] = ["sync", "lifecycle", "redeliver"];

/// The system that has the fault, in the path of a form.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum System {
    Service,
    Iam,
    Dynamodb,
}

#[derive(Deserialize)]
pub(crate) struct Fields {
    fault: String,
    /// The service, or the function.
    #[serde(default)]
    of: String,
    #[serde(default)]
    times: String,
}

/// `POST /console/harness/{service,iam,dynamodb}`
pub(crate) async fn inject(
    State(console): State<Console>,
    Path(system): Path<System>,
    Posted { session, fields }: Posted<Fields>,
) -> Result<Redirect, Failure> {
    let control = console.control.as_ref().ok_or(Failure::NoPage)?;
    let times = match fields.times.trim() {
        "" => None,
        times => Some(times.parse().map_err(|_| Failure::InvalidForm)?),
    };
    let (label, sent) = send(control, system, &fields, times).await?;
    let until = times.map_or(String::new(), |times| format!(", {times} times"));
    session.set_fault(match sent {
        Ok(()) => Ok(format!("{label}{until}.")),
        Err(ApiError::Rejected(response)) => Err(format!("The harness reported: {}", response.message)),
        Err(error) => Err(format!("The harness does not respond ({error}).")),
    });
    Ok(Redirect::to(PATH))
}

async fn send(
    control: &Control,
    system: System,
    Fields { fault, of, .. }: &Fields,
    times: Option<usize>,
) -> Result<(String, Result<(), ApiError>), Failure> {
    Ok(match system {
        System::Service => {
            let (label, json) = choice(&BEHAVIOURS, fault)?;
            (format!("{of}: {label}"), control.behave(of, json, times).await)
        }
        System::Iam => {
            let (label, json) = choice(&IAM, fault)?;
            (format!("IAM: {label}"), control.set_iam_health(json).await)
        }
        System::Dynamodb if fault == "clear" => {
            ("DynamoDB: all faults are cleared".to_owned(), control.clear_faults().await)
        }
        System::Dynamodb => {
            let (label, json) = choice(&DYNAMODB, fault)?;
            (format!("Calls of {of} to DynamoDB: {label}"), control.inject(of, json, times).await)
        }
    })
}

fn choice(choices: &[(&str, &'static str, &str)], value: &str) -> Result<(&'static str, Value), Failure> {
    let found = choices.iter().find(|(name, ..)| *name == value).ok_or(Failure::InvalidForm)?;
    Ok((found.1, serde_json::from_str(found.2).unwrap_or_else(|_| json!(found.2))))
}

/// The three forms.
pub(super) fn forms(services: &[Service], csrf: &str) -> Markup {
    let names: Vec<_> =
        services.iter().map(|service| (service.name.as_str(), service.name.as_str())).collect();
    let functions = FUNCTIONS.map(|name| (name, name));
    html! {
        .thirds {
            (form("Service", "service", csrf, Some(("Service", &names)), &BEHAVIOURS, "Behaviour", true))
            (form("IAM", "iam", csrf, None, &IAM, "Health", false))
            (form("DynamoDB", "dynamodb", csrf, Some(("Function", &functions)), &DYNAMODB, "Fault", true))
        }
    }
}

fn form(
    heading: &str,
    system: &str,
    csrf: &str,
    of: Option<(&str, &[(&str, &str)])>,
    choices: &[(&str, &str, &str)],
    label: &str,
    countable: bool,
) -> Markup {
    let choices: Vec<_> = choices.iter().map(|(value, label, _)| (*value, *label)).collect();
    let id = |name: &str| format!("{system}-{name}");
    let (fault_id, of_id, times_id) = (id("fault"), id("of"), id("times"));
    let content = html! {
        form.form method="post" action={ (PATH) "/" (system) } {
            (csrf_field(csrf))
            @if let Some((label, options)) = of {
                (select_field(Field { name: "of", id: &of_id, label, ..Field::default() }, options))
            }
            (select_field(Field { name: "fault", id: &fault_id, label, ..Field::default() }, &choices))
            @if countable {
                (text_field(Field {
                    name: "times",
                    id: &times_id,
                    label: "Number of calls",
                    help: Some("Empty: all from now on."),
                    autocomplete: Some("off"),
                    ..Field::default()
                }))
            }
            (button(Button::Secondary, &format!("Set for {heading}")))
        }
    };
    panel(heading, content)
}
