//! Live sections, which the script updates.

use maud::{Markup, html};

/// A section that the script fetches again from `url` every `every_ms` while the page is visible.
///
/// `url` may serve the whole page or only its sections: each element of the response with the `id`
/// of a live section replaces the content of that section if it differs. A redirect, as to the
/// login page, ends the updates.
pub(crate) fn live(id: &str, url: &str, every_ms: u32, content: Markup) -> Markup {
    html! { div id=(id) data-live-url=(url) data-live-every=(every_ms) { (content) } }
}
