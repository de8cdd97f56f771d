//! Progress of a task with a known number of steps.

use maud::{Markup, html};

/// A bar. `label` names it for screen readers.
pub(crate) fn progress(label: &str, done: usize, total: usize) -> Markup {
    html! { progress.progress aria-label=(label) value=(done) max=(total.max(1)) { (done) " of " (total) } }
}
