//! The templates. They escape all text; only [`crate::markdown`] makes HTML from text.

use maud::{Markup, html};

use keysync_console::{BASE as CONSOLE, Document};

use crate::{
    BASE,
    navigation::Entry,
    search::{Hit, MAX_RESULTS, Query},
    site::{Page, Site},
};

/// The frame of every page.
struct Frame<'a> {
    title: &'a str,
    url: &'a str,
    query: &'a str,
    content: Markup,
    /// Sections of the page.
    aside: Option<Markup>,
}

/// A page of the documentation.
pub(crate) fn page(site: &Site, page: &Page) -> Markup {
    let (before, after) = site.navigation.neighbours(&page.url);
    let content = html! {
        article.docs-text { (page.content.html) }
        @if before.is_some() || after.is_some() {
            nav.docs-neighbours aria-label="Previous and next page" {
                @if let Some(Entry { label, url }) = before { a rel="prev" href=(url) { "← " (label) } }
                @if let Some(Entry { label, url }) = after { a.docs-next rel="next" href=(url) { (label) " →" } }
            }
        }
    };
    let parts: Vec<_> =
        page.content.sections.iter().filter(|section| matches!(section.level, 2 | 3)).collect();
    let aside = html! {
        nav.docs-contents aria-label="On this page" {
            p { "On this page" }
            ul {
                @for part in &parts {
                    li class=[(part.level == 3).then_some("docs-contents__part")] { a href={ "#" (part.id) } { (part.heading) } }
                }
            }
        }
    };
    let aside = (parts.len() > 1).then_some(aside);
    frame(site, Frame { title: page.title(), url: &page.url, query: "", content, aside })
}

/// The results of a search.
pub(crate) fn search_page(site: &Site, query: &Query, hits: &[Hit<'_>]) -> Markup {
    let content = html! {
        article.docs-text {
            h1 { @if query.is_empty() { "Search" } @else { "Search: " bdi { (query.text) } } }
            @if query.is_empty() {
                p { "Enter one or more words. A section is found if it has all of them." }
            } @else if hits.is_empty() {
                p { "No section has all of these words. Enter fewer of them, or look in the " a href="/docs/glossary" { "glossary" } " for another one." }
            } @else {
                p { (count(hits.len())) }
            }
            ol.docs-hits {
                @for hit in hits { li { (result(query, hit)) } }
            }
        }
    };
    frame(site, Frame { title: "Search", url: "", query: &query.text, content, aside: None })
}

/// The page for an unknown path.
pub(crate) fn no_page(site: &Site) -> Markup {
    let content = html! {
        article.docs-text {
            h1 { "Page not found" }
            p { "Search for it, or see " a href=(BASE) { "all pages" } "." }
        }
    };
    frame(site, Frame { title: "Page not found", url: "", query: "", content, aside: None })
}

fn count(hits: usize) -> String {
    match hits {
        1 => "1 section".to_owned(),
        MAX_RESULTS => format!("The best {MAX_RESULTS} sections"),
        hits => format!("{hits} sections"),
    }
}

fn result(query: &Query, Hit { page, section, .. }: &Hit<'_>) -> Markup {
    html! {
        a href={ (page.url) "#" (section.id) } {
            (marked(query, page.title()))
            @if section.heading != page.title() { " › " (marked(query, &section.heading)) }
        }
        p { (marked(query, query.snippet(&section.text))) }
    }
}

/// The text with the words of the query marked.
fn marked(query: &Query, text: &str) -> Markup {
    let mut end = 0;
    let mut parts = Vec::new();
    for range in query.matches(text) {
        parts.push((&text[end..range.start], &text[range.clone()]));
        end = range.end;
    }
    html! {
        @for (before, word) in parts { (before) mark { (word) } }
        (text[end..])
    }
}

fn frame(site: &Site, Frame { title, url, query, content, aside }: Frame<'_>) -> Markup {
    let current = site.navigation.current(url);
    let header = html! {
        button.shell__button.docs-menu type="button" popovertarget="pages" { "Pages" }
        a.shell__name href=(BASE) { span { "keysync" span.docs-name { " documentation" } } }
        form.docs-search role="search" action={ (BASE) "/search" } {
            label.visually-hidden for="q" { "Search the documentation" }
            input #q type="search" name="q" value=[(!query.is_empty()).then_some(query)] placeholder="Search"
                dir="auto" spellcheck="false" autocapitalize="none" maxlength="200";
            button.shell__button type="submit" { "Search" }
        }
        a.shell__button.docs-console href=(CONSOLE) { "Console" }
    };
    let content = html! {
        .docs {
            nav #pages.docs-pages popover aria-label="Pages" {
                @for group in &site.navigation.groups {
                    p { (group.title) }
                    ul {
                        @for entry in &group.entries {
                            @let is_current = current.is_some_and(|current| current.url == entry.url);
                            li { a href=(entry.url) aria-current=[is_current.then_some("page")] { (entry.label) } }
                        }
                    }
                }
            }
            main #main tabindex="-1" { (content) }
            @if let Some(aside) = aside { (aside) }
        }
    };
    let title = html! { (title) " – keysync documentation" };
    Document { title, styles: &["/docs/docs.css"], scripts: &[], header, content }.render()
}
