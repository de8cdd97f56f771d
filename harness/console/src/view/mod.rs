//! Components of pages: functions from values to markup, and the stylesheet, script and fonts.
//!
//! Everything works without JavaScript. The script adds local times, copy buttons, countdowns and
//! live sections. Text is escaped by [`maud`]; no component takes raw HTML. The pages are written
//! for a strict Content-Security-Policy: no inline style, script or handler, no `data:` address.
//!
//! Pages arrange components with a few classes of the stylesheet: `.form` (fields below each
//! other), `.columns` (two thirds and one third), `.stack`, `.row` and `.row--buttons`, and
//! `.visually-hidden`.
#![allow(
    clippy::needless_pass_by_value,
    reason = "markup is created where it is passed: a borrow would only put a `&` before every `html!`"
)]

pub(crate) mod assets;
mod button;
mod copy;
mod dialog;
mod document;
mod form;
mod icon;
mod layout;
mod live;
mod menu;
mod name;
mod notice;
mod pagination;
mod panel;
mod progress;
mod table;
mod tag;
mod time;
mod timeline;

#[cfg(test)]
mod tests;

pub(crate) use button::{Button, button, button_described_by, disabled_button, link_button};
pub(crate) use copy::copy_id;
pub(crate) use dialog::{Dialog, cancel, dialog_button, dialog_content};
pub use document::Document;
pub(crate) use form::{
    Field, checkbox, csrf_field, password_field, row_checkbox, search_field, select_field, text_field,
};
pub(crate) use icon::{Icon, icon};
pub(crate) use layout::{Crumb, DOCUMENTATION, Page, SignedIn};
pub(crate) use live::live;
pub(crate) use menu::{MenuItem, overflow_menu};
pub(crate) use name::{isolated, name};
pub(crate) use notice::{Notice, NoticeKind, notice};
pub(crate) use pagination::{Pagination, pagination};
pub(crate) use panel::{definition_list, empty_state, error_page, panel};
pub(crate) use progress::progress;
pub(crate) use table::{Column, DataTable, Order, Sortable, data_table};
pub(crate) use tag::{Tag, tag};
pub(crate) use time::{countdown, relative, time, window_meter};
pub(crate) use timeline::{Entry, Event, ServiceStatus, service_statuses, timeline};

use crate::BASE;
