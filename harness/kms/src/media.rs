//! Media type of responses. A caller that requests a vendor type (`application/vnd.ibm.kms.…+json`)
//! gets it, as the published examples of the public clients expect. Other callers get
//! `application/json`.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

pub(super) async fn set_requested_type(request: Request, next: Next) -> Response {
    let requested = vendor_type(request.headers());
    let mut response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if let Some(requested) = requested.filter(|_| is_json && response.status().is_success()) {
        response.headers_mut().insert(header::CONTENT_TYPE, requested);
    }
    response
}

/// The vendor type in the header `accept`, or else in `content-type`.
fn vendor_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let vendor = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        let kind = value.strip_prefix("application/vnd.ibm.kms.")?.strip_suffix("+json")?;
        let is_word =
            !kind.is_empty() && kind.bytes().all(|c| c.is_ascii_lowercase() || c == b'_' || c == b'.');
        is_word.then(|| HeaderValue::from_str(value).ok())?
    };
    vendor(header::ACCEPT).or_else(|| vendor(header::CONTENT_TYPE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vendor_types_are_selected() {
        let key = "application/vnd.ibm.kms.key+json";
        let action = "application/vnd.ibm.kms.key_action_wrap+json";
        for (accept, content_type, expected) in [
            ("*/*", "application/json", None),
            ("application/json", key, Some(key)),
            (key, "application/json", Some(key)),
            (key, action, Some(key)),
            ("*/*", action, Some(action)),
            ("*/*", "application/vnd.ibm.kms.+json", None),
            ("*/*", "application/vnd.ibm.kms.key", None),
            ("*/*", "application/vnd.other+json", None),
        ] {
            let headers = [(header::ACCEPT, accept), (header::CONTENT_TYPE, content_type)];
            let headers = headers.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
            let found = vendor_type(&headers.into_iter().collect());
            assert_eq!(
                found.as_ref().map(|found| found.to_str().unwrap()),
                expected,
                "{accept} {content_type}"
            );
        }
    }
}
