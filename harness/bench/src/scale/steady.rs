//! Syncs of different keys of one instance, for a minute.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    time::Duration,
};

use keysync::{
    domain::{InstanceId, KeyId},
    ledger::item::{DUE_SHARDS, due_shard, key_pk},
};

use super::{Options, Row, count, dollars, outage::millis};

const SECONDS: u64 = 60;
/// Write units of a claim and of a confirmation: 2 of the item, and 1 of the index each.
const ITEM_UNITS: u64 = 2;
const INDEX_UNITS: u64 = 1;
/// Write units per second of a partition
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>).
const PARTITION_LIMIT: u64 = 1000;

/// The load of each partition and shard, and of Lambda.
pub(super) fn rows(options: &Options, random: &mut fastrand::Rng) -> Vec<Row> {
    let Options { syncs_per_second, callback, write, .. } = options;
    let instance = instance(random);
    // As many as a warm table has for this load.
    let partitions = (syncs_per_second * 2 * ITEM_UNITS).div_ceil(PARTITION_LIMIT).next_power_of_two() * 2;
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut busiest = [0_u64; 2];
    let mut environments = BinaryHeap::new();
    let (mut most, took) = (0, millis(2 * *write + *callback));
    for second in 0..SECONDS {
        let mut of_partition = vec![0_u64; usize::try_from(partitions).unwrap_or(1)];
        let mut of_shard = vec![0_u64; usize::try_from(DUE_SHARDS).unwrap_or(1)];
        let mut arrivals: Vec<_> = (0..*syncs_per_second).map(|_| random.u64(..1000)).collect();
        arrivals.sort_unstable();
        for arrival in arrivals {
            let key = key(random);
            let partition = hasher.hash_one(key_pk(instance, key)) % partitions;
            add(&mut of_partition, u128::from(partition), 2 * ITEM_UNITS);
            add(&mut of_shard, due_shard(key), 2 * INDEX_UNITS);
            // A request takes a free environment, or a new one.
            let at = second * 1000 + arrival;
            if environments.peek().is_some_and(|Reverse(free)| *free <= at) {
                environments.pop();
            }
            environments.push(Reverse(at + took));
            most = most.max(environments.len());
        }
        for (all, of_second) in busiest.iter_mut().zip([&of_partition, &of_shard]) {
            *all = (*all).max(of_second.iter().copied().max().unwrap_or_default());
        }
    }
    let limit = Some(count(PARTITION_LIMIT));
    let row = |what: String, value: u64, limit| Row::new("syncs", what, count(value), limit);
    let units = 2 * (ITEM_UNITS + INDEX_UNITS);
    let million = 1_000_000;
    let busy = Duration::from_millis(took).saturating_mul(million);
    vec![
        row("write units per second".to_owned(), syncs_per_second * units, None),
        row(format!("write units per second, busiest of {partitions} partitions"), busiest[0], limit),
        row(format!("write units per second, busiest of {DUE_SHARDS} shards"), busiest[1], limit),
        row("environments of `sync`".to_owned(), super::outage::wide(most), None),
        Row::new(
            "syncs",
            "cost, US dollars per million syncs",
            dollars(units * u64::from(million), 0, u64::from(million), busy),
            None,
        ),
    ]
}

fn add(counts: &mut [u64], place: u128, units: u64) {
    if let Some(count) = usize::try_from(place).ok().and_then(|place| counts.get_mut(place)) {
        *count += units;
    }
}

/// A UUID of version 4, as instances and keys have.
fn uuid(random: &mut fastrand::Rng) -> String {
    let [time, middle, high, clock, node] = [32_u32, 16, 12, 12, 48].map(|bits| random.u64(..1 << bits));
    format!("{time:08x}-{middle:04x}-4{high:03x}-8{clock:03x}-{node:012x}")
}

fn instance(random: &mut fastrand::Rng) -> InstanceId {
    uuid(random).parse().expect("a UUID is an instance id")
}

fn key(random: &mut fastrand::Rng) -> KeyId {
    uuid(random).parse().expect("a UUID of version 4 is a key id")
}
