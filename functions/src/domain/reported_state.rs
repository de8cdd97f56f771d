//! The state of a key as a service reports it in an acknowledgement (`adopterKeyState`).
//!
//! IBM leaves the words to the services; its pages show `DEK_ENABLED`. Only words whose meaning is
//! certain can contradict the key's state: whether the service allows the use of what the key
//! protects. Any other word is recorded and contradicts nothing.

use super::KeyState;

/// Words of a service that allows the use of the key, without the prefix `DEK_`.
const ENABLED: [&str; 3] = ["1", "ACTIVE", "ENABLED"];
/// Words of a service that does not.
const DISABLED: [&str; 6] = ["2", "5", "SUSPENDED", "DISABLED", "DESTROYED", "DELETED"];

impl KeyState {
    /// Whether a service that reports `word` contradicts this state: it allows the use of a
    /// suspended or destroyed key, or denies that of an active one. A deactivated key is in
    /// between, because it still decrypts.
    #[must_use]
    pub fn is_contradicted_by(self, word: &str) -> bool {
        let word = word.trim().to_ascii_uppercase();
        let word = word.strip_prefix("DEK_").unwrap_or(&word);
        match self {
            Self::Active => DISABLED.contains(&word),
            Self::Suspended | Self::Destroyed => ENABLED.contains(&word),
            Self::Deactivated => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certain_words_contradict() {
        use KeyState::{Active, Deactivated, Destroyed, Suspended};
        for (state, word, contradicts) in [
            (Destroyed, "DEK_ENABLED", true),
            (Destroyed, "active", true),
            (Suspended, "1", true),
            (Active, "dek_disabled", true),
            (Active, "5", true),
            (Destroyed, "DEK_DISABLED", false), // access is denied, as it must be
            (Destroyed, "5", false),
            (Active, "DEK_ENABLED", false),
            (Deactivated, "DEK_ENABLED", false),
            (Deactivated, "DEK_DISABLED", false),
            (Destroyed, "", false),
            (Destroyed, "wrapped with v2", false),
        ] {
            assert_eq!(state.is_contradicted_by(word), contradicts, "{state:?} {word}");
        }
    }
}
