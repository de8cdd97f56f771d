//! Regions: one, or two with a replica of the table in each (DynamoDB global tables).
//!
//! With two regions, the first instance of each function runs in one and the second in the other.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use keysync_dynamodb_emulator::{EmbeddedTable, TABLE};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    item::Item,
    plan::{OUTSIDE, Plan},
    table::{self, Table},
    world::World,
};

/// The number of replicas with eventual consistency.
pub(crate) const REPLICAS: usize = 2;
/// The engine executes the calls of each round whose seed is a multiple of this, too. It has no
/// factor in common with those that decide what kind of round it is.
pub(crate) const COMPARED: u64 = 1001;

/// Where the functions run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Regions {
    /// In one region.
    #[default]
    One,
    /// In two, with multi-Region strong consistency: every read and condition sees all earlier
    /// writes, and a write that meets another one is rejected.
    Strong,
    /// In two, with eventual consistency: a region reads and writes its own replica, and the later
    /// of two writes to an item replaces the earlier one as a whole.
    Eventual,
}

impl FromStr for Regions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "one" => Ok(Self::One),
            "strong" => Ok(Self::Strong),
            "eventual" => Ok(Self::Eventual),
            _ => Err(format!("the regions must be `one`, `strong` or `eventual`: got `{text}`")),
        }
    }
}

/// The table, or its replicas.
#[derive(Clone, Debug)]
pub(crate) struct Tables(Arc<Vec<Mutex<Replica>>>);

#[derive(Debug, Default)]
struct Replica {
    table: Table,
    /// The engine, in rounds in which it executes each call, too.
    engine: Option<EmbeddedTable>,
    /// The number of those calls.
    compared: u64,
    /// How its responses differ from the table's, and calls that the table does not know.
    differences: Vec<String>,
}

impl Tables {
    /// New, empty tables.
    pub(crate) fn new(regions: Regions) -> Self {
        let replicas = if regions == Regions::Eventual { REPLICAS } else { 1 };
        Self(Arc::new((0..replicas).map(|_| Mutex::default()).collect()))
    }

    /// Begins a round with empty tables.
    pub(crate) fn begin(&self, plan: &Plan) {
        let is_compared = plan.seed.is_multiple_of(COMPARED);
        for replica in &*self.0 {
            let mut replica = replica.lock();
            replica.table.clear();
            replica.engine = is_compared.then(|| EmbeddedTable::in_memory().expect("a table"));
            replica.compared = 0;
            replica.differences.clear();
        }
    }

    /// The status and the body of the response of a replica to a call.
    pub(crate) fn call(&self, replica: usize, operation: &str, body: &[u8]) -> (u16, String) {
        let mut replica = self.0[replica].lock();
        let replica = &mut *replica;
        let response = replica.table.call(operation, body);
        if let (Some(engine), Ok((status, response))) = (&replica.engine, &response) {
            replica.compared += 1;
            let expected = engine.call(operation, body);
            let expected = table::comparable(expected.0.as_u16(), &expected.1);
            let response = table::comparable(*status, response);
            if expected != response {
                let request = String::from_utf8_lossy(body);
                let difference = format!("{operation} {request}: {response:?} instead of {expected:?}");
                replica.differences.push(difference);
            }
        }
        response.unwrap_or_else(|unknown| {
            replica.differences.push(unknown);
            (500, String::new())
        })
    }

    /// The number of calls of the round that the engine executed, too.
    pub(crate) fn compared(&self) -> u64 {
        self.0.iter().map(|replica| replica.lock().compared).sum()
    }

    /// What the table did otherwise than the engine, or does not know.
    pub(crate) fn take_differences(&self) -> Vec<String> {
        self.0.iter().flat_map(|replica| std::mem::take(&mut replica.lock().differences)).collect()
    }

    /// A key's item in a replica.
    pub(crate) fn stored(&self, replica: usize, pk: &str) -> Option<Item> {
        let replica = self.0[replica].lock();
        replica.table.item(&(pk.to_owned(), "key".to_owned())).map(Item::of)
    }

    /// Writes an item to all replicas.
    pub(crate) fn put(&self, item: &Value) {
        for replica in 0..self.0.len() {
            self.put_into(replica, item);
        }
    }

    fn put_into(&self, replica: usize, item: &Value) {
        let request = json!({"TableName": TABLE, "Item": item}).to_string();
        let (status, response) = self.call(replica, "PutItem", request.as_bytes());
        assert!(status == 200, "{response}");
    }

    /// The items of a partition.
    fn items(&self, replica: usize, pk: &str) -> Vec<Value> {
        let query = json!({
            "TableName": TABLE, "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        });
        let (_, response) = self.call(replica, "Query", query.to_string().as_bytes());
        let mut response: Value = serde_json::from_str(&response).expect("JSON of the table");
        response["Items"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// What each replica has, and what is on its way to the other one.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    known: [HashMap<(String, String), Version>; REPLICAS],
    writes: u64,
    pub(crate) under_way: usize,
}

/// An item after a write. The later one wins; of two at the same time, the one that was made later.
#[derive(Clone, Debug)]
struct Version {
    item: Value,
    written: (u64, u64),
}

/// Sends each item that a write in one region changed to the other one.
pub(crate) fn replicate(world: &Arc<World>, from: usize) {
    if world.plan.regions != Regions::Eventual {
        return;
    }
    let pks: Vec<_> = world.state().keys.iter().map(|key| key.pk.clone()).collect();
    // In the order of their keys, so that a round repeats.
    let items: BTreeMap<_, _> =
        pks.iter().flat_map(|pk| world.tables.items(from, pk)).map(with_key).collect();
    for (key, item) in items {
        let now = world.now();
        let mut state = world.state();
        let replication = &mut state.replication;
        if replication.known[from].get(&key).is_some_and(|known| known.item == item) {
            continue;
        }
        replication.writes += 1;
        replication.under_way += 1;
        let number = replication.writes;
        let version = Version { item, written: (now, number) };
        replication.known[from].insert(key.clone(), version.clone());
        let is_calm = state.calm;
        drop(state);
        let mut rng = world.plan.rng(OUTSIDE - 1, number);
        // Usually within a second; longer while the regions are cut off from each other.
        let wait = if is_calm || rng.u8(..8) > 0 { rng.u64(50..1500) } else { rng.u64(1500..600_000) };
        let world = world.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(wait)).await;
            arrive(&world, (from + 1) % REPLICAS, key, version);
        });
    }
}

fn with_key(item: Value) -> ((String, String), Value) {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    ((text("pk"), text("sk")), item)
}

fn arrive(world: &World, to: usize, key: (String, String), version: Version) {
    let mut state = world.state();
    state.replication.under_way -= 1;
    let known = state.replication.known[to].get(&key);
    if known.is_some_and(|known| known.written > version.written) {
        return;
    }
    let is_other = known.is_none_or(|known| known.item != version.item);
    let number = state.keys.iter().position(|of| of.pk == key.0).filter(|_| key.1 == "key");
    let (item, pk) = (version.item.clone(), key.0.clone());
    state.replication.known[to].insert(key, version);
    drop(state);
    world.tables.put_into(to, &item);
    if let Some(number) = number {
        let stored = world.tables.stored(to, &pk);
        let summary = stored.as_ref().map(Item::summary).unwrap_or_default();
        world.state().keys[number].items[to] = stored;
        if is_other {
            world.note(&format!("  k{number} replicated to region {to}: {summary}"));
        }
    }
}
