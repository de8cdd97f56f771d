//! The query parameter `urlEncodedResourceCRNQuery`: a CRN in which `*` matches any segment. At the
//! end of the last segment it matches any suffix.

use keysync::domain::ResourceCrn;
use url::form_urlencoded;

use crate::ApiError;

/// Number of segments of a CRN.
const SEGMENTS: usize = 10;
/// Number of segments before the resource type, which identify the service instance.
const INSTANCE_SEGMENTS: usize = 8;

/// A pattern that selects resources by their CRN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CrnQuery(Vec<String>);

impl CrnQuery {
    /// Parses a query. Some clients percent-encode it once, like any parameter, and others twice.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let decoded = if text.contains(':') { text.to_owned() } else { decode(text) };
        let segments: Vec<String> = decoded.splitn(SEGMENTS, ':').map(str::to_owned).collect();
        if segments.len() == SEGMENTS && segments[0] == "crn" {
            return Ok(Self(segments));
        }
        let problem =
            format!("must be a CRN of {SEGMENTS} segments, with `*` for any segment: got `{decoded}`");
        Err(ApiError::field("urlEncodedResourceCRNQuery", problem))
    }

    /// Checks that the segments up to the instance have no `*`.
    pub(super) fn require_instance(&self) -> Result<(), ApiError> {
        if self.0.iter().take(INSTANCE_SEGMENTS).all(|segment| !segment.contains('*')) {
            return Ok(());
        }
        let problem = format!("must not contain `*` in its first {INSTANCE_SEGMENTS} segments");
        Err(ApiError::field("urlEncodedResourceCRNQuery", problem))
    }

    pub(super) fn matches(&self, resource: &ResourceCrn) -> bool {
        let resource = resource.to_string();
        let segments: Vec<&str> = resource.splitn(SEGMENTS, ':').collect();
        segments.len() == self.0.len()
            && self.0.iter().zip(segments).enumerate().all(|(n, (pattern, segment))| {
                match pattern.strip_suffix('*') {
                    Some("") => true,
                    Some(start) if n == SEGMENTS - 1 => segment.starts_with(start),
                    _ => pattern == segment,
                }
            })
    }
}

fn decode(text: &str) -> String {
    // The text is decoded as a parameter name without a value.
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: &str =
        "crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:invoices/2026";

    fn matches(query: &str) -> bool {
        CrnQuery::parse(query).unwrap().matches(&BUCKET.parse().unwrap())
    }

    #[test]
    fn asterisk_matches_any_segment_and_last_suffix() {
        for (query, expected) in [
            (BUCKET, true),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:*", true),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:inv*", true),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:*:*", true),
            ("crn:v1:bluemix:public:*:*:*:*:*:*", true),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:out*", false),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:buck*:*", false),
            ("crn:v1:bluemix:public:cloud-object-storage:global:a/abc123:8c2e:bucket:invoices", false),
            ("crn:v1:bluemix:public:databases-for-postgresql:global:a/abc123:8c2e:bucket:*", false),
        ] {
            assert_eq!(matches(query), expected, "{query}");
        }
    }

    #[test]
    fn accepts_query_encoded_twice() {
        assert!(matches(&BUCKET.replace(':', "%3A").replace('/', "%2F")));
    }

    #[test]
    fn rejects_invalid_query() {
        for invalid in ["", "*", "crn:v1:bluemix:*", "crn%3Av1", &BUCKET.replacen("crn", "nrc", 1)] {
            assert_eq!(CrnQuery::parse(invalid).unwrap_err().code, "INVALID_FIELD_ERR", "{invalid}");
        }
        let all = CrnQuery::parse("crn:v1:bluemix:public:*:global:a/abc123:8c2e:bucket:*").unwrap();
        assert_eq!(all.require_instance().unwrap_err().code, "INVALID_FIELD_ERR");
    }
}
