//! The trace context of an invocation.
//!
//! A request can have the headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
//! Lambda sends an X-Ray trace with each invocation, whose id has the same 128 bits. Every log line
//! has the trace id, and callbacks propagate it. Invalid headers are ignored, as the specification
//! requires.

use std::fmt;

use http::HeaderMap;
use uuid::Uuid;

/// The header with the trace id, the parent id and the sampled flag.
pub const TRACEPARENT: &str = "traceparent";
/// The header with vendor-specific trace data.
pub const TRACESTATE: &str = "tracestate";

/// The maximum length of a `tracestate` that is propagated, in bytes (section 3.3.1).
const MAX_TRACESTATE_BYTES: usize = 512;
/// The maximum number of members of a `tracestate` (section 3.3.1).
const MAX_TRACESTATE_MEMBERS: usize = 32;

/// The trace of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    id: u128,
    is_sampled: bool,
    state: Option<String>,
}

impl TraceContext {
    /// The trace of a request: from its headers, else Lambda's (`Context::xray_trace_id`), else a
    /// new one.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap, xray: Option<&str>) -> Self {
        match single(headers, TRACEPARENT).and_then(parse_traceparent) {
            Some((id, is_sampled)) => Self { id, is_sampled, state: parse_tracestate(headers) },
            None => Self::from_xray(xray),
        }
    }

    /// The trace of an X-Ray header, `Root=1-…;Parent=…;Sampled=…`, else a new one.
    #[must_use]
    pub fn from_xray(header: Option<&str>) -> Self {
        let (id, is_sampled) =
            header.and_then(parse_xray).unwrap_or_else(|| (Uuid::new_v4().as_u128(), false));
        Self { id, is_sampled, state: None }
    }

    /// A `traceparent` for one call: this trace and a new parent id.
    #[must_use]
    pub fn parent(&self) -> String {
        format!("00-{self}-{:016x}-{:02x}", fastrand::u64(1..), u8::from(self.is_sampled))
    }

    /// The `tracestate` for calls, as received.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Prints the trace id: 32 hexadecimal digits.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

/// The value of a header that occurs once. A function URL joins repeated headers with commas, which
/// makes the value invalid.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// Parses the trace id and the sampled flag of `<version>-<trace id>-<parent id>-<flags>`. A later
/// version may have additional fields; version 255 is invalid.
fn parse_traceparent(text: &str) -> Option<(u128, bool)> {
    let mut fields = text.splitn(5, '-');
    let mut next = |digits| parse_hex(fields.next()?, digits);
    let (version, id, parent, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    let has_more_fields = fields.next().is_some();
    let is_valid = version != 0xff && id != 0 && parent != 0 && (version != 0 || !has_more_fields);
    is_valid.then_some((id, flags & 1 == 1))
}

/// Parses the trace id and the sampled flag of an X-Ray header. The first 8 digits of the id are a
/// time, and are treated as part of it.
fn parse_xray(header: &str) -> Option<(u128, bool)> {
    let field = |name: &str| {
        let fields = header.split(';').filter_map(|field| field.trim().split_once('='));
        fields.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let (seconds, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    let id = (parse_hex(seconds, 8)? << 96) | parse_hex(rest, 24)?;
    (id != 0).then(|| (id, field("Sampled") == Some("1")))
}

/// Parses exactly `digits` lower-case hexadecimal digits.
fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == digits && is_hex).then(|| u128::from_str_radix(text, 16).ok())?
}

/// The value of `tracestate`, which may occur several times. `None` if it is too long or malformed;
/// the trace is then propagated without it.
fn parse_tracestate(headers: &HeaderMap) -> Option<String> {
    let values: Result<Vec<&str>, _> =
        headers.get_all(TRACESTATE).iter().map(|value| value.to_str()).collect();
    let state = values.ok()?.join(",");
    let members = || state.split(',').map(str::trim).filter(|member| !member.is_empty());
    let is_member = |member: &str| member.split_once('=').is_some_and(|(key, _)| !key.is_empty());
    let is_within_limits =
        state.len() <= MAX_TRACESTATE_BYTES && (1..=MAX_TRACESTATE_MEMBERS).contains(&members().count());
    (is_within_limits && members().all(is_member)).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const XRAY: &str =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=25:3";

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// The trace id of `traceparent`; `None` if it was ignored.
    fn accepted_id(traceparent: &str) -> Option<String> {
        let trace = TraceContext::from_headers(&headers(&[(TRACEPARENT, traceparent)]), Some(XRAY));
        Some(trace.to_string()).filter(|id| id != "5759e988bd862e3fe1be46a994272793")
    }

    #[test]
    fn accepts_well_formed_traceparent() {
        for well_formed in [
            format!("00-{ID}-00f067aa0ba902b7-01"),
            format!("00-{ID}-00f067aa0ba902b7-00"),
            format!("00-{ID}-00f067aa0ba902b7-ff"),
            format!("cc-{ID}-00f067aa0ba902b7-01"),
            format!("cc-{ID}-00f067aa0ba902b7-01-additional-field"),
        ] {
            assert_eq!(accepted_id(&well_formed).as_deref(), Some(ID), "{well_formed}");
        }
    }

    #[test]
    fn ignores_malformed_traceparent() {
        for malformed in [
            "",
            "00",
            ID,
            &format!("ff-{ID}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{ID}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", &ID[1..]),
            &format!("00-{ID}0-00f067aa0ba902b7-01"),
            &format!("00-{ID}-00f067aa0ba902b-01"),
            &format!("00-{ID}-00f067aa0ba902b7-1"),
            &format!("00-{ID}-00f067aa0ba902b7-01-more"),
            &format!("00-{ID}-00f067aa0ba902b7-01-"),
            &format!("cc-{ID}-00f067aa0ba902b7-01.more"),
            &format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            &format!("00-{ID}-00F067AA0BA902B7-01"),
            &format!("00-{ID}-00f067aa0ba902b7-0x"),
            &format!("00-+{}-00f067aa0ba902b7-01", &ID[1..]),
            &format!("00_{ID}_00f067aa0ba902b7_01"),
            &format!("00-{ID}-00f067aa0ba902b7-01,00-{ID}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(accepted_id(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn accepts_xray_header_or_generates_new_trace() {
        let trace = TraceContext::from_xray(Some(XRAY));
        assert_eq!(trace.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert!(trace.parent().ends_with("-01"));
        let unsampled = TraceContext::from_xray(Some("Sampled=0;Root=1-5759e988-bd862e3fe1be46a994272793"));
        assert_eq!((unsampled.to_string(), unsampled.is_sampled), (trace.to_string(), false));
        for malformed in
            [None, Some(""), Some("Root=2-5759e988-bd862e3fe1be46a994272793"), Some("Root=1-5-b")]
        {
            let new = [TraceContext::from_xray(malformed), TraceContext::from_xray(malformed)];
            assert!(new[0] != new[1] && new[0].id != 0, "{malformed:?}");
        }
    }

    #[test]
    fn calls_have_same_trace_and_different_parent_ids() {
        let sent = format!("00-{ID}-00f067aa0ba902b7-01");
        let trace = TraceContext::from_headers(&headers(&[(TRACEPARENT, &sent)]), None);
        let (first, second) = (trace.parent(), trace.parent());
        assert!(first != second && first != sent && second != sent);
        for parent in [first, second] {
            assert_eq!(parse_traceparent(&parent), Some((trace.id, true)), "{parent}");
        }
    }

    #[test]
    fn propagates_tracestate_unchanged_or_not_at_all() {
        let sent = format!("00-{ID}-00f067aa0ba902b7-01");
        let propagated = |states: &[&str]| {
            let mut given = headers(&[(TRACEPARENT, &sent)]);
            for state in states {
                given.append(TRACESTATE, state.parse().unwrap());
            }
            let trace = TraceContext::from_headers(&given, None);
            assert_eq!(trace.to_string(), ID);
            trace.state
        };
        let longest = format!("a={}", "b".repeat(510));
        let full = vec!["a=b"; 32].join(",");
        for state in ["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "a=b,,c=d", &longest, &full] {
            assert_eq!(propagated(&[state]).as_deref(), Some(state));
        }
        assert_eq!(propagated(&["a=b", "c=d"]).as_deref(), Some("a=b,c=d"));
        for state in ["", ",", "a", "=b", &format!("{longest}b"), &format!("{full},a=b")] {
            assert_eq!(propagated(&[state]), None, "{state}");
        }
        assert_eq!(propagated(&[]), None);
    }

    #[test]
    fn ignores_tracestate_without_valid_traceparent() {
        let given = headers(&[(TRACEPARENT, "invalid"), (TRACESTATE, "a=b")]);
        assert_eq!(TraceContext::from_headers(&given, Some(XRAY)).state(), None);
    }
}
