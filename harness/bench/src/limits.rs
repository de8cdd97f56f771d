//! What must not get worse, and does not depend on the day: `harness bench check`.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    BenchError, costs, instructions,
    keys::BenchKey,
    progress,
    stage::{Stage, services},
};

/// The most that each thing may be, as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Of the binary.
    bytes: u64,
    /// By kind of request.
    requests: BTreeMap<String, OfARequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfARequest {
    dynamodb_calls: f64,
    dynamodb_bytes: f64,
    instructions: f64,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// One thing each.
    pub things: Vec<Thing>,
}

/// A thing that must not get worse.
#[derive(Clone, Debug, Serialize)]
pub struct Thing {
    /// What it is.
    pub what: String,
    /// How much it is.
    pub measured: f64,
    /// How much it may be.
    pub limit: f64,
}

impl Thing {
    /// Whether it is within its limit.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.measured <= self.limit
    }
}

impl Checked {
    /// Whether nothing has got worse.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.things.iter().all(Thing::is_good)
    }
}

/// Measures what does not depend on the day, and holds it against the limits in `path`. Needs valgrind.
pub async fn check(path: &Path) -> Result<Checked, BenchError> {
    let limits = Limits::read(path)?;
    let stage = Stage::set().await?;
    let progress = progress::bar(2, "counting calls");
    let keys: Vec<_> = (0..100).map(|_| BenchKey::new(&services()[..1])).collect();
    stage.table().put_keys(&keys, |_| {}).await?;
    let (costs, _) = costs::of_each(&stage, &keys, &stage.token().await?).await?;
    progress.finish_and_clear();
    let instructions = instructions::of_each(&stage).await?;

    let binary = stage.binaries.sync.metadata().map_err(BenchError::Build)?.len();
    let mut things =
        vec![thing("binary", "bytes", super::report::each(binary), super::report::each(limits.bytes))];
    for (cost, (_, instructions)) in costs.iter().zip(instructions) {
        let Some(limit) = limits.requests.get(&cost.what) else {
            let reason = format!("no limits for `{}`", cost.what);
            return Err(BenchError::Limits { path: path.to_owned(), reason });
        };
        things.push(thing(&cost.what, "DynamoDB calls", cost.dynamodb_calls, limit.dynamodb_calls));
        things.push(thing(&cost.what, "DynamoDB bytes", cost.dynamodb_bytes, limit.dynamodb_bytes));
        let instructions = super::report::each(instructions);
        things.push(thing(&cost.what, "instructions", instructions, limit.instructions));
    }
    Ok(Checked { things })
}

fn thing(of: &str, what: &str, measured: f64, limit: f64) -> Thing {
    Thing { what: format!("{of}: {what}"), measured, limit }
}

impl Limits {
    fn read(path: &Path) -> Result<Self, BenchError> {
        let failed = |reason: String| BenchError::Limits { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::table::checked(f, &self.things)
    }
}
