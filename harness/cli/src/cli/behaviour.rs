//! Behaviours of a service, as they are written on a command line.

use keysync_testkit::{limits::TIMES, services::Behaviour};
use serde_json::{Value, json};

pub(super) const HELP: &str = "Behaviours:
  act              verifies the callback, acts on it, answers 204
  miss             answers 204 and forgets it
  answer=503       answers with a status from 200 to 599, and does not act
  answer=503,30    the same, with `retry-after: 30` (seconds, a year at the most)
  delay=500        acts and answers, 500 ms later (an hour at the most)
  hang             takes the request and never answers
  reset            resets the connection, and does not act
  act-and-reset    acts, and resets the connection instead of answering
  half-a-body      acts, and breaks off half-way through the answer
  redirect=URL     answers 307
  flaky=30,7       answers 503 to 30 of 100 callbacks, drawn from the seed 7

Example: harness services behave cloud-object-storage answer=503 --times 2";

/// Reads one. Ranges are those of the control API.
pub(super) fn parse(text: &str) -> Result<Behaviour, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (first, second) = value.split_once(',').unwrap_or((value, ""));
    let behaviour = match name {
        "act" | "miss" | "hang" | "reset" | "act-and-reset" | "half-a-body" if text == name => json!(name),
        "answer" if second.is_empty() => json!({"answer": {"status": number(first)}}),
        "answer" => json!({"answer": {"status": number(first), "retry_after": number(second)}}),
        "delay" => json!({"delay": {"millis": number(value)}}),
        "redirect" => json!({"redirect": {"to": value}}),
        "flaky" if second.is_empty() => json!({"flaky": {"percent": number(first), "seed": 0}}),
        "flaky" => json!({"flaky": {"percent": number(first), "seed": number(second)}}),
        _ => return Err(format!("`{text}` is unknown; `harness services behave --help` lists behaviours")),
    };
    serde_json::from_value(behaviour).map_err(|error| error.to_string())
}

/// Reads for how many callbacks.
pub(super) fn times(text: &str) -> Result<usize, String> {
    let times = text.parse().ok().filter(|times| TIMES.contains(times));
    times
        .and_then(|times| usize::try_from(times).ok())
        .ok_or_else(|| format!("must be an integer from {} to {}: got `{text}`", TIMES.start(), TIMES.end()))
}

/// A number, as JSON has it; what is none stays text, which is rejected with the range.
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
    fn every_line_of_the_help_is_read() {
        let words: Vec<&str> =
            HELP.lines().skip(1).map_while(|line| line.split_whitespace().next()).collect();
        assert_eq!(words.len(), 11);
        for word in words {
            assert!(parse(word).is_ok(), "{word}");
        }
        assert_eq!(parse("answer=503,30"), Ok(Behaviour::Respond { status: 503, retry_after: Some(30) }));
    }

    #[test]
    fn rejects_what_is_out_of_range_with_the_range() {
        for (texts, range) in [
            (
                &[
                    "answer",
                    "answer=",
                    "answer=999",
                    "answer=199",
                    "answer=-1",
                    "answer=503.5",
                    "answer=soon",
                ][..],
                "from 200 to 599",
            ),
            (&["answer=99999999999999999999", "answer=600,5"], "from 200 to 599"),
            (
                &["answer=503,-1", "answer=503,31536001", "answer=503,soon", "answer=503,1,2"],
                "from 0 to 31536000",
            ),
            (&["delay", "delay=3600001", "delay=-5", "delay=1.5", "delay=soon"], "from 0 to 3600000"),
            (&["flaky", "flaky=101", "flaky=-1", "flaky=0.5,7"], "from 0 to 100"),
            (&["redirect", "redirect=", "redirect=a b"], "1 to 2048 visible ASCII characters"),
            (&["", "dance", "act=1", "hang=5"], "harness services behave --help"),
        ] {
            for text in texts {
                let said = parse(text).unwrap_err();
                assert!(said.contains(range), "{text}: {said}");
            }
        }
        for text in ["0", "-1", "1.5", "1000001", "99999999999999999999", "", "soon"] {
            assert!(times(text).unwrap_err().contains("from 1 to 1000000"), "{text}");
        }
        assert_eq!((times("1"), times("1000000")), (Ok(1), Ok(1_000_000)));
    }
}
