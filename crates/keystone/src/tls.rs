//! Whom to trust that they are Keystone.

use std::path::Path;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::error::SetupError;

/// The certificates in a file, or else those that the system trusts.
pub(crate) fn trusted(ca_file: Option<&Path>) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut roots, path)?,
        None => {
            let found = rustls_native_certs::load_native_certs();
            // Some that nobody can read do no harm while there are others.
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(SetupError::NoRoots);
            }
        }
    }
    Ok(roots)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| SetupError::CaFile {
        path: path.to_owned(),
        source,
    };
    let all = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.into()))?;
    for certificate in all {
        let certificate = certificate.map_err(|error| unreadable(error.into()))?;
        roots
            .add(certificate)
            .map_err(|error| unreadable(error.into()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there is no certificate in it".into()));
    }
    Ok(())
}
