//! What a request costs others: calls, bytes, callbacks. Counted, and so the same in every run.

use super::{
    BenchError,
    keys::BenchKey,
    mix::{ALL, Mix},
    report::{Cost, each},
    stage::Stage,
};
use keysync_dynamodb_emulator::Call;

/// How many requests of each kind calls are counted over.
const REQUESTS: usize = 20;

/// Those of each kind of request, and the calls to `DynamoDB` of the 204s, which begin with the first of `keys`.
pub(super) async fn of_each(
    stage: &Stage,
    keys: &[BenchKey],
    token: &str,
) -> Result<(Vec<Cost>, Vec<Call>), BenchError> {
    let (function, keys) = (stage.counted_sync().await?, &keys[..REQUESTS]);
    let (mut costs, mut calls_of_a_204) = (Vec::new(), Vec::new());
    // So that connections are there, and decisions.
    for mix in [Mix::Notified, Mix::ByAlias] {
        mix.measure(stage, &function, keys, token, (REQUESTS, 1)).await?;
    }
    for mix in ALL {
        drop(stage.proxy().take_calls());
        let (decisions, callbacks) = (stage.decisions(), stage.receiver().count());
        mix.measure(stage, &function, keys, token, (REQUESTS, 1)).await?;
        let calls = stage.proxy().take_calls();
        let bytes: usize = calls.iter().map(|call| call.request.len() + call.answer_bytes).sum();
        costs.push(Cost {
            what: mix.to_string(),
            dynamodb_calls: of_one(calls.len()),
            dynamodb_bytes: of_one(bytes),
            iam_decisions: of_one(stage.decisions() - decisions),
            callbacks: of_one(usize::try_from(stage.receiver().count() - callbacks).unwrap_or(0)),
        });
        if mix == Mix::Notified {
            calls_of_a_204 = calls;
        }
    }
    Ok((costs, calls_of_a_204))
}

fn of_one(count: usize) -> f64 {
    let all = if count == 0 { 0.0 } else { each(u64::try_from(count).unwrap_or(u64::MAX)) };
    all / each(u64::try_from(REQUESTS).unwrap_or(u64::MAX))
}
