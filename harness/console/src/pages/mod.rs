//! The pages, one per file: API calls and content.

pub(crate) mod action;
pub(crate) mod associated;
pub(crate) mod bulk_sync;
pub(crate) mod failure;
mod frame;
pub(crate) mod harness;
pub(crate) mod harness_faults;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod new_key;
mod next;
pub(crate) mod not_acted;
mod notices;
mod notifications;
mod paging;
mod registrations;
mod registrations_query;
pub(crate) mod request;
mod requests_query;
pub(crate) mod resources;
mod sorting;
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
    /// Path of a page of this key.
    fn to(self, page: &str) -> String {
        format!("{}/{}/{page}", keys::path(self.instance), self.key)
    }
}

/// `GET /console/assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let (kind, bytes) = view::assets::find(&name).ok_or(Failure::NoPage)?;
    // Revalidated each time: another build may serve a different file with this name.
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], bytes).into_response())
}

/// Any other path: 404 for a session, else the login page.
pub(crate) async fn unknown(_: SignedIn) -> Failure {
    Failure::NoPage
}
