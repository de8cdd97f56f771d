//! What pages of other sites are kept from. The control API asks for no credentials, and a browser on this machine
//! lets any page send it a `POST`.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::Response,
};
use keysync_console::is_this_machine;

use super::problem::Problem;

/// Refuses what a page of another site asks. Programs send none of these headers but `host`.
pub(super) async fn refuse(request: Request, next: Next) -> Result<Response, Problem> {
    if is_of_another_site(request.headers()) {
        return Err(Problem::forbidden(
            "the control API is for programs on this machine, not for pages of other sites; ask it by its own \
             address, such as http://127.0.0.1:8080",
        ));
    }
    Ok(next.run(request).await)
}

fn is_of_another_site(headers: &HeaderMap) -> bool {
    let header = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let host = header(header::HOST);
    // A page whose site's name was made to resolve to this machine: nothing else in its requests is foreign.
    host.is_some_and(|host| !is_this_machine(host))
        || header(HeaderName::from_static("sec-fetch-site"))
            .is_some_and(|site| !matches!(site, "same-origin" | "none"))
        // Not every browser says more than this to an address without TLS.
        || header(header::ORIGIN).is_some_and(|origin| origin.strip_prefix("http://") != host)
}
