//! What differs between the model's state and the real one.

use std::fmt::Debug;

use keysync_model::{
    protocol::Protocol,
    state::{Item, ProcessId, State, Step},
};

use crate::{
    mapping::{NAMES, members, plain, to_model},
    system::System,
};

impl System {
    /// The item as the model has it.
    fn model_item(&self, model: &Protocol) -> Item {
        let holder = |lease: &str| {
            ProcessId::all()
                .find(|pid| self.processes[pid.index()].leases().any(|own| own.to_string() == lease))
        };
        to_model(&plain(&self.item), self.scale, self.now, &model.bounds, holder)
    }

    /// A member of the first service whose state is not the same.
    fn different_member(&self) -> Option<String> {
        let item = plain(&self.item);
        let state = |name: &str| {
            let is_in = |map: &str| item[map].get(name).is_some();
            (is_in("pending"), is_in("retries"), item["outcome"][name]["status"].clone())
        };
        members(0, self.members).find(|name| state(name) != state(NAMES[0]))
    }

    /// What differs from the model's state.
    pub(crate) fn difference(&self, state: &State, model: &Protocol) -> Option<String> {
        let (expected, found) = (state.items[0], self.model_item(model));
        if expected != found {
            return Some(different_attributes(&expected, &found));
        }
        if let Some(member) = self.different_member() {
            return Some(format!("{member} differs from {}", NAMES[0]));
        }
        let received = self.received.map(|received| received.map_or(0, |sequence| sequence.0));
        let expected = state.receivers[0].map(|receiver| u64::from(receiver.last_sequence));
        if received != expected {
            return Some(format!("the services have {received:?}, in the model {expected:?}"));
        }
        let lost = |pid: &ProcessId| {
            let step = state.process(*pid).step;
            matches!(step, Step::Delivering | Step::Delivered)
                && self.processes[pid.index()].notification.is_none()
        };
        ProcessId::all().find(lost).map(|pid| format!("{pid:?} has no notification"))
    }
}

/// The attributes that differ between the model's item and the table's.
fn different_attributes(model: &Item, table: &Item) -> String {
    fn attribute<T: PartialEq + Debug>(name: &str, model: &T, table: &T) -> Option<String> {
        (model != table).then(|| format!("{name} is {model:?} in the model and {table:?} in the table"))
    }
    let different = [
        attribute("notified_at", &model.notified_at, &table.notified_at),
        attribute("sequence", &model.sequence, &table.sequence),
        attribute("event", &model.event, &table.event),
        attribute("closed_by", &model.closed_by, &table.closed_by),
        attribute("lease", &model.lease, &table.lease),
        attribute("due_at", &model.due_at, &table.due_at),
        attribute("service 0", &model.outbox[0], &table.outbox[0]),
        attribute("service 1", &model.outbox[1], &table.outbox[1]),
        attribute("acknowledged", &model.acknowledged, &table.acknowledged),
        attribute("checked", &model.checked, &table.checked),
        attribute("confirmed", &model.confirmed, &table.confirmed),
        attribute("older", &model.older, &table.older),
        attribute("older_acknowledged", &model.older_acknowledged, &table.older_acknowledged),
        attribute("counted", &model.counted, &table.counted),
        attribute("purged", &model.purged, &table.purged),
        attribute("replays", &model.replays, &table.replays),
        attribute("replayed_at", &model.replayed_at, &table.replayed_at),
    ];
    different.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
