//! All pages, in the order of their URLs, and the navigation between them.

use serde_json::Value;

use crate::{
    BASE,
    markdown::{self, Rendered},
    navigation::Navigation,
    openapi, source,
};

/// All pages.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) pages: Vec<Page>,
    pub(crate) navigation: Navigation,
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Path of its URL.
    pub(crate) url: String,
    /// Content.
    pub(crate) content: Rendered,
}

impl Site {
    /// Renders all pages, with the operations of the control API where there is one.
    pub(crate) fn new(control_api: Option<&Value>) -> Self {
        let pages = source::pages().into_iter().filter_map(|(name, text)| {
            Some(Page { url: source::url(name)?, content: markdown::render(name, text) })
        });
        let sync_api = source::text("docs/reference/sync-api.openapi.json");
        let sync_api = sync_api.and_then(|text| serde_json::from_str(text).ok());
        let operations = [("sync", sync_api.as_ref()), ("control", control_api)];
        let operations = operations.into_iter().filter_map(|(api, document)| Some((api, document?)));
        let operations = operations.map(|(api, document)| {
            let text = openapi::markdown(&format!("Operations of the {api} API"), document);
            let url = format!("{BASE}/reference/{api}-api-operations");
            Page { url, content: markdown::render("docs/reference/operations.md", &text) }
        });
        let pages: Vec<Page> = pages.chain(operations).collect();
        let navigation = Navigation::new(&pages);
        Self { pages, navigation }
    }

    /// The page with this URL.
    pub(crate) fn page(&self, url: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.url == url)
    }
}

impl Page {
    /// The title: the first heading.
    pub(crate) fn title(&self) -> &str {
        self.content.sections.first().map_or("", |section| &section.heading)
    }
}
