//! The navigation: the sections of the overview, each with the pages of its tables. The overview
//! is also a page, so that there is one list of all pages.

use crate::{
    BASE,
    markdown::links_by_section,
    site::Page,
    source::{self, OVERVIEW},
};

/// The groups of pages, in order.
#[derive(Debug)]
pub(crate) struct Navigation {
    pub(crate) groups: Vec<Group>,
}

/// A group of pages.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) entries: Vec<Entry>,
}

/// A link to a page.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) url: String,
}

impl Navigation {
    pub(crate) fn new(pages: &[Page]) -> Self {
        let find = |url: &str| pages.iter().find(|page| page.url == url);
        let entry = |label: &str, url: &str| Entry { label: label.to_owned(), url: url.to_owned() };
        let first = [("Overview", BASE), ("Glossary", "/docs/glossary")];
        let first = first.map(|(label, url)| entry(label, url)).into();
        let mut groups = vec![Group { title: "Documentation".to_owned(), entries: first }];
        for (title, links) in links_by_section(OVERVIEW, source::text(OVERVIEW).unwrap_or_default()) {
            let mut entries = Vec::new();
            for (label, url) in links.iter().filter(|(_, url)| find(url).is_some()) {
                entries.push(entry(label, url));
                let operations = find(&format!("{url}-operations"));
                entries.extend(operations.map(|page| entry(page.title(), &page.url)));
            }
            groups.push(Group { title, entries });
        }
        Self { groups }
    }

    /// All entries, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.iter().flat_map(|group| &group.entries)
    }

    /// The entry of a page, or of the folder that it is in: a decision is below all decisions.
    pub(crate) fn current(&self, url: &str) -> Option<&Entry> {
        let folder = url.rsplit_once('/').map_or("", |(folder, _)| folder);
        let find = |url: &str| self.entries().find(|entry| entry.url == url);
        find(url).or_else(|| find(folder).filter(|entry| entry.url != BASE))
    }

    /// The entries before and after that of a page.
    pub(crate) fn neighbours(&self, url: &str) -> (Option<&Entry>, Option<&Entry>) {
        let entries: Vec<&Entry> = self.entries().collect();
        let Some(at) = entries.iter().position(|entry| entry.url == url) else { return (None, None) };
        let before = at.checked_sub(1).map(|before| entries[before]);
        (before, entries.get(at + 1).copied())
    }
}
