//! Digests of keys: 40 bytes for each key, by which the two sides are compared without holding
//! either of them in memory.
//!
//! A key's digest at the endpoint minus that in the table is zero if both are equal. Sums do not
//! depend on the order in which registrations are read. Two different keys have the same digest
//! with a probability of 2^-64.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
};

use keysync::{
    domain::{KeyFacts, KeyId, ResourceCrn},
    ledger::StoredKey,
};

/// The digests of all keys on one side, or of their differences.
#[derive(Default)]
pub(super) struct Digests {
    by_key: HashMap<KeyId, Digest>,
    /// With a random seed, so that no attacker can construct keys with the same digest.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest {
    facts: u64,
    registrations: u64,
    services: u64,
}

/// The side on which something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Endpoint,
    Table,
}

impl Digests {
    /// Adds the description of a key, as the endpoint has it.
    pub(super) fn add_key(&mut self, facts: &KeyFacts) {
        self.key(Side::Endpoint, facts.crn.key, &Self::text(facts));
    }

    /// Adds a key of the table, with its number of registrations by service.
    pub(super) fn add_stored(&mut self, stored: &StoredKey) {
        let record = &stored.record;
        let facts = KeyFacts {
            crn: record.crn.clone(),
            key_type: record.key_type,
            state: record.state,
            ring: record.ring.clone(),
            version: record.version.clone(),
        };
        self.key(Side::Table, facts.crn.key, &Self::text(&facts));
        for (service, count) in &stored.services {
            let hash = self.hash(service).wrapping_mul(*count);
            let digest = self.by_key.entry(facts.crn.key).or_default();
            digest.services = digest.services.wrapping_sub(hash);
        }
    }

    /// Adds a registration.
    pub(super) fn add_registration(&mut self, side: Side, key: KeyId, resource: &ResourceCrn) {
        let (hash, service) = (self.hash(resource), self.hash(resource.service()));
        let digest = self.by_key.entry(key).or_default();
        match side {
            Side::Endpoint => {
                digest.registrations = digest.registrations.wrapping_add(hash);
                digest.services = digest.services.wrapping_add(service);
            }
            Side::Table => digest.registrations = digest.registrations.wrapping_sub(hash),
        }
    }

    /// The number of keys on either side.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The keys that differ between the sides.
    pub(super) fn differing(&self) -> impl Iterator<Item = KeyId> {
        self.by_key.iter().filter(|(_, digest)| **digest != Digest::default()).map(|(key, _)| *key)
    }

    fn key(&mut self, side: Side, key: KeyId, text: &str) {
        let hash = self.hash(text);
        let digest = self.by_key.entry(key).or_default();
        digest.facts = match side {
            Side::Endpoint => digest.facts.wrapping_add(hash),
            Side::Table => digest.facts.wrapping_sub(hash),
        };
    }

    /// What is compared of a key. The instant of the version is not: the API rounds it.
    fn text(KeyFacts { crn, key_type, state, ring, version }: &KeyFacts) -> String {
        format!("{crn} {key_type:?} {state:?} {ring} {}", version.id)
    }

    fn hash(&self, value: &(impl Hash + ?Sized)) -> u64 {
        self.hasher.hash_one(value)
    }
}
