//! Delivery status of the last notification per service.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words;
use crate::{
    api::{LastNotification, Notification, NotificationStatus},
    view::{Column, DataTable, data_table, name, relative, tag},
};

/// The table of services.
pub(super) fn table(last: &LastNotification, now: Timestamp) -> Markup {
    let columns = ["Service", "Status", "Details"].map(|label| Column { label, ..Column::default() });
    let row = |notification: &Notification| {
        let (kind, text) = words::status(notification.status);
        vec![name(&notification.service), tag(kind, text), details(notification, now)]
    };
    let nothing = match last {
        LastNotification::NotReported => "This endpoint does not report the status of notifications.",
        LastNotification::Unavailable => {
            "The status is unavailable at the moment. Reload the page to try again."
        }
        LastNotification::Services(_) => {
            "No service has been notified: the key protects nothing, or it has not changed since."
        }
    };
    html! {
        (data_table(DataTable {
            id: "services",
            title: "Last notification",
            description: summary(last).as_deref(),
            columns: &columns,
            empty: Some(html! { p.data-table__none { (nothing) } }),
            rows: last.services().unwrap_or_default().iter().map(row).collect(),
            ..DataTable::default()
        }))
    }
}

/// The summary of a notification that went to services.
pub(super) fn summary(last: &LastNotification) -> Option<String> {
    last.services().filter(|services| !services.is_empty()).map(words::summary)
}

/// Explains the statuses. It is outside the live section of [`table`], so that it stays open.
pub(super) fn legend() -> Markup {
    html! {
        details.legend {
            summary { "What the statuses mean" }
            dl {
                dt { "Delivered" }
                dd { "The service received the notification. It has up to four hours to act." }
                dt { "Acknowledged" }
                dd { "The service reported that it acted." }
                dt { "Overdue" }
                dd { "The service did not report within four hours that it acted. Synchronize to notify it again." }
                dt { "Conflicting" }
                dd { "The service reported a state that contradicts the key's: it may allow access that the key denies, or deny it." }
                dt { "Retrying" }
                dd { "The service could not be reached, or responded with an error. Delivery is retried for 24 hours." }
                dt { "Failed" }
                dd { "The service could not be notified within 24 hours. Synchronize to retry." }
                dt { "Refused" }
                dd { "The service does not accept notifications." }
            }
        }
    }
}

pub(super) fn details(notification: &Notification, now: Timestamp) -> Markup {
    let Notification { attempts, last_attempt, next_attempt, reason, deadline, acknowledged_at, .. } =
        notification;
    let when = |at: &Option<Timestamp>| html! { @if let Some(at) = at { " " (relative(*at, now)) } };
    let attempts = match attempts {
        None | Some(0) => String::new(),
        Some(1) => "1 attempt".to_owned(),
        Some(number) => format!("{number} attempts"),
    };
    let because = html! { @if let Some(reason) = reason { ": " (reason) } };
    match notification.status {
        NotificationStatus::Acknowledged => html! { "Acted" (when(acknowledged_at)) },
        NotificationStatus::Delivered => html! {
            "Received" (when(last_attempt))
            @if deadline.is_some() { ". Must report that it acted" (when(deadline)) }
        },
        NotificationStatus::Overdue => html! {
            "Had to report that it acted" (when(deadline))
            @if reason.is_some() { ". Last attempt failed" (when(last_attempt)) (because) }
        },
        NotificationStatus::Conflicting => html! {
            "Reported" (when(acknowledged_at))
            @if let Some(state) = &notification.adopter_key_state { ": " (name(state)) }
        },
        NotificationStatus::Retrying => html! {
            "Attempt " (notification.attempts.unwrap_or(1)) " failed" (when(last_attempt)) (because) ". "
            @if let Some(next) = next_attempt {
                @if *next > now { "Next attempt " (relative(*next, now)) "." } @else { "Next attempt is due." }
            }
        },
        NotificationStatus::Failed => {
            html! { "Retries exhausted" (when(last_attempt)) " after " (attempts) (because) }
        }
        NotificationStatus::Refused => html! { "Declined notifications" (when(last_attempt)) },
        NotificationStatus::Pending => html! { "Being notified" },
        NotificationStatus::NotNotified => {
            html! { "Registered after the last notification. The next one includes it." }
        }
        NotificationStatus::Unknown => html! { (attempts) (because) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_attempt_is_never_in_the_past() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let notification = Notification {
            service: "cloud-object-storage".to_owned(),
            status: NotificationStatus::Retrying,
            attempts: Some(2),
            last_attempt: Some(at(0)),
            next_attempt: Some(at(100)),
            reason: None,
            deadline: None,
            acknowledged_at: None,
            adopter_key_state: None,
        };
        let text = |now| details(&notification, at(now)).into_string();
        assert!(text(40).contains("Next attempt <time") && text(40).contains("in 1 minute"), "{}", text(40));
        for now in [100, 500] {
            assert!(
                text(now).contains("Next attempt is due.") && !text(now).contains("Next attempt <time"),
                "{}",
                text(now)
            );
        }
    }
}
