//! The query parameter `urlEncodedResourceCRNQuery`: a CRN in which `*` stands for any segment, and at the
//! end of the last one for any rest.

use keysync::domain::ResourceCrn;
use url::form_urlencoded;

use crate::ApiError;

const SEGMENTS: usize = 10;
/// Those that come before the resource's type: they name a service's instance.
const OF_THE_INSTANCE: usize = 8;

/// Which resources are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CrnQuery(Vec<String>);

impl CrnQuery {
    /// Some clients encode it once, as all parameters are, and others once more.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let decoded = if text.contains(':') { text.to_owned() } else { decode(text) };
        let segments: Vec<String> = decoded.splitn(SEGMENTS, ':').map(str::to_owned).collect();
        if segments.len() == SEGMENTS && segments[0] == "crn" {
            return Ok(Self(segments));
        }
        let problem = format!("must be a CRN of {SEGMENTS} segments, with `*` for any: got `{decoded}`");
        Err(ApiError::field("urlEncodedResourceCRNQuery", problem))
    }

    /// Passes if everything up to the instance is said.
    pub(super) fn names_an_instance(&self) -> Result<(), ApiError> {
        if self.0.iter().take(OF_THE_INSTANCE).all(|segment| !segment.contains('*')) {
            return Ok(());
        }
        let problem = format!("must not hold `*` in its first {OF_THE_INSTANCE} segments");
        Err(ApiError::field("urlEncodedResourceCRNQuery", problem))
    }

    pub(super) fn matches(&self, resource: &ResourceCrn) -> bool {
        let resource = resource.to_string();
        let segments: Vec<&str> = resource.splitn(SEGMENTS, ':').collect();
        segments.len() == self.0.len()
            && self.0.iter().zip(segments).enumerate().all(|(n, (wanted, segment))| {
                match wanted.strip_suffix('*') {
                    Some("") => true,
                    Some(start) if n == SEGMENTS - 1 => segment.starts_with(start),
                    _ => wanted == segment,
                }
            })
    }
}

fn decode(text: &str) -> String {
    // A parameter's name without a value is decoded like any other.
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
    fn a_star_stands_for_any_segment_and_for_the_end_of_the_last() {
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
    fn it_may_be_encoded_once_more() {
        assert!(matches(&BUCKET.replace(':', "%3A").replace('/', "%2F")));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["", "*", "crn:v1:bluemix:*", "crn%3Av1", &BUCKET.replacen("crn", "nrc", 1)] {
            assert_eq!(CrnQuery::parse(wrong).unwrap_err().code, "INVALID_FIELD_ERR", "{wrong}");
        }
        let all = CrnQuery::parse("crn:v1:bluemix:public:*:global:a/abc123:8c2e:bucket:*").unwrap();
        assert_eq!(all.names_an_instance().unwrap_err().code, "INVALID_FIELD_ERR");
    }
}
