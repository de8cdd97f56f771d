//! Behaviours of a service, as they are written on a command line.

use keysync_harness::services::Behaviour;

pub(super) const HELP: &str = "Behaviours:
  act              verifies the callback, acts on it, answers 204
  miss             answers 204 and forgets it
  answer=503       answers with a status and does not act
  answer=503,30    the same, with `retry-after: 30`
  delay=500        acts and answers, 500 ms later
  hang             takes the request and never answers
  reset            resets the connection, and does not act
  act-and-reset    acts, and resets the connection instead of answering
  half-a-body      acts, and breaks off half-way through the answer
  redirect=URL     answers 307
  flaky=30,7       answers 503 to 30 of 100 callbacks, drawn from the seed 7

Example: harness services behave cloud-object-storage answer=503 --times 2";

/// Reads one.
pub(super) fn parse(text: &str) -> Result<Behaviour, String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let (first, second) = value.split_once(',').unwrap_or((value, ""));
    match name {
        "act" => Ok(Behaviour::Act),
        "miss" => Ok(Behaviour::Miss),
        "hang" => Ok(Behaviour::Hang),
        "reset" => Ok(Behaviour::Reset),
        "act-and-reset" => Ok(Behaviour::ActAndReset),
        "half-a-body" => Ok(Behaviour::HalfABody),
        "answer" => {
            let retry_after = if second.is_empty() { None } else { Some(number(second)?) };
            Ok(Behaviour::Answer { status: number(first)?, retry_after })
        }
        "delay" => Ok(Behaviour::Delay { millis: number(value)? }),
        "redirect" => Ok(Behaviour::Redirect { to: value.to_owned() }),
        "flaky" => {
            let seed = if second.is_empty() { 0 } else { number(second)? };
            Ok(Behaviour::Flaky { seed, percent: number(first)? })
        }
        _ => Err(format!("`{text}` is none; `harness services behave --help` lists them")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` must be a whole number that fits"))
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
        assert_eq!(parse("answer=503,30"), Ok(Behaviour::Answer { status: 503, retry_after: Some(30) }));
        for wrong in ["", "answer", "answer=999999", "delay=soon", "flaky=30,x", "dance"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
