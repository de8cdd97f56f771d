//! The differences of one key between the table and the endpoint, by name.

use std::collections::{BTreeMap, BTreeSet};

use keysync::{
    domain::{KeyFacts, ResourceCrn, ServiceName},
    ledger::StoredPartition,
};
use serde::Serialize;

use crate::table::KeyRef;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) key: KeyRef,
    pub(super) what: String,
    /// The value on each side; `None` if it is missing there.
    pub(super) table: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// A key at the endpoint.
#[derive(Clone, Debug)]
pub(super) struct AtEndpoint {
    /// `None` if the endpoint does not know the key.
    pub(super) facts: Option<KeyFacts>,
    pub(super) registrations: BTreeSet<ResourceCrn>,
}

/// Compares a key. A purged key counts as absent in the table.
pub(super) fn differences(key: KeyRef, table: &StoredPartition, endpoint: &AtEndpoint) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differs = |what: String, table: Option<String>, endpoint: Option<String>| {
        if table != endpoint {
            found.push(Difference { key, what, table, endpoint });
        }
    };
    let present = || Some("present".to_owned());
    let stored = table.key.as_ref().filter(|stored| stored.record.purged_at.is_none());
    let (stored, facts) = match (stored, &endpoint.facts) {
        (Some(stored), Some(facts)) => (stored, facts),
        (stored, facts) => {
            differs("key".to_owned(), stored.and(present()), facts.as_ref().and(present()));
            return found;
        }
    };
    let record = &stored.record;
    let number = |state| u8::from(state).to_string();
    differs("CRN".to_owned(), Some(record.crn.to_string()), Some(facts.crn.to_string()));
    differs("type".to_owned(), Some(format!("{:?}", record.key_type)), Some(format!("{:?}", facts.key_type)));
    differs("state".to_owned(), Some(number(record.state)), Some(number(facts.state)));
    differs("key ring".to_owned(), Some(record.ring.to_string()), Some(facts.ring.to_string()));
    differs("version".to_owned(), Some(record.version.id.clone()), Some(facts.version.id.clone()));
    for resource in table.registrations.symmetric_difference(&endpoint.registrations) {
        let in_table = table.registrations.contains(resource);
        let (table, endpoint) = if in_table { (present(), None) } else { (None, present()) };
        differs(format!("registration {resource}"), table, endpoint);
    }
    let mut counts: BTreeMap<&ServiceName, u64> = BTreeMap::new();
    for resource in &table.registrations {
        *counts.entry(resource.service()).or_default() += 1;
    }
    let services: BTreeSet<&ServiceName> = counts.keys().copied().chain(stored.services.keys()).collect();
    for service in services {
        let (stored, counted) = (stored.services.get(service), counts.get(service));
        if stored != counted {
            // Not a difference to the endpoint, but within the table.
            let shown = |count: Option<&u64>| Some(count.copied().unwrap_or_default().to_string());
            differs(format!("number of registrations of {service}"), shown(stored), shown(counted));
        }
    }
    found
}
