//! History of a key: an addition of the harness.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{ApiError, Collection, InstanceApi};

/// A lifecycle action or sync of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    /// `create`, `sync` or the name of a lifecycle action.
    #[serde(rename = "eventType")]
    pub(crate) kind: String,
    pub(crate) occurred_at: Timestamp,
    pub(crate) initiator: Option<String>,
}

impl InstanceApi {
    /// The newest events and the total number; `None` if the endpoint has no such call.
    pub(crate) async fn events(
        &self,
        key: Uuid,
        limit: usize,
    ) -> Result<Option<(Vec<Event>, usize)>, ApiError> {
        let query = [("limit", limit.to_string()), ("totalCount", "true".to_owned())];
        let found: Option<Collection<_>> = self.addition(&format!("/keys/{key}/events"), &query).await?;
        Ok(found.map(|Collection { metadata, mut resources }| {
            let total = metadata.total_count.unwrap_or_default().max(resources.len());
            resources.truncate(limit);
            (resources, total)
        }))
    }
}
