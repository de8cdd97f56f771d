//! Sections that the script keeps up to date.

use maud::{Markup, html};

/// A section that is fetched again from `url` every `every_ms` while the page is visible.
///
/// `url` may answer the whole page or only its sections: each element of the answer that has the `id` of a
/// live section replaces what is in that section, where it differs. An answer that leads elsewhere (to the
/// login) ends it.
pub(crate) fn live(id: &str, url: &str, every_ms: u32, content: Markup) -> Markup {
    html! { div id=(id) data-live-url=(url) data-live-every=(every_ms) { (content) } }
}
