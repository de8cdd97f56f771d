//! Parsing of items and callbacks for the history.

use std::collections::BTreeSet;

use keysync_testkit::services::{Behaviour, Received};
use serde_json::Value;

use crate::history::{Callback, Item, Moment};

impl Item {
    /// Parses an item. `clock` converts its times to the round's clock.
    pub(crate) fn parse(item: &Value, clock: impl Fn(u64) -> u64) -> Self {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let instant = |name: &str| item[name].as_u64().map(&clock);
        let names = |name: &str| -> BTreeSet<String> {
            item[name].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
        };
        Self {
            sequence: item["sequence"].as_u64().unwrap_or_default(),
            notified_at: instant("notified_at"),
            claim: text("claim"),
            correlation_id: text("correlation_id"),
            caller: text("caller"),
            state: item["state"].as_u64().and_then(|state| state.try_into().ok()).unwrap_or_default(),
            version: item["version"]["id"].as_str().unwrap_or_default().to_owned(),
            services: names("services"),
            pending: names("pending"),
            retries: names("retries"),
            due_at: instant("due_at"),
            bytes: item.to_string().len(),
        }
    }
}

impl Callback {
    /// Parses a request that a service received. Returns `None` unless it is an event of a key that
    /// `key` maps to an index.
    pub(crate) fn parse(
        received: &Received,
        service: &str,
        at: Moment,
        behaviour: &Behaviour,
        key: impl Fn(&str) -> Option<usize>,
    ) -> Option<Self> {
        let body: Value = serde_json::from_slice(&received.body).ok()?;
        let (data, text) = (&body["data"], |value: &Value| value.as_str().map(str::to_owned));
        Some(Self {
            service: service.to_owned(),
            key: key(data["keyId"].as_str()?)?,
            at,
            event_id: text(&body["id"])?,
            sequence: body["sequence"].as_str()?.parse().ok()?,
            state: data["keyState"].as_u64()?.try_into().ok()?,
            version: text(&data["keyVersion"]["id"])?,
            action: text(&data["eventType"])?,
            behaviour: format!("{behaviour:?}"),
            verdict: format!("{:?}", received.verdict),
        })
    }
}
