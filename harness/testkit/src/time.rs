//! Advances the clock. A function in this process uses the harness's clock, which can be advanced.
//! One in a separate process uses the machine's clock: there, all instants in the table are moved
//! back instead, so that the production binary needs no test hook.
//!
//! An instant that is written at the same time may or may not be moved: advance the clock while no
//! request is in progress.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use keysync::{domain::EpochMillis, ledger::item::Item};
use parking_lot::Mutex;

use crate::{HarnessClock, HarnessError};

/// Attributes that are instants, in epoch ms, at any depth of an item.
const INSTANTS: [&str; 11] = [
    "notified_at",
    "at",
    "first_at",
    "created_at",
    "due_at",
    "next_at",
    "purged_at",
    "changed_at",
    "updated_at",
    "expiration_at",
    "valid_until",
];

/// The way to advance the clock.
#[derive(Clone, Debug)]
pub(crate) enum ClockControl {
    /// Advance the clock itself.
    Clock(HarnessClock),
    /// Move back the instants in the table with this name.
    StoredInstants(Client, String, Moves),
}

/// By how much the clock was advanced, and when by a clock that does not show it. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Moves {
    clock: HarnessClock,
    made: Arc<Mutex<Vec<(EpochMillis, Duration)>>>,
}

impl Moves {
    pub(crate) fn new(clock: HarnessClock) -> Self {
        Self { clock, made: Arc::default() }
    }

    fn add(&self, by: Duration) {
        self.made.lock().push((self.clock.now(), by));
    }

    /// The sum of those after one instant and until another.
    fn between(&self, after: EpochMillis, until: EpochMillis) -> Duration {
        let made = self.made.lock();
        made.iter().filter(|(at, _)| after < *at && *at <= until).map(|(_, by)| *by).sum()
    }
}

impl ClockControl {
    pub(crate) async fn advance_clock(&self, by: Duration) -> Result<(), HarnessError> {
        match self {
            Self::Clock(clock) => clock.advance(by),
            Self::StoredInstants(client, table, moves) => {
                move_instants_back(client, table, by).await?;
                moves.add(by);
            }
        }
        Ok(())
    }

    /// The time from one instant of the journal to another, with what the clock was advanced by.
    pub(crate) fn between(&self, from: EpochMillis, to: EpochMillis) -> Duration {
        let shown = Duration::from_millis(to.get().saturating_sub(from.get()));
        match self {
            Self::Clock(_) => shown,
            Self::StoredInstants(_, _, moves) => shown + moves.between(from, to),
        }
    }
}

/// Moves every instant in `table` back by `by`. Returns the number of changed items.
async fn move_instants_back(client: &Client, table: &str, by: Duration) -> Result<usize, HarnessError> {
    let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    let items = pages.collect::<Result<Vec<_>, _>>().await.map_err(HarnessError::table)?;
    let mut moved = 0;
    for item in items {
        let earlier = moved_item(item.clone(), -millis(by));
        if earlier != item {
            client
                .put_item()
                .table_name(table)
                .set_item(Some(earlier))
                .send()
                .await
                .map_err(HarnessError::table)?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The item with every instant moved by `offset`, in ms.
pub(crate) fn moved_item(item: Item, offset: i128) -> Item {
    item.into_iter().map(|(name, value)| (name.clone(), moved(&name, value, offset))).collect()
}

fn moved(name: &str, value: AttributeValue, offset: i128) -> AttributeValue {
    match value {
        AttributeValue::M(map) => AttributeValue::M(moved_item(map, offset)),
        AttributeValue::L(list) => {
            AttributeValue::L(list.into_iter().map(|value| moved(name, value, offset)).collect())
        }
        AttributeValue::N(number) if INSTANTS.contains(&name) => {
            let millis = number.parse::<i128>().unwrap_or_default().saturating_add(offset);
            AttributeValue::N(millis.max(0).to_string())
        }
        other => other,
    }
}

fn millis(duration: Duration) -> i128 {
    i128::try_from(duration.as_millis()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn number(value: u64) -> AttributeValue {
        AttributeValue::N(value.to_string())
    }

    #[test]
    fn moves_all_instants_and_nothing_else() {
        let item = |at: u64| {
            HashMap::from([
                ("notified_at".to_owned(), number(at)),
                ("sequence".to_owned(), number(10_000)),
                ("event".to_owned(), AttributeValue::M(HashMap::from([("at".to_owned(), number(at))]))),
                (
                    "events".to_owned(),
                    AttributeValue::L(vec![
                        AttributeValue::M(HashMap::from([("at".to_owned(), number(at))])),
                        number(10_000),
                    ]),
                ),
            ])
        };
        assert_eq!(moved_item(item(10_000), -4_000), item(6_000));
        assert_eq!(moved_item(item(10_000), 4_000), item(14_000));
        assert_eq!(moved_item(item(10_000), -40_000), item(0));
    }
}
