//! The mapping between an item of the table and an item of the model. Everything that the model has
//! is compared:
//!
//! | model | item |
//! | --- | --- |
//! | times, in ticks from now | instants, rounded up to the next tick: all clock readings are whole ticks |
//! | `notified_at`, `sequence`, `due_at` | the same; what is too long ago to matter is at the model's floor; `due_at` only with the `due_shard` that `redeliver` reads |
//! | `event` | `event.at`, ms after the creation of the key |
//! | `closed_by` | `caller` and `correlation_id` |
//! | `lease` | `lease`, if the process that took it has not ended |
//! | `outbox` | `pending`, `retries` (`attempts` only with a retry limit), `outcome` with the status `failed` |
//! | `replays`, `replayed_at` | the number in `replay.reason`; `replay.at`, only with a retry limit |
//! | `acknowledged`, `counted` | `acknowledged`, if of the last notification |
//! | `confirmed`, `checked`, `older`, `older_acknowledged` | `deadline` and `acknowledged`, or what the next confirmation makes of it |
//! | `purged` | whether there is a `purged_at` |

use std::time::Duration;

use keysync::{
    domain::{EpochMillis, deadline},
    ledger::Awaits,
};
use keysync_model::{
    bounds::Bounds,
    state::{Entry, Item, NEVER, ProcessId, SERVICES, Time},
};
use serde_json::{Value, json};

/// The services, by their number in the model.
pub(crate) const NAMES: [&str; SERVICES] = ["cloud-object-storage", "databases-for-postgresql"];
/// The real services for one of the model: `members` for the first one, which share all.
pub(crate) fn members(service: usize, members: usize) -> impl Iterator<Item = String> {
    let first = NAMES[service].to_owned();
    let others =
        (1..if service == 0 { members } else { 1 }).map(move |n| format!("{}-{n:02}", NAMES[service]));
    std::iter::once(first).chain(others)
}

/// The callers as (caller, correlation id), by their number in the model.
pub(crate) const CALLERS: [(&str, &str); 3] =
    [("IBMid-alice", "x"), ("IBMid-alice", "y"), ("IBMid-bob", "x")];
/// The creation of the key.
pub(crate) const CREATED: EpochMillis = EpochMillis::new(1_795_000_000_000);

/// The length of a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale(pub(crate) Duration);

impl Scale {
    fn millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap()
    }

    /// The ticks from `now` to `at`, rounded up.
    pub(crate) fn ticks(self, at: EpochMillis, now: EpochMillis) -> Time {
        let millis = i64::try_from(at.get()).unwrap() - i64::try_from(now.get()).unwrap();
        Time::try_from(-(-millis).div_euclid(self.millis())).unwrap()
    }

    /// The instant `ticks` after `now`.
    pub(crate) fn at(self, ticks: Time, now: EpochMillis) -> EpochMillis {
        let by = self.0 * ticks.unsigned_abs();
        if ticks < 0 { now.minus(by) } else { now.plus(by) }
    }

    /// The window, one hour: exact only for ticks that divide it.
    pub(crate) fn window(self) -> Time {
        self.in_ticks(Duration::from_hours(1))
    }

    /// Ten minutes: at whole ticks, the same as the ticks that fit in.
    pub(crate) fn replay(self) -> Time {
        self.in_ticks(Duration::from_mins(10))
    }

    pub(crate) fn in_ticks(self, duration: Duration) -> Time {
        Time::try_from(duration.as_millis()).unwrap() / Time::try_from(self.millis()).unwrap()
    }
}

/// The model's item for `item`. `holder` is the process that has taken a lease and has not ended.
pub(crate) fn to_model(
    item: &Value,
    scale: Scale,
    now: EpochMillis,
    bounds: &Bounds,
    holder: impl Fn(&str) -> Option<ProcessId>,
) -> Item {
    let ticks = |at: &Value| scale.ticks(EpochMillis::new(at.as_u64().unwrap()), now);
    let is_set = |name: &str| item.get(name).is_some_and(|value| !value.is_null());
    let sequence = item["sequence"].as_u64().unwrap_or_default();
    let entry = |name: &str| {
        let retry = &item["retries"][name];
        Entry {
            pending: item["pending"].get(name).is_some(),
            exhausted: item["outcome"][name]["status"] == "failed",
            attempts: if bounds.has_retry_limit() {
                u8::try_from(retry["attempts"].as_u64().unwrap_or_default()).unwrap()
            } else {
                0
            },
            next_at: if retry.is_object() { ticks(&retry["next_at"]).max(0) } else { 0 },
        }
    };
    let confirmed = is_confirmed(item);
    let has_pending = item["pending"].as_object().is_some_and(|pending| !pending.is_empty());
    let shards = if has_pending { Awaits::Delivery } else { Awaits::Acknowledgement }.shards();
    let is_indexed = item["due_shard"].as_u64().is_some_and(|shard| shards.contains(&shard.into()));
    let caller = (item["caller"].as_str(), item["correlation_id"].as_str());
    let closed_by = CALLERS.iter().position(|(who, id)| caller == (Some(who), Some(id)));
    let number = |value: u64| u8::try_from(value).unwrap();
    Item {
        notified_at: if is_set("notified_at") {
            ticks(&item["notified_at"]).max(bounds.notified_floor())
        } else {
            bounds.notified_floor()
        },
        sequence: number(sequence),
        event: number(item["event"]["at"].as_u64().unwrap() - CREATED.get()),
        closed_by: closed_by.map(ProcessId::caller),
        lease: item["lease"].as_str().and_then(holder),
        due_at: (is_set("due_at") && is_indexed).then(|| ticks(&item["due_at"]).max(0)),
        outbox: NAMES.map(entry),
        acknowledged: acknowledged(item),
        checked: confirmed && item["deadline"]["checked"] == true,
        confirmed,
        older: NAMES.map(|name| {
            owed_older(item, name).map_or(NEVER, |owed| ticks(&owed["at"]).max(bounds.notified_floor()))
        }),
        older_acknowledged: older_acknowledged(item),
        counted: NAMES.map(|name| {
            let is_counted = bounds.any_acknowledgement && is_last_acknowledged(item, name);
            let at = &item["acknowledged"][name]["counted"]["at"];
            if is_counted { ticks(at).max(bounds.notified_floor()) } else { NEVER }
        }),
        purged: is_set("purged_at"),
        replayed_at: if bounds.has_retry_limit() && is_set("replay") {
            ticks(&item["replay"]["at"]).max(bounds.notified_floor())
        } else {
            bounds.notified_floor()
        },
        replays: item["replay"]["reason"].as_str().map_or(0, |reason| reason.parse().unwrap()),
    }
}

/// The services that acknowledged the last notification in time, a bit each.
pub(crate) fn acknowledged(item: &Value) -> u8 {
    let last = json!({"sequence": item["sequence"], "at": item["notified_at"]});
    mask(NAMES.iter().map(|name| is_last_acknowledged(item, name) && is_settled(item, name, &last)))
}

/// The services that acknowledged, in time, the older notification that a check is to be made of.
pub(crate) fn older_acknowledged(item: &Value) -> u8 {
    let is_acknowledged = |name: &str| {
        let owed = owed_older(item, name);
        is_confirmed(item) && owed.is_some_and(|owed| is_settled(item, name, owed))
    };
    mask(NAMES.iter().map(|name| is_acknowledged(name)))
}

fn is_last_acknowledged(item: &Value, service: &str) -> bool {
    let acknowledged = &item["acknowledged"][service]["sequence"];
    acknowledged.is_u64() && *acknowledged == item["sequence"]
}

/// `Acknowledgements::settle`.
fn is_settled(item: &Value, service: &str, notified: &Value) -> bool {
    let (acknowledged, sequence) = (&item["acknowledged"][service], notified["sequence"].as_u64());
    let Some(first_at) = acknowledged["first_at"].as_u64() else { return false };
    let is_in_time =
        EpochMillis::new(first_at) <= deadline::of(EpochMillis::new(notified["at"].as_u64().unwrap()));
    let is_stored = |settled: &Value| settled.as_str().unwrap().parse().ok() == sequence;
    acknowledged["settled"].as_array().is_some_and(|settled| settled.iter().any(is_stored))
        || (is_in_time && acknowledged["sequence"].as_u64() >= sequence)
}

/// Whether `deadline` is that of the last notification.
fn is_confirmed(item: &Value) -> bool {
    let deadline = &item["deadline"];
    !deadline.is_null() && deadline["notification"]["claim"] == item["claim"]
}

/// The oldest notification before the last one that a service must acknowledge. Until the last one
/// is confirmed, the stored deadline is that of an older one, and what a confirmation will make of
/// it is determined here.
fn owed_older<'a>(item: &'a Value, service: &str) -> Option<&'a Value> {
    let (deadline, confirmed) = (&item["deadline"], is_confirmed(item));
    let older = Some(&deadline["older"][service]).filter(|older| older.is_object());
    if confirmed {
        return older;
    }
    let is_own = |name: &Value| name == service;
    let must_acknowledge = deadline["services"].as_array().is_some_and(|names| names.iter().any(is_own));
    let own = (must_acknowledge && deadline["checked"] != true).then_some(&deadline["notification"]);
    older.into_iter().chain(own).find(|owed| !is_settled(item, service, owed))
}

/// A bit for each that is true.
pub(crate) fn mask(bits: impl Iterator<Item = bool>) -> u8 {
    bits.zip(0..).map(|(bit, n)| u8::from(bit) << n).sum()
}

/// An item in DynamoDB's JSON as plain JSON.
pub(crate) fn plain(item: &Value) -> Value {
    let plain_value = |value: &Value| {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match &**kind {
            "N" => value.as_str().unwrap().parse().unwrap(),
            "M" => plain(value),
            "L" => value
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_object().unwrap().values().next().cloned())
                .collect(),
            _ => value.clone(),
        }
    };
    let fields = item.as_object().unwrap().iter();
    fields.map(|(name, value)| (name.clone(), plain_value(value))).collect::<serde_json::Map<_, _>>().into()
}
