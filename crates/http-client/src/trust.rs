//! Whom to trust that they are who is asked.

use std::error::Error;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file with the certificates can't be used.
    #[error("the certificates in {path} can't be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The system has no certificates to trust.
    #[error("this system trusts no certificates: install ca-certificates, or name a file")]
    NoRoots,
}

/// The certificates in a file, or else those that the system trusts.
///
/// # Errors
/// See [`TrustError`].
pub fn trusted(ca_file: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut roots, path)?,
        None => {
            let found = rustls_native_certs::load_native_certs();
            // Some that nobody can read do no harm while there are others.
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(TrustError::NoRoots);
            }
        }
    }
    Ok(roots)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let unreadable = |source: Box<dyn Error + Send + Sync>| TrustError::File {
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
