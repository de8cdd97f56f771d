//! What all pages of somebody who is logged in have in common.

use crate::{
    session::Session,
    view::{Crumb, Page, SignedIn},
};

/// The first step to all of them.
pub(super) const RESOURCES: Crumb<'static> = Crumb { label: "Resource list", href: "/console/resources" };

/// A page for whoever is logged in.
pub(super) fn page<'a>(session: &'a Session, title: &'a str) -> Page<'a> {
    let signed_in = SignedIn { name: session.owner(), csrf: session.csrf().as_str() };
    Page { title, signed_in: Some(signed_in), ..Page::default() }
}
