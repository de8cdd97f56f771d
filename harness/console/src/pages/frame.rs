//! Common parts of all pages of a session.

use crate::{
    session::Session,
    view::{Crumb, Page, SignedIn},
};

/// The first breadcrumb of all pages.
pub(super) const RESOURCES: Crumb<'static> = Crumb { label: "Resource list", href: "/console/resources" };

/// A page of a session.
pub(super) fn page<'a>(session: &'a Session, title: &'a str) -> Page<'a> {
    let signed_in = SignedIn {
        name: session.owner(),
        csrf: session.csrf().as_str(),
        harness: session.has_harness(),
        documentation: session.has_documentation(),
    };
    Page { title, signed_in: Some(signed_in), ..Page::default() }
}
