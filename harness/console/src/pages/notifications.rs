//! What became of the last notification at each service.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words;
use crate::{
    api::{Notification, Standing},
    view::{Column, DataTable, data_table, relative, tag},
};

pub(super) fn of(notifications: Option<&[Notification]>, now: Timestamp) -> Markup {
    let columns = ["Service", "Standing", "What happened"].map(|label| Column { label, ..Column::default() });
    let row = |notification: &Notification| {
        let (kind, text) = words::standing(notification.standing);
        vec![html! { (notification.service) }, tag(kind, text), happened(notification, now)]
    };
    let nothing = match notifications {
        None => "This endpoint does not tell what became of notifications.",
        Some(_) => "No service was told yet: the key protects nothing, or nothing happened to it since.",
    };
    html! {
        (data_table(DataTable {
            id: "services",
            title: "Last notification",
            columns: &columns,
            empty: Some(html! { p.data-table__none { (nothing) } }),
            rows: notifications.into_iter().flatten().map(row).collect(),
            ..DataTable::default()
        }))
    }
}

/// What the words mean. It stays as it is, open or not, while [`of`] is kept up to date.
pub(super) fn legend() -> Markup {
    html! {
        details.legend {
            summary { "What the standings mean" }
            dl {
                dt { "Delivered" }
                dd { "The service says that it received the notification. It has up to four hours to act." }
                dt { "Acknowledged" }
                dd { "The service says that it acted." }
                dt { "Retrying" }
                dd { "The service could not be reached, or answered with an error. It is tried again for 24 hours." }
                dt { "Failed" }
                dd { "It could not be told within 24 hours. Synchronize, to have it tried again." }
                dt { "Refused" }
                dd { "The service wants no notifications." }
            }
        }
    }
}

fn happened(notification: &Notification, now: Timestamp) -> Markup {
    let Notification { attempts, last_attempt, next_attempt, reason, acknowledged_at, .. } = notification;
    let when = |at: &Option<Timestamp>| html! { @if let Some(at) = at { " " (relative(*at, now)) } };
    let attempts = match attempts {
        None | Some(0) => String::new(),
        Some(1) => "1 attempt".to_owned(),
        Some(number) => format!("{number} attempts"),
    };
    let because = html! { @if let Some(reason) = reason { ": " (reason) } };
    match notification.standing {
        Standing::Acknowledged => html! { "Acted" (when(acknowledged_at)) },
        Standing::Delivered => html! { "Received" (when(last_attempt)) },
        Standing::Retrying => html! {
            "Attempt " (notification.attempts.unwrap_or(1)) " failed" (when(last_attempt)) (because) ". "
            @if let Some(next) = next_attempt {
                @if *next > now { "Next try " (relative(*next, now)) "." } @else { "Next try is due." }
            }
        },
        Standing::Failed => html! { "Given up" (when(last_attempt)) " after " (attempts) (because) },
        Standing::Refused => html! { "Wants no notifications, it said" (when(last_attempt)) },
        Standing::Pending => html! { "Is being told" },
        Standing::NotNotified => html! { "Not part of the last notification. It is told of the next one." },
        Standing::Unknown => html! { (attempts) (because) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_try_is_never_in_the_past() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let notification = Notification {
            service: "cloud-object-storage".to_owned(),
            standing: Standing::Retrying,
            attempts: Some(2),
            last_attempt: Some(at(0)),
            next_attempt: Some(at(100)),
            reason: None,
            acknowledged_at: None,
        };
        let said = |now| happened(&notification, at(now)).into_string();
        assert!(said(40).contains("Next try <time") && said(40).contains("in 1 minute"), "{}", said(40));
        for now in [100, 500] {
            assert!(
                said(now).contains("Next try is due.") && !said(now).contains("Next try <time"),
                "{}",
                said(now)
            );
        }
    }
}
