//! Progress of long work, on standard error and only if that is a terminal.

use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of a number of equal steps.
pub(crate) fn bar(total: usize, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_message(what);
    bar.with_style(style("{msg} {bar:30} {pos}/{len} {eta}"))
}

/// The progress of work whose size is unknown.
pub(crate) fn counter(what: impl Into<Cow<'static, str>>) -> ProgressBar {
    ProgressBar::no_length().with_message(what).with_style(style("{msg} {pos} {elapsed}"))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
