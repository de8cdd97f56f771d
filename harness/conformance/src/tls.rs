//! TLS to a receiver: the certificates that are trusted.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::Error;

/// A configuration that trusts the authorities in `ca` (PEM), or Mozilla's, as the deployed
/// functions do.
pub(crate) fn client_config(ca: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let roots = match ca {
        Some(ca) => authorities(ca).map_err(Error::Ca)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn authorities(ca: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it has no certificate".to_owned()) } else { Ok(roots) }
}
