//! The environment of a function, as a test reads it.

use std::{collections::BTreeMap, fmt};

/// The environment of a function: its settings by name.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), keysync_testkit::HarnessError> {
/// let harness = keysync_testkit::Harness::start().await?;
/// assert_eq!(harness.environment().get("KEYSYNC_TABLE"), Some("keysync"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Of duplicates, the last one applies.
impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(settings: T) -> Self {
        Self(settings.into_iter().collect())
    }
}

/// The names only: values can be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.0.keys()).finish()
    }
}
