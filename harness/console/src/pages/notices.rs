//! What came of what somebody asked for, as a notice on the next page.

use jiff::Timestamp;
use maud::html;

use super::{synchronize::countdown_to, words};
use crate::{
    api::Key,
    flash::Flash,
    view::{Notice, NoticeKind, time},
};

pub(super) fn of<'a>(flash: &'a Flash, key: &Key, now: Timestamp) -> Notice<'a> {
    match flash {
        Flash::Synchronized => Notice {
            kind: NoticeKind::Success,
            title: "The associated services are told again",
            body: html! { p { "Each has up to four hours to act. Last notification, below, shows how far each has come." } },
        },
        Flash::TooEarly { not_before } => Notice {
            kind: NoticeKind::Warning,
            title: "Not yet: the services were told less than an hour ago",
            body: html! {
                p {
                    "By a sync, or by a change of the key. They are told again at most once an hour. You can synchronize from "
                    (time(*not_before)) " on" @if *not_before > now { ", " (countdown_to(*not_before, now)) } "."
                }
            },
        },
        Flash::Done(action) => Notice {
            kind: NoticeKind::Success,
            title: words::action(*action).done,
            body: html! {
                @if !key.extractable { p { "The associated services are told of it. Each has up to four hours to act." } }
            },
        },
        Flash::Problem { title, text, again } => Notice {
            kind: NoticeKind::Error,
            title,
            body: html! {
                p { (text) }
                @if again.is_some() {
                    p {
                        "The request may have been accepted all the same, with its answer lost. Synchronize once more: it is the \
                        same request then, and no service is told twice."
                    }
                }
            },
        },
    }
}
