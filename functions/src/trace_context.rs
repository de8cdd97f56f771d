//! Trace context: which of many calls, over many services, belong together.
//!
//! A request may bring one in the headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/);
//! Lambda sends one of X-Ray's with each invocation, whose trace id has the same 128 bits. Whichever it
//! is, its id stands in every line of the log, and callbacks carry it on. What does not read is passed
//! over, as the specification asks: a trace is never worth an error.

use std::fmt;

use http::HeaderMap;
use uuid::Uuid;

/// Where an invocation belongs.
pub const TRACEPARENT: &str = "traceparent";
/// What tracing systems add to that, each for itself.
pub const TRACESTATE: &str = "tracestate";

/// The longest `tracestate` that is passed on, in bytes, and the most members it may have (section 3.3.1).
const MAX_TRACESTATE_BYTES: (usize, usize) = (512, 32);

/// The trace that an invocation belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    id: u128,
    is_sampled: bool,
    state: Option<String>,
}

impl TraceContext {
    /// That of a request: its own, else Lambda's (`Context::xray_trace_id`), else a new one.
    #[must_use]
    pub fn of_request(headers: &HeaderMap, xray: Option<&str>) -> Self {
        match single(headers, TRACEPARENT).and_then(w3c) {
            Some((id, is_sampled)) => Self { id, is_sampled, state: state(headers) },
            None => Self::of_xray(xray),
        }
    }

    /// That of an X-Ray header, `Root=1-…;Parent=…;Sampled=…`, else a new one.
    #[must_use]
    pub fn of_xray(header: Option<&str>) -> Self {
        let (id, is_sampled) = header.and_then(xray).unwrap_or_else(|| (Uuid::new_v4().as_u128(), false));
        Self { id, is_sampled, state: None }
    }

    /// `traceparent` for a call that is made now: this trace, and a parent id that no other call has.
    #[must_use]
    pub fn parent(&self) -> String {
        format!("00-{self}-{:016x}-{:02x}", fastrand::u64(1..), u8::from(self.is_sampled))
    }

    /// `tracestate` for such a call, as it came.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// The trace id, as W3C Trace Context has it.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

/// A header that came once. A function URL joins several with commas, and such a one does not read.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// Trace id and sampled flag of `<version>-<trace id>-<parent id>-<flags>`. A later version may have more
/// fields behind them; version 255 is none.
fn w3c(text: &str) -> Option<(u128, bool)> {
    let mut fields = text.splitn(5, '-');
    let mut next = |digits| hex(fields.next()?, digits);
    let (version, id, parent, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    let is_longer = fields.next().is_some();
    let is_valid = version != 0xff && id != 0 && parent != 0 && (version != 0 || !is_longer);
    is_valid.then_some((id, flags & 1 == 1))
}

/// Trace id and sampled flag. The first 8 digits of X-Ray's are a time, which makes no difference here.
fn xray(header: &str) -> Option<(u128, bool)> {
    let field = |name: &str| {
        let fields = header.split(';').filter_map(|field| field.trim().split_once('='));
        fields.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let (seconds, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    let id = (hex(seconds, 8)? << 96) | hex(rest, 24)?;
    (id != 0).then(|| (id, field("Sampled") == Some("1")))
}

/// A number of exactly so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == digits && is_hex).then(|| u128::from_str_radix(text, 16).ok())?
}

/// `tracestate`, which may come in several headers. One that is too long or no list is left behind, and
/// the trace goes on without.
fn state(headers: &HeaderMap) -> Option<String> {
    let values: Result<Vec<&str>, _> =
        headers.get_all(TRACESTATE).iter().map(|value| value.to_str()).collect();
    let state = values.ok()?.join(",");
    let members = || state.split(',').map(str::trim).filter(|member| !member.is_empty());
    let is_member = |member: &str| member.split_once('=').is_some_and(|(key, _)| !key.is_empty());
    let has_place =
        state.len() <= MAX_TRACESTATE_BYTES.0 && (1..=MAX_TRACESTATE_BYTES.1).contains(&members().count());
    (has_place && members().all(is_member)).then_some(state)
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

    fn of(traceparent: &str) -> Option<String> {
        let trace = TraceContext::of_request(&headers(&[(TRACEPARENT, traceparent)]), Some(XRAY));
        Some(trace.to_string()).filter(|id| id != "5759e988bd862e3fe1be46a994272793")
    }

    #[test]
    fn a_well_formed_one_is_taken_in() {
        for well_formed in [
            format!("00-{ID}-00f067aa0ba902b7-01"),
            format!("00-{ID}-00f067aa0ba902b7-00"),
            format!("00-{ID}-00f067aa0ba902b7-ff"),
            format!("cc-{ID}-00f067aa0ba902b7-01"),
            format!("cc-{ID}-00f067aa0ba902b7-01-what-the-future-will-be-like"),
        ] {
            assert_eq!(of(&well_formed).as_deref(), Some(ID), "{well_formed}");
        }
    }

    #[test]
    fn a_malformed_one_is_passed_over() {
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
            assert_eq!(of(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn x_ray_s_is_the_same_number_and_what_does_not_read_makes_a_new_one() {
        let trace = TraceContext::of_xray(Some(XRAY));
        assert_eq!(trace.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert!(trace.parent().ends_with("-01"));
        let unsampled = TraceContext::of_xray(Some("Sampled=0;Root=1-5759e988-bd862e3fe1be46a994272793"));
        assert_eq!((unsampled.to_string(), unsampled.is_sampled), (trace.to_string(), false));
        for malformed in
            [None, Some(""), Some("Root=2-5759e988-bd862e3fe1be46a994272793"), Some("Root=1-5-b")]
        {
            let new = [TraceContext::of_xray(malformed), TraceContext::of_xray(malformed)];
            assert!(new[0] != new[1] && new[0].id != 0, "{malformed:?}");
        }
    }

    #[test]
    fn each_call_has_a_parent_id_of_its_own_and_the_same_trace() {
        let sent = format!("00-{ID}-00f067aa0ba902b7-01");
        let trace = TraceContext::of_request(&headers(&[(TRACEPARENT, &sent)]), None);
        let (first, second) = (trace.parent(), trace.parent());
        assert!(first != second && first != sent && second != sent);
        for parent in [first, second] {
            assert_eq!(w3c(&parent), Some((trace.id, true)), "{parent}");
        }
    }

    #[test]
    fn a_state_goes_with_it_as_it_came_or_not_at_all() {
        let sent = format!("00-{ID}-00f067aa0ba902b7-01");
        let of = |states: &[&str]| {
            let mut given = headers(&[(TRACEPARENT, &sent)]);
            for state in states {
                given.append(TRACESTATE, state.parse().unwrap());
            }
            let trace = TraceContext::of_request(&given, None);
            assert_eq!(trace.to_string(), ID);
            trace.state
        };
        let longest = format!("a={}", "b".repeat(510));
        let full = vec!["a=b"; 32].join(",");
        for state in ["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "a=b,,c=d", &longest, &full] {
            assert_eq!(of(&[state]).as_deref(), Some(state));
        }
        assert_eq!(of(&["a=b", "c=d"]).as_deref(), Some("a=b,c=d"));
        for state in ["", ",", "a", "=b", &format!("{longest}b"), &format!("{full},a=b")] {
            assert_eq!(of(&[state]), None, "{state}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_state_without_a_trace_is_nothing() {
        let given = headers(&[(TRACEPARENT, "nothing"), (TRACESTATE, "a=b")]);
        assert_eq!(TraceContext::of_request(&given, Some(XRAY)).state(), None);
    }
}
