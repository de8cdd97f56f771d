//! The pages, each a file: what it asks the API, and what it shows.

pub(crate) mod action;
pub(crate) mod associated;
pub(crate) mod failure;
mod frame;
pub(crate) mod keys;
pub(crate) mod login;
mod next;
mod notices;
mod notifications;
mod paging;
mod registrations;
pub(crate) mod resources;
pub(crate) mod sync;
mod synchronize;
mod timeline;
pub(crate) mod why;
mod words;

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Deserialize;
use uuid::Uuid;

use crate::{failure::Failure, signed_in::SignedIn, view};

/// The key that a path names.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct KeyPath {
    instance: Uuid,
    key: Uuid,
}

impl KeyPath {
    /// A page of this key.
    fn to(self, page: &str) -> String {
        format!("{}/{}/{page}", keys::path(self.instance), self.key)
    }
}

/// A file that pages refer to.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let (kind, bytes) = view::assets::find(&name).ok_or(Failure::NoPage)?;
    // Asked for anew each time: the next build may have another one by the same name.
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], bytes).into_response())
}

/// There is no such page, which who is not logged in need not know.
pub(crate) async fn unknown(_: SignedIn) -> Failure {
    Failure::NoPage
}
