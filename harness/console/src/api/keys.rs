//! Keys: list, read, lifecycle actions and sync.

use std::time::Duration;

use http::{Method, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{ApiError, CORRELATION_ID, Collection, InstanceApi, fetch, send};

/// Maximum number of attempts of a sync.
const MAX_ATTEMPTS: u32 = 3;
/// Pause between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The fields of a key that pages show.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) id: Uuid,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) state: KeyState,
    #[serde(default)]
    pub(crate) extractable: bool,
    #[serde(rename = "keyRingID", default)]
    pub(crate) ring: String,
    pub(crate) creation_date: Option<Timestamp>,
    pub(crate) last_rotate_date: Option<Timestamp>,
    pub(crate) deletion_date: Option<Timestamp>,
    pub(crate) restore_expiration_date: Option<Timestamp>,
    /// An addition of the harness.
    pub(crate) last_notification_date: Option<Timestamp>,
    /// First instant at which a sync is allowed again; an addition of the harness.
    pub(crate) sync_allowed_from: Option<Timestamp>,
    #[serde(rename = "keyVersion")]
    pub(crate) version: Option<KeyVersion>,
}

/// The part of a new key that every endpoint returns.
#[derive(Deserialize)]
struct CreatedKey {
    id: Uuid,
}

/// A version of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyVersion {
    pub(crate) id: String,
}

/// A key's state, as NIST SP 800-57 numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "u8")]
pub(crate) enum KeyState {
    PreActive,
    Active,
    Suspended,
    Deactivated,
    Destroyed,
    Other(u8),
}

/// Selection of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyQuery {
    pub(crate) search: String,
    pub(crate) state: Option<KeyState>,
    pub(crate) root_keys_only: bool,
    /// Property to sort by, with a prefix `-` for descending order.
    pub(crate) sort: String,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// A page of keys.
pub(crate) struct KeyPage {
    pub(crate) keys: Vec<Key>,
    /// Whether another page follows.
    pub(crate) more: bool,
    /// Total number; unknown for a search.
    pub(crate) total: Option<usize>,
}

/// A key to create.
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) extractable: bool,
    /// Empty for none.
    pub(crate) alias: &'a str,
    /// Empty for none.
    pub(crate) description: &'a str,
}

/// A lifecycle action that services are notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Rotate,
    Disable,
    Enable,
    Delete,
    Restore,
}

impl From<u8> for KeyState {
    fn from(number: u8) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.number() == number);
        known.unwrap_or(Self::Other(number))
    }
}

impl KeyState {
    pub(crate) const ALL: [Self; 5] =
        [Self::PreActive, Self::Active, Self::Suspended, Self::Deactivated, Self::Destroyed];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::PreActive => 0,
            Self::Active => 1,
            Self::Suspended => 2,
            Self::Deactivated => 3,
            Self::Destroyed => 5,
            Self::Other(number) => number,
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::PreActive => "Pre-active".to_owned(),
            Self::Active => "Active".to_owned(),
            Self::Suspended => "Suspended".to_owned(),
            Self::Deactivated => "Deactivated".to_owned(),
            Self::Destroyed => "Destroyed".to_owned(),
            Self::Other(number) => format!("State {number}"),
        }
    }
}

impl Key {
    /// Name on pages: the name of the key, or its id if it has none.
    pub(crate) fn title(&self) -> String {
        if self.name.is_empty() { format!("(no name) {}", self.id) } else { self.name.clone() }
    }

    /// The actions that its state allows.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let root = !self.extractable;
        match self.state {
            KeyState::Active if root => vec![Action::Rotate, Action::Disable, Action::Delete],
            KeyState::Suspended if root => vec![Action::Enable, Action::Delete],
            KeyState::Destroyed if root => vec![Action::Restore],
            KeyState::Destroyed => vec![],
            _ => vec![Action::Delete],
        }
    }
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }
}

impl InstanceApi {
    /// A page of keys. One more than asked for is fetched, to know whether more come.
    pub(crate) async fn keys(&self, query: &KeyQuery) -> Result<KeyPage, ApiError> {
        let mut params = query.selection();
        let total = async {
            let counted = query.search.is_empty();
            if counted { self.total(&query.selection()).await } else { Ok(None) }
        };
        if !query.sort.is_empty() {
            params.push(("sort", query.sort.clone()));
        }
        if !query.search.is_empty() {
            // Escaped: `not:` and other operators are plain text here.
            params.push(("search", format!("escape:{}", query.search)));
        }
        params.push(("limit", (query.limit + 1).to_string()));
        params.push(("offset", query.offset.to_string()));
        let (listed, total) = tokio::try_join!(self.get::<Collection<Key>>("/keys", &params), total)?;
        let mut keys = listed.resources;
        let more = keys.len() > query.limit;
        keys.truncate(query.limit);
        Ok(KeyPage { keys, more, total })
    }

    async fn total(&self, selection: &[(&str, String)]) -> Result<Option<usize>, ApiError> {
        let counted = send(self.request(Method::HEAD, "/keys", selection)).await?;
        let total = counted.headers().get("key-total").and_then(|total| total.to_str().ok());
        Ok(total.and_then(|total| total.parse().ok()))
    }

    /// A key, without its material.
    pub(crate) async fn key(&self, key: Uuid) -> Result<Key, ApiError> {
        let found: Collection<Key> = self.get(&format!("/keys/{key}/metadata"), &[]).await?;
        found.resources.into_iter().next().ok_or_else(|| ApiError::unreadable("no key in the response"))
    }

    /// Creates a key, and returns its id.
    pub(crate) async fn create(&self, key: &NewKey<'_>) -> Result<Uuid, ApiError> {
        const KIND: &str = "application/vnd.ibm.kms.key+json";
        let mut fields = json!({"type": KIND, "name": key.name, "extractable": key.extractable});
        if !key.alias.is_empty() {
            fields["aliases"] = json!([key.alias]);
        }
        if !key.description.is_empty() {
            fields["description"] = json!(key.description);
        }
        let body = json!({"metadata": {"collectionType": KIND, "collectionTotal": 1}, "resources": [fields]});
        let request = self.request(Method::POST, "/keys", &[]).header(header::CONTENT_TYPE, KIND);
        // The response must not contain the material of a standard key.
        let request = request.header("prefer", "return=minimal").body(body.to_string());
        let created: Collection<CreatedKey> = fetch(request).await?;
        let created = created.resources.into_iter().next();
        created.map(|key| key.id).ok_or_else(|| ApiError::unreadable("no key in the response"))
    }

    /// Performs a lifecycle action. `force` deletes a key although it protects resources.
    pub(crate) async fn act(&self, key: Uuid, action: Action, force: bool) -> Result<(), ApiError> {
        let request = match action {
            Action::Delete => {
                self.request(Method::DELETE, &format!("/keys/{key}"), &[("force", force.to_string())])
            }
            Action::Restore => self.request(Method::POST, &format!("/keys/{key}/restore"), &[]),
            _ => self.request(Method::POST, &format!("/keys/{key}/actions/{}", action.name()), &[]),
        };
        send(request).await.map(drop)
    }

    /// Synchronizes the key. `request` is the correlation id: a retry with the same id is an
    /// idempotent replay and notifies no service twice.
    pub(crate) async fn sync(&self, key: Uuid, request: Uuid) -> Result<(), ApiError> {
        let mut attempts = 1;
        loop {
            let path = format!("/keys/{key}/actions/sync");
            let sent = self.request(Method::POST, &path, &[]).header(CORRELATION_ID, request.to_string());
            match send(sent).await {
                Err(error) if error.is_transient() && attempts < MAX_ATTEMPTS => attempts += 1,
                other => return other.map(drop),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

impl KeyQuery {
    /// The parameters that select keys. Without `state` the API omits deleted keys, which may have
    /// to be synchronized.
    fn selection(&self) -> Vec<(&'static str, String)> {
        let states = self.state.map_or(KeyState::ALL.to_vec(), |state| vec![state]);
        let states: Vec<_> = states.iter().map(|state| state.number().to_string()).collect();
        let mut selection = vec![("state", states.join(","))];
        if self.root_keys_only {
            selection.push(("extractable", "false".to_owned()));
        }
        selection
    }
}
