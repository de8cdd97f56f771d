//! Calls, bytes and callbacks per request. They are counted, and therefore the same in every run.

use super::{
    BenchError,
    keys::BenchKey,
    mix::{ALL, Mix},
    report::{Cost, each},
    stage::Stage,
};
use keysync_dynamodb_emulator::Call;

/// Number of requests of each kind that calls are counted over.
const REQUESTS: usize = 20;

/// Costs per request kind, and the calls to `DynamoDB` of the 204s, which begin with the first of
/// `keys`.
pub(super) async fn measure(
    stage: &Stage,
    keys: &[BenchKey],
    token: &str,
) -> Result<(Vec<Cost>, Vec<Call>), BenchError> {
    let (function, keys) = (stage.counted_sync().await?, &keys[..REQUESTS]);
    let (mut costs, mut calls_of_a_204) = (Vec::new(), Vec::new());
    // Warm up: open connections and cache decisions.
    for mix in [Mix::Notified, Mix::ByAlias] {
        mix.measure(stage, &function, keys, token, (REQUESTS, 1)).await?;
    }
    for mix in ALL {
        drop(stage.proxy().take_calls());
        let (decisions, callbacks) = (stage.decisions(), stage.receiver().count());
        mix.measure(stage, &function, keys, token, (REQUESTS, 1)).await?;
        let calls = stage.proxy().take_calls();
        let bytes: usize = calls.iter().map(|call| call.request.len() + call.response_bytes).sum();
        costs.push(Cost {
            what: mix.to_string(),
            dynamodb_calls: per_request(calls.len()),
            dynamodb_bytes: per_request(bytes),
            iam_decisions: per_request(stage.decisions() - decisions),
            callbacks: per_request(usize::try_from(stage.receiver().count() - callbacks).unwrap_or(0)),
        });
        if mix == Mix::Notified {
            calls_of_a_204 = calls;
        }
    }
    Ok((costs, calls_of_a_204))
}

fn per_request(count: usize) -> f64 {
    let all = if count == 0 { 0.0 } else { each(u64::try_from(count).unwrap_or(u64::MAX)) };
    all / each(u64::try_from(REQUESTS).unwrap_or(u64::MAX))
}
