//! Keys and registrations of the API, read page by page.
//!
//! A page is selected by an offset, which shifts when an element before it is removed. So each page
//! starts with the last element of the one before; if that is not where it was, the reader goes
//! back until it finds it. An element that is there all the time is therefore never skipped.

use jiff::Timestamp;
use keysync::domain::{InstanceId, KeyCrn, KeyId, KeyRing, ResourceCrn};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Call, Endpoint};
use crate::failure::Failure;

/// A key, as the API lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) crn: KeyCrn,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) state: u8,
    pub(crate) extractable: bool,
    #[serde(rename = "keyRingID", default)]
    pub(crate) ring: KeyRing,
    pub(crate) key_version: Option<Version>,
    pub(crate) creation_date: Timestamp,
    pub(crate) last_rotate_date: Option<Timestamp>,
    pub(crate) deletion_date: Option<Timestamp>,
}

/// The current version of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) creation_date: Option<Timestamp>,
}

/// A registration, as the API lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistrationRow {
    pub(crate) key_id: KeyId,
    pub(crate) resource_crn: ResourceCrn,
    pub(crate) creation_date: Timestamp,
}

/// An element of a collection.
pub(crate) trait Row: DeserializeOwned {
    /// The fields that identify the element in its collection.
    const IDENTITY: &'static [&'static str];
}

impl Row for KeyRow {
    const IDENTITY: &'static [&'static str] = &["id"];
}

impl Row for RegistrationRow {
    const IDENTITY: &'static [&'static str] = &["keyId", "resourceCrn"];
}

/// An element that does not have the form of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidRow {
    /// The identity of the element, as far as it has one.
    pub(crate) identity: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct Collection {
    resources: Vec<Value>,
}

fn identity<T: Row>(row: &Value) -> String {
    let fields = T::IDENTITY.iter().map(|field| row[field].as_str().unwrap_or_default());
    fields.collect::<Vec<_>>().join(" ")
}

fn parse<T: Row>(row: Value) -> Result<T, InvalidRow> {
    let identity = identity::<T>(&row);
    serde_json::from_value(row).map_err(|error| InvalidRow { identity, reason: error.to_string() })
}

/// A position in a collection.
#[derive(Clone, Debug)]
pub(crate) struct Paging<'a> {
    path: &'a [&'a str],
    query: Vec<(&'a str, String)>,
    instance: InstanceId,
    ring: Option<KeyRing>,
    page: usize,
    /// The number of elements read so far.
    pub(crate) read: usize,
    /// The identity of the last one of them.
    pub(crate) last: Option<String>,
    is_over: bool,
}

/// The states that keys can be listed by: all, deleted keys included.
const ALL_STATES: &str = "0,1,2,3,4,5";

impl<'a> Paging<'a> {
    /// All keys of an instance, or of one of its key rings, oldest first.
    pub(crate) fn keys(instance: InstanceId, ring: Option<KeyRing>, page: usize) -> Self {
        let query = vec![("state", ALL_STATES.to_owned()), ("sort", "creationDate".to_owned())];
        Self { path: &["keys"], query, instance, ring, page, read: 0, last: None, is_over: false }
    }

    /// All registrations of an instance.
    pub(crate) fn registrations(instance: InstanceId, page: usize) -> Self {
        let path = &["keys", "registrations"];
        Self { path, query: Vec::new(), instance, ring: None, page, read: 0, last: None, is_over: false }
    }

    /// All registrations of one key.
    pub(crate) fn registrations_of(path: &'a [&'a str], instance: InstanceId, page: usize) -> Self {
        Self { path, query: Vec::new(), instance, ring: None, page, read: 0, last: None, is_over: false }
    }

    /// Continues after the first `read` elements, of which `last` was the last one.
    pub(crate) fn resume(mut self, read: usize, last: Option<String>) -> Self {
        (self.read, self.last) = (read, last);
        self
    }

    /// The next elements; `None` after the last one.
    pub(crate) async fn next<T: Row>(
        &mut self,
        endpoint: &Endpoint,
    ) -> Result<Option<Vec<Result<T, InvalidRow>>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let mut offset = self.read.saturating_sub(usize::from(self.last.is_some()));
        loop {
            let mut rows = self.fetch(endpoint, offset).await?;
            let fetched = rows.len();
            let last = self.last.as_ref();
            let position = last.and_then(|last| rows.iter().position(|row| identity::<T>(row) == *last));
            if last.is_some() && position.is_none() && offset > 0 {
                offset = offset.saturating_sub(self.page - 1);
                continue;
            }
            rows.drain(..position.map_or(0, |position| position + 1));
            self.read = offset + fetched;
            // A server may have a smaller maximum of its own, so only an empty rest is the end.
            let Some(last) = rows.last() else {
                self.is_over = true;
                return Ok(None);
            };
            self.last = Some(identity::<T>(last));
            return Ok(Some(rows.into_iter().map(parse).collect()));
        }
    }

    async fn fetch(&self, endpoint: &Endpoint, offset: usize) -> Result<Vec<Value>, Failure> {
        let position = [("limit", self.page.to_string()), ("offset", offset.to_string())];
        let query = [&self.query[..], &position].concat();
        let call = Call { query: &query, ring: self.ring.as_ref(), ..Call::get(self.path, self.instance) };
        let Collection { resources } = endpoint.get(&call).await?;
        Ok(resources)
    }
}
