//! Pages from Markdown: headings with anchors, links between pages, and the text of each section
//! for the search. HTML in Markdown is shown as text, except empty anchors.

mod anchors;
mod links;

use maud::{Markup, PreEscaped, Render, html};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

use anchors::Anchors;
pub(crate) use anchors::slug;

/// A rendered page.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) html: Markup,
    /// Its sections; the first one begins with the title.
    pub(crate) sections: Vec<Section>,
}

/// A heading, and what follows it up to the next one.
#[derive(Debug)]
pub(crate) struct Section {
    /// 1 to 6.
    pub(crate) level: u8,
    pub(crate) id: String,
    pub(crate) heading: String,
    /// Text without markup, in one line.
    pub(crate) text: String,
}

/// Links of a section of a page, each with its label and URL.
type Links = Vec<(String, String)>;

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
}

/// Renders the text of the file `name`, whose links are relative to it.
pub(crate) fn render(name: &str, text: &str) -> Rendered {
    let mut page = Builder { name, anchors: Anchors::default(), out: Vec::new(), sections: Vec::new() };
    let mut events = parse(text);
    while let Some(event) = events.next() {
        page.add(event, &mut events);
    }
    let mut html = String::with_capacity(text.len() * 3 / 2);
    push_html(&mut html, page.out.into_iter());
    for section in &mut page.sections {
        section.text = section.text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    Rendered { html: PreEscaped(html), sections: page.sections }
}

/// The links in tables of a page, by the title of their section of level 2.
pub(crate) fn links_by_section(name: &str, text: &str) -> Vec<(String, Links)> {
    let mut sections: Vec<(String, Links)> = Vec::new();
    let mut events = parse(text);
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                let (_, title) = until_end(&mut events, |end| matches!(end, TagEnd::Heading(_)));
                sections.push((title, Vec::new()));
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let (_, label) = until_end(&mut events, |end| end == TagEnd::Link);
                if let Some((_, links)) = sections.last_mut() {
                    links.push((label, links::resolve(name, &dest_url)));
                }
            }
            _ => {}
        }
    }
    sections
}

struct Builder<'a> {
    name: &'a str,
    anchors: Anchors,
    out: Vec<Event<'a>>,
    sections: Vec<Section>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, event: Event<'a>, rest: &mut Parser<'a>) {
        let event = self.mapped(event);
        self.index(&event);
        match event {
            Event::Start(Tag::Heading { level, .. }) => self.heading(level, rest),
            // Wide tables and code scroll within the page, also with the keyboard.
            // Without alignments: they would be inline styles, which the pages' policy denies.
            Event::Start(Tag::Table(_)) => {
                self.html(PreEscaped(r#"<div class="docs-table" tabindex="0">"#));
                self.out.push(Event::Start(Tag::Table(Vec::new())));
            }
            Event::End(TagEnd::Table) => {
                self.out.push(Event::End(TagEnd::Table));
                self.html(PreEscaped("</div>"));
            }
            Event::Start(Tag::CodeBlock(kind)) => self.code(&kind, rest),
            other => self.out.push(other),
        }
    }

    /// The event with the URL of a link or picture, and without HTML.
    fn mapped(&self, event: Event<'a>) -> Event<'a> {
        let url = |link: &str| links::resolve(self.name, link).into();
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Link { link_type, dest_url: url(&dest_url), title, id })
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Image { link_type, dest_url: url(&dest_url), title, id })
            }
            Event::Html(text) => Event::Text(text),
            Event::InlineHtml(text) => anchors::inline(text),
            other => other,
        }
    }

    fn heading(&mut self, level: HeadingLevel, rest: &mut Parser<'a>) {
        let (events, heading) = until_end(rest, |end| matches!(end, TagEnd::Heading(_)));
        let id = self.anchors.unique(slug(&heading));
        let mut content = String::new();
        push_html(&mut content, events.into_iter().map(|event| self.mapped(event)));
        let tag = level.to_string();
        self.html(PreEscaped(format!("<{tag} {}>{content}", attribute("id", &id))));
        if level != HeadingLevel::H1 {
            let label = format!("Link to “{heading}”");
            self.html(html! { " " a.docs-anchor href={ "#" (id) } aria-label=(label) { "#" } });
        }
        self.html(PreEscaped(format!("</{tag}>\n")));
        self.sections.push(Section { level: level as u8, id, heading, text: String::new() });
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>, rest: &mut Parser<'a>) {
        let (_, code) = until_end(rest, |end| end == TagEnd::CodeBlock);
        self.section_text(&code);
        let is_diagram = matches!(kind, CodeBlockKind::Fenced(language) if language.as_ref() == "mermaid");
        self.html(html! {
            @if is_diagram {
                figure.docs-diagram {
                    figcaption { "Diagram, in the notation of Mermaid" }
                    pre tabindex="0" { code { (code) } }
                }
            } @else {
                pre tabindex="0" { code { (code) } }
            }
        });
    }

    fn html(&mut self, markup: impl Render) {
        self.out.push(Event::Html(markup.render().into_string().into()));
    }

    /// Adds the text of an event to the section.
    fn index(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) | Event::Code(text) => self.section_text(text),
            Event::SoftBreak
            | Event::HardBreak
            | Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell) => self.section_text(" "),
            _ => {}
        }
    }

    fn section_text(&mut self, text: &str) {
        if let Some(section) = self.sections.last_mut() {
            section.text.push_str(text);
        }
    }
}

/// The events up to an end, and their text.
fn until_end<'a>(events: &mut Parser<'a>, is_end: impl Fn(TagEnd) -> bool) -> (Vec<Event<'a>>, String) {
    let events: Vec<Event<'a>> =
        events.take_while(|event| !matches!(event, Event::End(end) if is_end(*end))).collect();
    let mut text = String::new();
    for event in &events {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    (events, text)
}

fn attribute(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", html! { (value) }.into_string())
}

#[cfg(test)]
mod tests;
