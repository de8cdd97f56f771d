//! The builder of a key.

use std::{collections::BTreeSet, fmt};

use http::StatusCode;
use keysync::domain::KeyType;

use crate::{HarnessError, Key, key::Owner, parts::Parts};

/// A builder of a key; by default, of a root key that protects no resources.
///
/// ```
/// use keysync_testkit::Harness;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = Harness::start().await?;
/// let key = harness
///     .new_key("invoices")
///     .alias("the-invoices-key")
///     .with_registration("cloud-object-storage", "bucket")
///     .with_registration("databases-for-postgresql", "ledger")
///     .create()
///     .await?;
/// assert_eq!(harness.object_storage().resources()["bucket"].key_id, key.id());
/// # Ok(())
/// # }
/// ```
#[must_use = "a key exists only after `create`"]
pub struct NewKey<'a> {
    parts: &'a Parts,
    name: String,
    key_type: KeyType,
    alias: Option<String>,
    protects: Vec<(String, String)>,
}

impl<'a> NewKey<'a> {
    pub(crate) fn new(parts: &'a Parts, name: &str) -> Self {
        let (name, protects) = (name.to_owned(), Vec::new());
        Self { parts, name, key_type: KeyType::Root, alias: None, protects }
    }

    /// Makes it a standard key, which protects no resources.
    pub fn standard(self) -> Self {
        Self { key_type: KeyType::Standard, ..self }
    }

    /// Adds an alias.
    pub fn alias(self, alias: &str) -> Self {
        Self { alias: Some(alias.to_owned()), ..self }
    }

    /// Adds a resource of `service` that the key protects.
    pub fn with_registration(mut self, service: &str, resource: &str) -> Self {
        self.protects.push((service.to_owned(), resource.to_owned()));
        self
    }

    /// Creates the key. If a name, an alias or a resource is rejected, nothing is created.
    pub async fn create(self) -> Result<Key, HarnessError> {
        let owner = self.parts.owner();
        // Validated before the key is created, because deleting it would leave traces.
        self.check(&owner)?;
        let client = self.parts.manager().await?;
        let id = client.create_key_with(&self.name, self.key_type, self.alias.as_deref()).await?;
        let key = Key::new(id, client, owner);
        for (service, resource) in &self.protects {
            if let Err(error) = key.protect(service, resource).await {
                return Err(HarnessError::Incomplete { key: key.id().to_owned(), error: Box::new(error) });
            }
        }
        Ok(key)
    }

    /// Validates the resources that the key is to protect.
    fn check(&self, owner: &Owner) -> Result<(), HarnessError> {
        if self.key_type == KeyType::Standard && !self.protects.is_empty() {
            let (status, message) =
                (StatusCode::UNPROCESSABLE_ENTITY, "a standard key protects nothing".to_owned());
            return Err(HarnessError::unregistrable(status, "KEY_ROOT_REQ_REG_ERR", message));
        }
        let mut known = BTreeSet::new();
        for (service, resource) in &self.protects {
            if !known.insert(owner.resource_crn(service, resource)?.to_string()) {
                let message = format!("`{service}/{resource}` is given twice");
                return Err(HarnessError::unregistrable(
                    StatusCode::CONFLICT,
                    "REGISTRATION_EXISTS_ERR",
                    message,
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NewKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey({})", self.name)
    }
}
