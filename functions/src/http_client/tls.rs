//! TLS: whom we trust, prepared once for all clients.
//!
//! Mozilla's root certificates, as they were when this was built. Reading those of the machine took longer than
//! the whole start of a function that does nothing, for each client anew (`docs/explanation/performance.md`).

use std::sync::LazyLock;

use rustls::{ClientConfig, RootCertStore};

static CONFIG: LazyLock<ClientConfig> =
    LazyLock::new(|| trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));

/// A configuration that trusts `roots`: TLS 1.3, or 1.2, with the cryptography of aws-lc-rs, the only one that is
/// compiled in.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// The configuration of every client. Copies share what is large.
pub(super) fn config() -> ClientConfig {
    CONFIG.clone()
}
