//! What is known about a key: its claims, who holds its lease, and what its services reported.

use std::collections::{BTreeMap, BTreeSet};

use keysync::domain::KeyCrn;

use crate::{item::Item, regions::REPLICAS};

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) crn: KeyCrn,
    pub(crate) pk: String,
    /// The item as it is stored, in each replica.
    pub(crate) items: [Option<Item>; REPLICAS],
    /// The claims so far.
    pub(crate) claims: Vec<Claim>,
    pub(crate) holder: Holder,
    /// The instant of the newest published action, and the state after it.
    pub(crate) newest: (u64, u8),
    pub(crate) purge_published: bool,
    pub(crate) acknowledgements: Vec<MadeAcknowledgement>,
    /// The services whose last registration ended, and when.
    pub(crate) deregistered: BTreeMap<String, u64>,
    /// The newest published event of each resource, as (service, resource).
    pub(crate) registrations: BTreeMap<(usize, usize), (u64, bool)>,
}

impl Key {
    /// A key that is not in the table yet.
    pub(crate) fn new(crn: KeyCrn, pk: String) -> Self {
        Self {
            crn,
            pk,
            items: Default::default(),
            claims: Vec::new(),
            holder: Holder::default(),
            newest: (0, 1),
            purge_published: false,
            acknowledgements: Vec::new(),
            deregistered: BTreeMap::new(),
            registrations: BTreeMap::new(),
        }
    }

    /// The item, in the first region once all writes are replicated.
    pub(crate) fn item(&self) -> Option<&Item> {
        self.items[0].as_ref()
    }
}

/// The invocation that holds the lease.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holder {
    pub(crate) invocation: u64,
    /// When the invocation has ended for certain, by the clock of its instance, in epoch ms.
    pub(crate) ends: u64,
    /// Whether it confirmed.
    pub(crate) is_done: bool,
}

/// A claim: the write that closed the window.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) invocation: u64,
    pub(crate) sequence: u64,
    /// The instant at which its invocation read its clock, by true time; earlier if unknown.
    pub(crate) at: u64,
    /// The instant at which it was written.
    pub(crate) written: u64,
    pub(crate) correlation: Option<(String, String)>,
    /// The services that were to be notified.
    pub(crate) services: Vec<String>,
    /// The services whose last registration ended since.
    pub(crate) excused: BTreeSet<String>,
    pub(crate) is_confirmed: bool,
}

/// An acknowledgement, as its service made it.
#[derive(Clone, Debug)]
pub(crate) struct MadeAcknowledgement {
    pub(crate) service: usize,
    /// The resource that it names.
    pub(crate) resource: Option<usize>,
    /// The number of the notification.
    pub(crate) sequence: u64,
    /// Whether the service says that the key is disabled.
    pub(crate) is_disabled: bool,
    /// The true time.
    pub(crate) at: u64,
    /// The published event.
    pub(crate) event: String,
    /// When it was processed first.
    pub(crate) processed: Option<u64>,
    /// When it was processed last: by a function whose clock is behind, it may have been invalid.
    pub(crate) processed_last: Option<u64>,
}
