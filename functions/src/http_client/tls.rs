//! The TLS configuration, built once for all clients.
//!
//! It trusts Mozilla's root certificates, which are compiled in. Loading the machine's certificates
//! takes longer than the rest of a cold start, for each client (`docs/explanation/performance.md`).

use std::sync::LazyLock;

use rustls::{ClientConfig, RootCertStore};

static CONFIG: LazyLock<ClientConfig> =
    LazyLock::new(|| client_config(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));

/// A configuration that trusts `roots`: TLS 1.3 or 1.2, with aws-lc-rs, the only cryptography
/// provider that is compiled in.
pub(crate) fn client_config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// The configuration of every client. Clones share the certificates.
pub(super) fn config() -> ClientConfig {
    CONFIG.clone()
}
