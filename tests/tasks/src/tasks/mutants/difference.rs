//! The first difference between the code and its model, as a phrase for a table.

use regex::Regex;

use super::report::MAX_PANIC_CHARS;
use crate::markdown::cell;

/// The first difference in the output of a test with paths: what differs, after which step.
pub(super) fn first_difference(output: &str) -> Option<String> {
    let panic = output.lines().skip_while(|line| !line.contains(" panicked at ")).nth(1)?;
    let Some(step) = regex(r"^(.+?): ([A-Z]\w+)(.*)$").captures(panic) else {
        return Some(cell(panic, MAX_PANIC_CHARS));
    };
    let (difference, action, details) = (&step[1], &step[2], &step[3]);
    if let Some(write) = regex(r"write: (\w+)").captures(details) {
        return Some(format!("`{}` is not rejected", &write[1]));
    }
    Some(format!("{}, after `{action}`", phrase(difference)))
}

fn phrase(difference: &str) -> String {
    if difference == "the model rejects this, the item changes" {
        return "the item changes and should not".to_owned();
    }
    if let Some(learned) =
        regex(r"^the model expects (\w+)(\S*), the code shows (\w+)(\S*)$").captures(difference)
    {
        let (expected, shown) = (&learned[1], &learned[3]);
        return if expected == shown {
            format!("`{expected}{}` expected, `{shown}{}` shown", &learned[2], &learned[4])
        } else {
            format!("`{expected}` expected, `{shown}` shown")
        };
    }
    let mut attributes: Vec<String> = Vec::new();
    for attribute in regex(r"(?:^|, )([a-z_]+)( \d)? is .+? in the model").captures_iter(difference) {
        let name =
            if attribute.get(2).is_some() { "the outbox".to_owned() } else { format!("`{}`", &attribute[1]) };
        if !attributes.contains(&name) {
            attributes.push(name);
        }
    }
    if attributes.is_empty() { cell(difference, MAX_PANIC_CHARS) } else { attributes.join(", ") }
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first difference of a panic with this message.
    fn of_panic(message: &str) -> Option<String> {
        let output =
            format!("thread 'walks' panicked at tests/walks.rs:1:2:\n{message}\nafter [\n    Tick,\n]\n");
        first_difference(&output)
    }

    #[test]
    fn attributes_are_named_without_values() {
        let message = "due_at is Some(2) in the model and None in the table, service 0 is Entry { pending: true, \
             next_at: 2 } in the model and Entry { pending: false, next_at: 0 } in the table: Confirm { pid: \
             ProcessId(7), clock: 0, later: 0 } (random walks, seed 1)";
        assert_eq!(of_panic(message).as_deref(), Some("`due_at`, the outbox, after `Confirm`"));
    }

    #[test]
    fn observations_are_compared_by_name() {
        let message =
            "the model expects Notification(3), the code shows Stale: Resend { pid: ProcessId(4) } (a)";
        assert_eq!(
            of_panic(message).as_deref(),
            Some("`Notification` expected, `Stale` shown, after `Resend`")
        );
        let message =
            "the model expects Reported(3), the code shows Reported(2): Confirm { pid: ProcessId(7) }";
        let expected = "`Reported(3)` expected, `Reported(2)` shown, after `Confirm`";
        assert_eq!(of_panic(message).as_deref(), Some(expected));
    }

    #[test]
    fn missing_rejection_names_its_write() {
        let message =
            "the model expects Nothing, the code shows Other: Reject { key: 0, write: RepeatedCreation }";
        assert_eq!(of_panic(message).as_deref(), Some("`RepeatedCreation` is not rejected"));
        let message = "the model rejects this, the item changes: Claim { pid: ProcessId(0) } (random walks)";
        assert_eq!(of_panic(message).as_deref(), Some("the item changes and should not, after `Claim`"));
    }

    #[test]
    fn other_panics_are_repeated() {
        assert_eq!(
            of_panic("databases is paused, and was called").as_deref(),
            Some("databases is paused, and was called")
        );
        assert_eq!(first_difference("test result: ok. 1 passed"), None);
    }
}
