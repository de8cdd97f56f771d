//! Work for `lifecycle` and `redeliver`, to count what an event and a redelivery take.

use std::path::{Path, PathBuf};

use keysync::domain::{ClaimId, EpochMillis};
use keysync_lambda_emulator::ProcessFunction;
use serde_json::{Value, json};

use super::{
    BenchError, binaries,
    keys::{BenchKey, Table},
    stage::{Stage, services},
};

/// The first instant of an action.
const FIRST_ACTION: u64 = 1_791_000_000_000;

/// A function that is not behind the function URL.
#[derive(Clone, Copy, Debug)]
pub(super) enum Worker {
    Lifecycle,
    Redeliver,
}

/// The binaries of these functions, and a key.
pub(super) struct Workers {
    lifecycle: PathBuf,
    redeliver: PathBuf,
    table: Table,
    key: BenchKey,
    /// The number of events so far, because their instants must increase.
    events: std::cell::Cell<u64>,
}

impl Workers {
    pub(super) async fn new(stage: &Stage) -> Result<Self, BenchError> {
        let [lifecycle, redeliver] = binaries::find(["lifecycle", "redeliver"]).await?;
        let (table, key) = (stage.table(), BenchKey::new(&services()[..1]));
        table.put_keys(std::slice::from_ref(&key), |_| {}).await?;
        Ok(Self { lifecycle, redeliver, table, key, events: std::cell::Cell::default() })
    }

    pub(super) fn binary(&self, worker: Worker) -> &Path {
        match worker {
            Worker::Lifecycle => &self.lifecycle,
            Worker::Redeliver => &self.redeliver,
        }
    }

    /// Processes that many events, one per batch, or redelivers that many notifications in one run.
    pub(super) async fn work(
        &self,
        worker: Worker,
        function: &ProcessFunction,
        units: usize,
    ) -> Result<(), BenchError> {
        match worker {
            Worker::Lifecycle => {
                for _ in 0..units {
                    let result = function.invoke(&self.batch()).await.ok_or(BenchError::Failed)?;
                    expect(&result["batchItemFailures"], &json!([]))?;
                }
            }
            Worker::Redeliver => {
                let keys: Vec<_> = (0..units).map(|_| BenchKey::new(&services()[..1])).collect();
                self.table.put_pending(&keys, ClaimId::unique()).await?;
                let result = function.invoke(&json!({})).await.ok_or(BenchError::Failed)?;
                expect(&result["delivered"], &json!(units))?;
            }
        }
        Ok(())
    }

    /// A batch of one event: a rotation of the key.
    fn batch(&self) -> Value {
        let count = self.events.replace(self.events.get() + 1);
        let at = EpochMillis::new(FIRST_ACTION + count).to_string();
        let event = json!({
            "detail-type": "kms.secrets.rotate",
            "detail": {
                "schemaVersion": 1, "keyCrn": self.table.crn(&self.key), "occurredAt": at, "keyType": "root",
                "keyState": 1, "keyVersion": {"id": self.key.id, "creationDate": at},
            },
        });
        json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": event.to_string()}]})
    }
}

fn expect(found: &Value, expected: &Value) -> Result<(), BenchError> {
    if found == expected {
        return Ok(());
    }
    Err(BenchError::Work { expected: expected.to_string(), got: found.to_string() })
}
