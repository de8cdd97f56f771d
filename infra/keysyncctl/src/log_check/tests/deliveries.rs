//! Deliveries and their ends.

use super::*;

#[test]
fn delivery_without_claim_violates_g4() {
    let mut log = Log::default();
    let claimed = log.sync(0, "c-1", "delivered");
    log.invocation(60, claimed).callback(60, STORAGE, 2, "delivered");
    let line: Value = serde_json::from_str(&log.0.pop().unwrap()).unwrap();
    let with_claim = |claim: Value| {
        let mut log = log.clone();
        let mut line = line.clone();
        line["claim"] = claim;
        log.line(&line);
        log
    };
    with_claim(Value::Null).assert_last_violates("G4", "without a claim");
    with_claim(json!(claim(5).to_string())).assert_last_violates("G4", "was sent for claim");
    let mut early = Log::default();
    let later = claim(50);
    early.invocation(0, later).callback(10, STORAGE, 1, "delivered");
    early.assert_last_violates("G4", "before it was claimed");
}

#[test]
fn delivery_of_replaced_notification_violates_g5() {
    let mut log = Log::default();
    let old = log.sync(0, "c-1", "failed");
    let action = claim(5 * MINUTE);
    log.invocation(5 * MINUTE, action).callback(5 * MINUTE, STORAGE, 1, "failed").recorded(5 * MINUTE);
    let mut late = log.clone();
    // A run that began before the action may still deliver what it has leased.
    late.invocation(5 * MINUTE - 9, old)
        .callback(5 * MINUTE + 9, STORAGE, 2, "failed")
        .redelivered(5 * MINUTE + 9);
    late.assert_valid();
    log.redeliver(6 * MINUTE, old, 2, "delivered");
    log.assert_last_violates("G5", "a newer notification had replaced it");
}

#[test]
fn settled_delivery_attempted_again_violates_g7() {
    for outcome in ["delivered", "refused"] {
        let mut log = Log::default();
        let claim = log.sync(0, "c-1", outcome);
        log.redeliver(MINUTE, claim, 2, "delivered");
        log.assert_last_violates("G7", "attempted again");
    }
    let mut unconfirmed = Log::default();
    let claim = claim(0);
    unconfirmed.invocation(0, claim).callback(0, STORAGE, 1, "delivered").rejected(1).accepted(1, "c-1");
    unconfirmed.redeliver(MINUTE, claim, 1, "delivered");
    unconfirmed.assert_valid();
}

#[test]
fn replay_by_operator_permits_settled_delivery() {
    let mut log = Log::default();
    let claim = log.sync(0, "c-1", "delivered");
    log.redeliver(MINUTE, claim, 1, "delivered");
    assert!(!log.report().violations.is_empty());
    log.line(&json!({
        "audit": true, "eventTime": timestamp(50), "action": "hs-crypto.secrets-event.replay", "outcome": "success",
        "target": {"id": format!("crn:v1:bluemix:public:hs-crypto:us-south:a/abc:{INSTANCE}:key:{KEY}")},
        "requestData": {"services": [STORAGE], "reason": "x"}, "responseData": {"claimId": claim.to_string()},
    }));
    log.assert_valid();
}

#[test]
fn forgotten_attempt_violates_g5() {
    let mut log = Log::default();
    let claim = log.sync(0, "c-1", "failed");
    log.redeliver(MINUTE, claim, 1, "failed");
    log.assert_last_violates("G5", "is forgotten");
}

#[test]
fn attempt_of_two_invocations_violates_g1_or_g5() {
    let overlapping = |confirmed: bool| {
        let mut log = Log::default();
        let claim = log.sync(0, "c-1", "failed");
        let second = log.invocation(100, claim).callback(110, STORAGE, 2, "failed");
        let second = if confirmed { second } else { second.rejected(120) };
        second.redelivered(120);
        log.invocation(105, claim).callback(106, STORAGE, 2, "failed").redelivered(130);
        log
    };
    for (confirmed, guarantee, message) in
        [(true, "G5", "one had lost its lease"), (false, "G1", "held its lease at the same time")]
    {
        let found = serde_json::to_string(&overlapping(confirmed).report().violations).unwrap();
        assert!(found.contains(guarantee) && found.contains(message), "{found}");
    }
}

#[test]
fn retries_end_after_a_day_and_not_earlier() {
    let day = 24 * HOUR;
    let exhausted_at = |at: u64| {
        let mut log = Log::default();
        let claim = log.sync(0, "c-1", "failed");
        log.invocation(at, claim)
            .callback(at, STORAGE, 2, "failed")
            .reported(at, "exhausted")
            .redelivered(at);
        log
    };
    exhausted_at(day).assert_valid();
    exhausted_at(day - 2).assert_last_violates("G2", "retries end 86398.000 s after the claim");
    let mut endless = Log::default();
    let claim = endless.sync(0, "c-1", "failed");
    endless.redeliver(day + 10, claim, 2, "failed");
    endless.assert_last_violates("G7", "retries go on");
    let paused = json!({"timestamp": timestamp(HOUR), "message": "service is paused", "service": STORAGE});
    endless.line(&paused);
    endless.assert_valid();
}

#[test]
fn overdue_needs_deadline_and_is_found_once() {
    let checked = 4 * HOUR + 5 * MINUTE;
    let found_at = |instants: &[u64]| {
        let mut log = Log::default();
        let claim = log.sync(0, "c-1", "delivered");
        for at in instants {
            log.invocation(*at, claim).reported(*at, "overdue").redelivered(*at);
        }
        log
    };
    found_at(&[checked]).assert_valid();
    found_at(&[checked - 2]).assert_last_violates("G9", "it is overdue");
    found_at(&[checked, checked + 60]).assert_last_violates("G9", "overdue again");
    let mut crashed = Log::default();
    let claim = crashed.sync(0, "c-1", "delivered");
    crashed.invocation(checked, claim).reported(checked, "overdue");
    crashed.invocation(checked + 60, claim).reported(checked + 60, "overdue").redelivered(checked + 60);
    crashed.assert_valid();
}

#[test]
fn notification_without_end_violates_g2() {
    let mut log = Log::default();
    let silent = log.sync(0, "c-1", "failed");
    let other = claim(25 * HOUR);
    log.invocation(25 * HOUR, other).redelivered(25 * HOUR);
    let found = serde_json::to_string(&log.report().violations).unwrap();
    assert!(found.contains("G2") && found.contains("neither delivered"), "{found}");
    log.invocation(24 * HOUR, silent).reported(24 * HOUR, "exhausted").redelivered(24 * HOUR);
    log.assert_valid();
}

#[test]
fn invocation_repeated_by_lambda_keeps_its_begin() {
    let mut log = Log::default();
    let old = log.sync(0, "c-1", "failed");
    log.redeliver(4 * MINUTE, old, 2, "failed");
    let action = claim(5 * MINUTE);
    log.invocation(5 * MINUTE, action).callback(5 * MINUTE, STORAGE, 1, "failed").recorded(5 * MINUTE);
    log.redeliver(6 * MINUTE, action, 2, "delivered");
    for line in &mut log.0 {
        let mut fields: Value = serde_json::from_str(line).unwrap();
        if ["-240", "-360"].iter().any(|began| fields["requestId"].as_str().unwrap().ends_with(began)) {
            fields["requestId"] = json!("repeated");
        }
        *line = fields.to_string();
    }
    log.assert_valid();
}
