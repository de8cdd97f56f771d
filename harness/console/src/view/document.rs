//! The HTML document around every page.

use maud::{DOCTYPE, Markup, html};

use super::BASE;

/// An HTML document with the console's stylesheet and header; also for pages beside the console,
/// such as documentation. The console's server serves its stylesheet, scripts and fonts.
#[derive(Debug)]
#[must_use = "a document does nothing until it is rendered"]
pub struct Document<'a> {
    /// Content of the title.
    pub title: Markup,
    /// URLs of stylesheets that follow the console's.
    pub styles: &'a [&'a str],
    /// Names of the console's scripts that the page needs.
    pub scripts: &'a [&'a str],
    /// Content of the header: a flex container, for elements with the classes `shell__name` and
    /// `shell__button`.
    pub header: Markup,
    /// What follows the header. One element has the id `main`.
    pub content: Markup,
}

impl Document<'_> {
    /// Renders the document.
    #[must_use]
    pub fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="icon" type="image/svg+xml" href={ (BASE) "/assets/favicon.svg" };
                    link rel="stylesheet" href={ (BASE) "/assets/console.css" };
                    @for style in self.styles { link rel="stylesheet" href=(style); }
                    @for script in self.scripts { script src={ (BASE) "/assets/" (script) } defer {} }
                }
                body {
                    a.skip-link href="#main" { "Skip to main content" }
                    header.shell { (self.header) }
                    (self.content)
                }
            }
        }
    }
}
