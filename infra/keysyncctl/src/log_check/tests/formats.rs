//! Formats of the input, order and clock.

use std::fmt::Write;

use super::*;

#[test]
fn accepts_valid_log_in_any_order() {
    let mut log = valid();
    log.assert_valid();
    let found = serde_json::to_value(log.report()).unwrap();
    assert_eq!(
        (&found["claims"], &found["attempts"], &found["runs"], &found["undecided"]),
        (&json!(3), &json!(6), &json!(2), &json!([]))
    );
    log.0.reverse();
    log.assert_valid();
    // Exports that overlap.
    log.0.extend(log.0.clone());
    log.assert_valid();
}

#[test]
fn advanced_clock_of_the_harness_counts() {
    let mut log = Log::default();
    log.sync(0, "c-1", "delivered");
    log.sync(3, "c-2", "delivered");
    assert_eq!(log.report().violations.len(), 1);
    let message = "the harness advanced the clock";
    log.line(&json!({"timestamp": timestamp(2), "message": message, "advanced_ms": 3_600_001}));
    log.assert_valid();
}

#[test]
fn reads_formats_of_cloudwatch() {
    let log = valid();
    let expected = serde_json::to_value(log.report()).unwrap();
    let events: Vec<_> =
        log.0.iter().map(|line| json!({"message": format!("{line}\n"), "timestamp": 1})).collect();
    let (first, second) = events.split_at(3);
    let pages = format!(
        "{}\n{}\n",
        serde_json::to_string_pretty(&json!({"events": first, "searchedLogStreams": []})).unwrap(),
        json!({"events": second}),
    );
    let field =
        |line: &String| json!([{"field": "@timestamp", "value": "x"}, {"field": "@message", "value": line}]);
    let results: Vec<_> = log.0.iter().map(field).collect();
    let tail = log.0.iter().fold("START RequestId: 1\n\n".to_owned(), |mut text, line| {
        writeln!(text, "2026-11-28T11:24:07 {line}").unwrap();
        text
    });
    let insights = serde_json::to_string_pretty(&json!({"results": results, "status": "Complete"})).unwrap();
    for text in [pages, tail, insights] {
        assert_eq!(serde_json::to_value(report(&text)).unwrap(), expected, "{text}");
    }
}

#[test]
fn position_is_that_of_the_event() {
    let mut log = valid();
    log.sync(130 * MINUTE, "c-3", "delivered");
    let events: Vec<_> = log.0.iter().map(|line| json!({"message": line})).collect();
    let found = report(&format!("START\n{}", json!({"events": events})));
    let found = serde_json::to_value(found).unwrap();
    assert_eq!(
        (&found["violations"][0]["line"], &found["violations"][0]["event"]),
        (&json!(2), &json!(events.len()))
    );
}

#[test]
fn input_without_lines_of_keysync_is_rejected() {
    for text in ["", "hello\n", "{\"a\":1}\n", "{\"events\":[]}", "{\"broken\n"] {
        let result = check(&[(String::new(), text.to_owned())], Duration::ZERO);
        assert!(matches!(result, Err(Failure::Usage(_))), "{text}");
    }
    let broken = report(&format!("{}\n{{\"broken\n{{\"broken\"\n", valid().text()));
    assert_eq!(serde_json::to_value(broken).unwrap()["unreadable_lines"], 2);
}
