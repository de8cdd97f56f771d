//! The operations of the API: their paths and methods.

/// An operation of the API, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /api/v2/keys/{id}/actions/sync`
    Sync,
    /// `GET /api/v2/keys/{id}/notifications`
    Status,
    /// `GET /.well-known/jwks.json`
    PublicKeys,
}

/// The path of the public key set (a well-known URI, RFC 8615).
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// The start of the path of a key.
const KEYS: &str = "/api/v2/keys/";

impl Operation {
    /// The operation at `path`, which is compared as sent.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        if path == JWKS_PATH {
            return Some(Self::PublicKeys);
        }
        [Self::Sync, Self::Status].into_iter().find(|operation| operation.key_in(path).is_some())
    }

    /// The key's id or alias in a path of this operation, not yet parsed.
    pub(super) fn key_in(self, path: &str) -> Option<&str> {
        let id = path.strip_prefix(KEYS)?.strip_suffix(self.suffix()?)?;
        (!id.contains('/')).then_some(id)
    }

    /// The end of the path of an operation on a key.
    const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Sync => Some("/actions/sync"),
            Self::Status => Some("/notifications"),
            Self::PublicKeys => None,
        }
    }

    /// The supported methods, as the header `allow` lists them.
    #[must_use]
    pub const fn methods(self) -> &'static str {
        match self {
            Self::Sync => "POST",
            Self::Status | Self::PublicKeys => "GET, HEAD",
        }
    }

    /// Whether the operation supports `method`.
    #[must_use]
    pub fn supports(self, method: &http::Method) -> bool {
        self.methods().split(", ").any(|supported| supported == method.as_str())
    }

    /// What an error response says could not be done.
    pub(super) const fn failure(self) -> &'static str {
        match self {
            Self::Sync => "Could not initiate sync requests to associated resources",
            Self::Status => "Could not read the status of notifications",
            Self::PublicKeys => "Could not read the public keys",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_operation_by_exact_path() {
        for (path, operation) in [
            ("/api/v2/keys/a/actions/sync", Some(Operation::Sync)),
            ("/api/v2/keys/a/notifications", Some(Operation::Status)),
            ("/.well-known/jwks.json", Some(Operation::PublicKeys)),
            ("/api/v2/keys/a/b/notifications", None),
            ("/api/v2/keys/notifications", None),
            ("/api/v2/keys/a/notifications/", None),
            ("/api/v2/keys/a/Notifications", None),
            ("/api/v2/keys/a", None),
            ("/", None),
        ] {
            assert_eq!(Operation::at(path), operation, "{path}");
        }
    }

    #[test]
    fn supported_methods_are_exact() {
        use http::Method;
        assert!(Operation::Status.supports(&Method::HEAD) && Operation::Sync.supports(&Method::POST));
        for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
            assert!(!Operation::Status.supports(&method), "{method}");
        }
        assert!(!Operation::Sync.supports(&Method::GET));
    }
}
