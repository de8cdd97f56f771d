//! Ids of headings, as GitHub makes them, so that links work in both places; and anchors that a
//! page has elsewhere.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event};

/// The ids of a page.
#[derive(Default)]
pub(super) struct Anchors(HashMap<String, usize>);

impl Anchors {
    /// `slug`, or with a number where the page already has it.
    pub(super) fn unique(&mut self, slug: String) -> String {
        let used = self.0.entry(slug.clone()).or_default();
        *used += 1;
        if *used == 1 { slug } else { format!("{slug}-{}", *used - 1) }
    }
}

/// The id of a heading: lower case, hyphens for spaces, no punctuation.
pub(crate) fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, '-' | '_' | ' '));
    kept.flat_map(char::to_lowercase).map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// An anchor, `<a id="…"></a>`; other HTML as text.
pub(super) fn inline(html: CowStr<'_>) -> Event<'_> {
    let id = html.strip_prefix("<a id=\"").and_then(|rest| rest.strip_suffix("\">"));
    let is_safe = |id: &&str| id.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char));
    match id.filter(is_safe) {
        Some(id) => Event::InlineHtml(format!("<a id=\"{id}\"></a>").into()),
        None if &*html == "</a>" => Event::Text("".into()),
        None => Event::Text(html),
    }
}
