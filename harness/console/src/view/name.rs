//! Names that users gave: keys, instances, resources. They may be of any length and direction.

use std::borrow::Cow;

use maud::{Markup, html};

/// A name. Its direction does not affect the text around it, even if it contains characters that
/// override the direction.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A name for attributes and the document's title, which cannot contain elements. Characters for
/// isolation (FSI and PDI) have the effect of [`name`].
pub(crate) fn isolated(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(format!("\u{2068}{text}\u{2069}")) }
}
