//! Behaviours of a service, in command-line syntax.

use keysync_testkit::{limits::TIMES, services::Behaviour};
use serde_json::{Value, json};

pub(super) const HELP: &str = "Behaviours:
  act                  verify the callback, act on it, respond with 204
  ack-without-acting   respond with 204, do not act
  respond=503          respond with a status from 200 to 599, do not act
  respond=503,30       the same, with `retry-after: 30` (seconds, at most a year)
  delay=500            act and respond after 500 ms (at most an hour)
  hang                 accept the request, never respond
  reset                reset the connection, do not act
  act-then-reset       act, then reset the connection instead of responding
  truncate-body        act, respond with 200, reset the connection within the body
  redirect=URL         respond with 307
  flaky=30,7           respond with 503 to 30 of 100 callbacks, drawn from seed 7

Example: harness services behave cloud-object-storage respond=503 --times 2";

/// Each behaviour in [`HELP`], and its description.
pub(super) fn described() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = HELP.lines().skip(1).map_while(|line| line.trim().split_once(' '));
    lines.map(|(behaviour, description)| (behaviour, description.trim()))
}

/// Parses a behaviour. Ranges are those of the control API.
pub(super) fn parse(text: &str) -> Result<Behaviour, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (first, second) = value.split_once(',').unwrap_or((value, ""));
    let behaviour = match name {
        "act" | "ack-without-acting" | "hang" | "reset" | "act-then-reset" | "truncate-body"
            if text == name =>
        {
            json!(name)
        }
        "respond" if second.is_empty() => json!({"respond": {"status": number(first)}}),
        "respond" => json!({"respond": {"status": number(first), "retry_after": number(second)}}),
        "delay" => json!({"delay": {"millis": number(value)}}),
        "redirect" => json!({"redirect": {"to": value}}),
        "flaky" if second.is_empty() => json!({"flaky": {"percent": number(first), "seed": 0}}),
        "flaky" => json!({"flaky": {"percent": number(first), "seed": number(second)}}),
        _ => return Err(format!("unknown behaviour `{text}`; see `harness services behave --help`")),
    };
    serde_json::from_value(behaviour).map_err(|error| error.to_string())
}

/// Parses the number of callbacks that a behaviour applies to.
pub(super) fn times(text: &str) -> Result<usize, String> {
    let times = text.parse().ok().filter(|times| TIMES.contains(times));
    times
        .and_then(|times| usize::try_from(times).ok())
        .ok_or_else(|| format!("must be an integer from {} to {}: got `{text}`", TIMES.start(), TIMES.end()))
}

/// The JSON number in `text`; anything else stays a string, which the deserializer rejects with the
/// range.
fn number(text: &str) -> Value {
    match (text.parse::<u64>(), text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _, _) => number.into(),
        (_, Ok(number), _) => number.into(),
        (_, _, Ok(number)) if number.is_finite() => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_every_behaviour_in_help() {
        assert_eq!(described().count(), 11);
        for (behaviour, _) in described() {
            assert!(parse(behaviour).is_ok(), "{behaviour}");
        }
        assert_eq!(parse("respond=503,30"), Ok(Behaviour::Respond { status: 503, retry_after: Some(30) }));
    }

    #[test]
    fn rejects_values_out_of_range() {
        for (texts, range) in [
            (
                &[
                    "respond",
                    "respond=",
                    "respond=999",
                    "respond=199",
                    "respond=-1",
                    "respond=503.5",
                    "respond=soon",
                ][..],
                "from 200 to 599",
            ),
            (&["respond=99999999999999999999", "respond=600,5"], "from 200 to 599"),
            (
                &["respond=503,-1", "respond=503,31536001", "respond=503,soon", "respond=503,1,2"],
                "from 0 to 31536000",
            ),
            (&["delay", "delay=3600001", "delay=-5", "delay=1.5", "delay=soon"], "from 0 to 3600000"),
            (&["flaky", "flaky=101", "flaky=-1", "flaky=0.5,7"], "from 0 to 100"),
            (&["redirect", "redirect=", "redirect=a b"], "1 to 2048 visible ASCII characters"),
            (&["", "dance", "act=1", "hang=5"], "harness services behave --help"),
        ] {
            for text in texts {
                let error = parse(text).unwrap_err();
                assert!(error.contains(range), "{text}: {error}");
            }
        }
        for text in ["0", "-1", "1.5", "1000001", "99999999999999999999", "", "soon"] {
            assert!(times(text).unwrap_err().contains("from 1 to 1000000"), "{text}");
        }
        assert_eq!((times("1"), times("1000000")), (Ok(1), Ok(1_000_000)));
    }
}
