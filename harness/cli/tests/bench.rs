//! The command `harness bench`. These tests verify its counts, not its timings.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failed setup step fails the test")]

use std::process::{Command, Output};

use serde_json::Value;

/// Runs `harness bench` with the binaries next to it, whatever their build profile.
fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.arg("bench").args(arguments).env_remove("CARGO").output().unwrap()
}

fn report(arguments: &[&str]) -> Value {
    let output = bench(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[test]
fn report_has_latency_and_costs_by_request_kind() {
    let folder = std::env::temp_dir().join(format!("keysync-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let chart = folder.join("chart.svg");
    let chart_option = ["--chart", chart.to_str().unwrap()];
    let report = report(
        &[&["--requests", "30", "--at-once", "1,4", "--starts", "2", "--json"][..], &chart_option].concat(),
    );

    let kinds = ["204", "204, new caller", "204, by alias", "409", "401"];
    let lines = [&["wire floor", "hello"][..], &kinds].concat();
    assert_eq!(texts(&report["latency"], "what"), [lines.clone(), lines].concat());
    for line in report["latency"].as_array().unwrap() {
        assert_eq!(line["requests"], 30, "{line}");
        let at = |quantile: &str| line[quantile].as_f64().unwrap();
        assert!(0.0 < at("p50") && at("p50") <= at("p90") && at("p99") <= at("max"), "{line}");
    }
    assert_eq!(texts(&report["costs"], "what"), kinds);
    let costs = |field: &str| -> Vec<f64> {
        report["costs"].as_array().unwrap().iter().map(|cost| cost[field].as_f64().unwrap()).collect()
    };
    assert_eq!(costs("dynamodb_calls"), [2.0, 2.0, 3.0, 1.0, 0.0]);
    assert_eq!(costs("iam_decisions"), [0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(costs("callbacks"), [1.0, 1.0, 1.0, 0.0, 0.0]);
    assert!(costs("dynamodb_bytes")[0] > 2000.0);
    assert_eq!(report["starts"]["count"], 2);
    assert_eq!(report["goals"][0]["reached"], true, "{}", report["goals"]);

    let chart = std::fs::read_to_string(chart).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("wire floor"), "{chart}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn growth_report_has_constant_calls_per_size() {
    let growth = report(&["growth", "--keys", "1000", "--registrations", "10", "--requests", "20", "--json"]);
    let points = growth["points"].as_array().unwrap();
    let sizes: Vec<_> =
        points.iter().map(|point| format!("{} {}", point["count"], point["of"].as_str().unwrap())).collect();
    let services = ["1", "4", "16", "64"].map(|count| format!("{count} services of a key"));
    let rest = ["1 registrations of a key", "10 registrations of a key", "1000 keys in the table"];
    assert_eq!(sizes, [&services[..], &rest.map(str::to_owned)].concat());
    for point in points {
        // One write confirms up to 32 services.
        let calls = if point["count"] == 64 { 3.0 } else { 2.0 };
        assert_eq!(point["dynamodb_calls"].as_f64(), Some(calls), "{point}");
    }
}

#[test]
fn unreadable_limits_file_is_named() {
    let output = bench(&["check", "--limits", "no-such-file.json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("no-such-file.json"), "{stderr}");
}
