//! Claims and responses.

use super::*;

#[test]
fn second_sync_within_an_hour_violates_g1() {
    let mut log = valid();
    log.sync(130 * MINUTE, "c-3", "delivered");
    log.assert_last_violates("G1", "another sync claimed 3598.000 s earlier");
    let mut log = Log::default();
    let rotation = claim(0);
    log.invocation(0, rotation).recorded(1);
    log.sync(30 * MINUTE, "c-1", "delivered");
    log.assert_last_violates("G1", "a lifecycle action claimed 1800.000 s earlier");
}

#[test]
fn action_and_sync_at_once_are_valid() {
    let mut log = Log::default();
    log.sync(1, "c-1", "delivered");
    // It read its clock before the sync, and was written after it.
    let action = claim(0);
    log.invocation(0, action).callback(3, STORAGE, 1, "delivered").recorded(3);
    log.assert_valid();
}

#[test]
fn claim_of_two_requests_violates_g1() {
    let mut log = Log::default();
    let claim = log.sync(0, "c-1", "delivered");
    log.invocation(2, claim).accepted(2, "c-2");
    log.assert_last_violates("G1", "two claimants");
}

#[test]
fn accepted_sync_without_claim_violates_g4() {
    let mut log = valid();
    log.response(140 * MINUTE, "c-3", "sync accepted", &json!({"outcome": "notified", "status": 204}));
    log.assert_last_violates("G4", "204 without a claim");
}

#[test]
fn replay_needs_claim_of_its_request() {
    let after = |at: u64, id: &str| {
        let mut log = valid();
        log.replayed(at, id);
        log
    };
    after(80 * MINUTE, "c-2").assert_valid();
    after(90 * MINUTE, "c-2").assert_last_violates("G4", "more than ten minutes");
    after(80 * MINUTE, "c-1").assert_last_violates("G4", "more than ten minutes");
    after(80 * MINUTE, "c-7").assert_last_violates("G4", "another request or action had closed");
    let mut replaced = Log::default();
    replaced.sync(0, "c-1", "delivered");
    let action = claim(MINUTE);
    replaced.invocation(MINUTE, action).recorded(MINUTE);
    replaced.replayed(2 * MINUTE, "c-1");
    replaced.assert_last_violates("G4", "a newer notification had replaced");
    let mut unknown = Log::default();
    unknown.replayed(0, "c-1");
    unknown.assert_valid();
    assert!(serde_json::to_string(&unknown.report()).unwrap().contains("no claim of this request"));
}

#[test]
fn too_early_names_end_of_latest_window() {
    let mut open = valid();
    open.too_early(130 * MINUTE, 129 * MINUTE);
    open.assert_last_violates("G3", "although the window was open");
    let mut back = valid();
    back.too_early(11 * MINUTE, HOUR + 1);
    back.assert_last_violates("G8", "went back");
    let mut unexplained = valid();
    unexplained.too_early(160 * MINUTE, 210 * MINUTE);
    unexplained.assert_valid();
    assert!(serde_json::to_string(&unexplained.report()).unwrap().contains("no claim an hour before"));
}
