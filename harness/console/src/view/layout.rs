//! Layout of every page: header, menu, breadcrumbs and main part.

use maud::{Markup, html};

use super::{BASE, Document, Icon, Notice, csrf_field, icon, isolated, name, notice};

/// A whole page. `title` is its only `h1` and begins the document's title.
#[derive(Default)]
pub(crate) struct Page<'a> {
    /// Title, such as `KMS keys`, or the name of what the page is about.
    pub(crate) title: &'a str,
    /// What the page shows of it, such as `View associated resources`, for the document's title.
    pub(crate) section: Option<&'a str>,
    /// The user; without one the header has no menu and no logout button.
    pub(crate) signed_in: Option<SignedIn<'a>>,
    /// Breadcrumbs, without the page itself.
    pub(crate) crumbs: &'a [Crumb<'a>],
    /// Result of the last form.
    pub(crate) notice: Option<Notice<'a>>,
    /// A sentence or some facts below the heading.
    pub(crate) lead: Option<Markup>,
    /// Main content.
    pub(crate) content: Markup,
}

/// The user of a session.
pub(crate) struct SignedIn<'a> {
    /// Display name.
    pub(crate) name: &'a str,
    /// CSRF token of the logout form.
    pub(crate) csrf: &'a str,
    /// Whether there is a page about the harness.
    pub(crate) harness: bool,
    /// Whether the server has the documentation.
    pub(crate) documentation: bool,
}

/// A breadcrumb.
pub(crate) struct Crumb<'a> {
    /// Label.
    pub(crate) label: &'a str,
    /// Target.
    pub(crate) href: &'a str,
}

/// The scripts, in the order in which they run.
pub(super) const SCRIPTS: [&str; 4] = ["times.js", "live.js", "dialogs.js", "console.js"];

/// Path of the documentation on the console's server.
pub(crate) const DOCUMENTATION: &str = "/docs";

impl Page<'_> {
    /// Renders the document.
    pub(crate) fn render(self) -> Markup {
        let content = html! {
            main #main tabindex="-1" {
                @if !self.crumbs.is_empty() { (breadcrumb(self.crumbs, self.title)) }
                .notices { @if let Some(shown) = self.notice { (notice(shown)) } }
                .page-heading {
                    .page-heading__text {
                        h1 { (name(self.title)) }
                        @if let Some(lead) = self.lead { .lead { (lead) } }
                    }
                }
                (self.content)
            }
            footer.help {
                p { "A sync asks the services associated with a key to act on the key’s latest event. A key can be synchronized once an hour." }
            }
            p #announce.visually-hidden role="status" {}
        };
        let title = html! {
            (isolated(self.title)) @if let Some(section) = self.section { " – " (section) } " – keysync"
        };
        let header = header(self.signed_in.as_ref());
        Document { title, styles: &[], scripts: &SCRIPTS, header, content }.render()
    }
}

fn header(signed_in: Option<&SignedIn<'_>>) -> Markup {
    html! {
        @if signed_in.is_some() {
            button.shell__button type="button" popovertarget="menu" {
                (icon(Icon::Menu)) span { "Menu" }
            }
        }
        a.shell__name href={ (BASE) "/" } { span { "keysync" } }
        @if let Some(who) = signed_in {
            nav #menu.side-nav popover aria-label="Menu" {
                ul {
                    li { a href={ (BASE) "/resources" } { (icon(Icon::List)) "Resource list" } }
                    @if who.harness {
                        li { a href={ (BASE) "/harness" } { (icon(Icon::Clock)) "Harness" } }
                    }
                    @if who.documentation {
                        li { a href=(DOCUMENTATION) { (icon(Icon::Book)) "Documentation" } }
                    }
                }
            }
            .shell__user {
                span.shell__who { (icon(Icon::User)) span.visually-hidden { "Signed in as " } span { (name(who.name)) } }
                form method="post" action={ (BASE) "/logout" } {
                    (csrf_field(who.csrf))
                    button.shell__button type="submit" { (icon(Icon::LogOut)) span { "Log out" } }
                }
            }
        }
    }
}

fn breadcrumb(crumbs: &[Crumb<'_>], here: &str) -> Markup {
    html! {
        nav.breadcrumb aria-label="Breadcrumb" {
            ol {
                @for crumb in crumbs { li { a href=(crumb.href) { (name(crumb.label)) } } }
                li { span aria-current="page" { (name(here)) } }
            }
        }
    }
}
