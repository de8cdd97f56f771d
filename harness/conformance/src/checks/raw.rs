//! The rules that the raw requests of the test vectors belong to.

use serde_json::json;

use crate::{Rule, report::Expected, vectors::RawVector};

/// Valid forms of HTTP that a receiver must accept. Others depend on its server.
const ACCEPTED: [&str; 4] = ["golden", "names-in-capitals", "chunked", "expects-100-continue"];

/// Requests that are about the paths of the example receivers, or about methods that a receiver may
/// support at its callback URL for other purposes.
const SPECIFIC: [&str; 8] = [
    "method-GET",
    "method-OPTIONS",
    "method-TRACE",
    "key-posted",
    "another-path",
    "path-twice",
    "path-with-two-slashes",
    "header-of-many-spaces-and-a-letter",
];

/// The rule that a raw request checks. `None` where it depends on the server, or where a callback
/// of the vectors checks the same.
pub(super) fn rule(vector: &RawVector) -> Option<(Rule, Expected)> {
    let name = &*vector.name;
    let rule = match &*vector.group {
        "valid" if ACCEPTED.contains(&name) => return Some((Rule::ValidHttpAccepted, Expected::Accepted)),
        _ if SPECIFIC.contains(&name) || name.starts_with("signed-") => return None,
        "headers" => Rule::MalformedHeadersRejected,
        "request-line" => Rule::MalformedRequestLineRejected,
        "body" if vector.statuses == [json!(413)] => Rule::BodyLimited,
        "body" => Rule::MalformedBodyRejected,
        _ => return None,
    };
    Some((rule, Expected::Rejected))
}
