//! Notices: the result of a form on the next page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{synchronize::countdown_to, words};
use crate::{
    api::Key,
    flash::Flash,
    view::{Notice, NoticeKind, time},
};

/// The notice for a result. `summary` is the live section that summarizes the last notification.
pub(super) fn notice<'a>(flash: &'a Flash, key: &Key, summary: &Markup, now: Timestamp) -> Notice<'a> {
    match flash {
        Flash::Synchronized => Notice {
            kind: NoticeKind::Success,
            title: "The associated services are notified again",
            body: html! { (summary) p { "Each service has up to four hours to act." } },
        },
        Flash::Created => Notice {
            kind: NoticeKind::Success,
            title: "The key is created",
            body: html! { @if !key.extractable { p { "Services can now protect resources with it." } } },
        },
        Flash::TooEarly { not_before } => Notice {
            kind: NoticeKind::Warning,
            title: "Too early: the services were notified less than an hour ago",
            body: html! {
                p {
                    "A sync or a change of the key notified them. A key can be synchronized once an hour. You can synchronize from "
                    (time(*not_before)) " on" @if *not_before > now { ", " (countdown_to(*not_before, now)) } "."
                }
            },
        },
        Flash::Done(action) => Notice {
            kind: NoticeKind::Success,
            title: words::action(*action).done,
            body: html! {
                @if !key.extractable {
                    p { "The associated services are notified. Each has up to four hours to act." }
                    (summary)
                }
            },
        },
        Flash::Problem { title, text, again, .. } => Notice {
            kind: NoticeKind::Error,
            title,
            body: html! {
                p { (text) }
                @if again.is_some() {
                    p {
                        "The request may have been accepted although its response was lost. Synchronize once more: the same request \
                        is repeated, and no service is notified twice."
                    }
                }
            },
        },
    }
}
