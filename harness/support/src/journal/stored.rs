//! The requests of the journal in a snapshot.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use serde::{Deserialize, Deserializer, de::Error};

use super::{Copied, Entry, Exchange, Journal, Message, Stored, mask::Mask};
use crate::headers;

impl Journal {
    /// The exchanges until now, oldest first, numbered from 0. Credentials in them are masked; the
    /// material of keys is not, so that a recording of them can be replayed.
    #[must_use]
    pub fn to_store(&self) -> Vec<Exchange> {
        let mask = Mask::credentials(&self.0.secrets);
        let recorded = self.recorded();
        let exchanges = recorded.exchanges.iter().enumerate();
        exchanges.map(|(number, entry)| Exchange { number, ..entry.masked_by(&mask) }).collect()
    }

    /// Replaces the exchanges by stored ones, which get the next numbers of this journal.
    pub fn restore(&self, exchanges: Vec<Exchange>) {
        self.clear();
        let mut recorded = self.recorded();
        for exchange in exchanges {
            recorded.push(Entry::stored(exchange));
        }
    }

    /// Makes all further numbers higher than `number`.
    pub fn continue_after(&self, number: u64) {
        self.0.steps.fetch_max(number + 1, Ordering::Relaxed);
    }
}

impl Entry {
    fn stored(mut exchange: Exchange) -> Self {
        let request = Stored::of(std::mem::take(&mut exchange.request));
        let response = exchange.response.take().map(Stored::of);
        Self { outline: exchange, request, response }
    }
}

impl Stored {
    fn of(Message { headers, body, body_bytes }: Message) -> Self {
        // Valid: see below.
        Self { headers: headers::parse(&headers).unwrap_or_default(), body: Copied::of(body, body_bytes) }
    }
}

/// Deserializes headers, and validates them.
pub(super) fn headers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let headers = BTreeMap::deserialize(deserializer)?;
    headers::parse(&headers).map_err(D::Error::custom)?;
    Ok(headers)
}
