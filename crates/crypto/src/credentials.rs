//! What an end shows of itself by certificates: its own, those of authorities between, and the private key.

use std::fmt;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::certificate::{self, MAX_CHAIN, SubjectName, Trust, TrustError};
use crate::signature::{SignError, Signature, SignatureHash, SignatureMethod, SigningKey};
use crate::{Secret, digest};

/// A certificate, the private key of it, and what stands between it and an authority. The key is wiped on drop, and not
/// shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Its own first.
    chain: Vec<Vec<u8>>,
    key: SigningKey,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, {:?})", self.names(), self.key)
    }
}

/// Why a certificate and a key are no [`Credentials`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The text has no certificate.
    #[error("there is no certificate")]
    NoCertificate,
    /// The text has no key.
    #[error("there is no private key, or it is encrypted")]
    NoKey,
    /// What is between the lines is not base64, or the lines are not PEM's.
    #[error("the text is not PEM")]
    NotPem,
    /// The key is of the certificate of somebody else.
    #[error(
        "the private key is not the certificate's: it signs what the certificate's key does not verify"
    )]
    OtherKey,
    /// The certificate's key usage has no signatures.
    #[error("the certificate's key usage has no digital signatures, which IKE is made of")]
    Purpose,
    /// There are more certificates than any peer takes.
    #[error("there are more than {MAX_CHAIN} certificates")]
    TooMany,
    /// A certificate can't be read.
    #[error("certificate {number} is not X.509")]
    Unreadable {
        /// From 1.
        number: usize,
    },
    /// The key is of no type that is known here.
    #[error(
        "the private key is not RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519"
    )]
    UnknownKey,
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

impl Credentials {
    /// Takes certificates in DER, its own first, and a private key in DER.
    ///
    /// # Errors
    /// They don't belong together, or can't be used.
    pub fn new(chain: Vec<Vec<u8>>, key: Secret) -> Result<Self, CredentialsError> {
        let first = chain.first().ok_or(CredentialsError::NoCertificate)?;
        if chain.len() > MAX_CHAIN {
            return Err(CredentialsError::TooMany);
        }
        let unreadable = (1..).zip(&chain).find(|(_, der)| read(der).is_none());
        if let Some((number, _)) = unreadable {
            return Err(CredentialsError::Unreadable { number });
        }
        let key = SigningKey::from_der(key).ok_or(CredentialsError::UnknownKey)?;
        let certificate = read(first).ok_or(CredentialsError::Unreadable { number: 1 })?;
        if !certificate::may_sign(&certificate) {
            return Err(CredentialsError::Purpose);
        }
        if !belongs(first, &key) {
            return Err(CredentialsError::OtherKey);
        }
        Ok(Self { chain, key })
    }

    /// Reads certificates and a private key from PEM (RFC 7468); the key may be PKCS#8, PKCS#1 or SEC 1, not encrypted.
    ///
    /// # Errors
    /// One is missing, they don't belong together, or can't be used.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CredentialsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|_| CredentialsError::NotPem)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CredentialsError::NoKey)?;
        let key = Secret::new(key.secret_der().to_vec());
        Self::new(chain.iter().map(|der| der.to_vec()).collect(), key)
    }

    /// The certificates in DER, its own first.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Whether its own certificate is for this name.
    #[must_use]
    pub fn is_for(&self, name: SubjectName<'_>) -> bool {
        let own = self.chain.first().and_then(|der| read(der));
        own.is_some_and(|own| certificate::is_for(&own, name))
    }

    /// The subject of its own certificate, in DER.
    #[must_use]
    pub fn subject(&self) -> Vec<u8> {
        let own = self.chain.first().and_then(|der| read(der));
        own.map_or_else(Vec::new, |own| own.subject().as_raw().to_vec())
    }

    /// The names of its own certificate, for people.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let own = self.chain.first().and_then(|der| read(der));
        own.map_or_else(Vec::new, |own| certificate::names(&own))
    }

    /// Signs for a peer that takes these hash functions by RFC 7427, or that does not know that.
    ///
    /// # Errors
    /// The peer takes no hash function that the key can be used with.
    pub fn sign(
        &self,
        hashes: Option<&[SignatureHash]>,
        message: &[u8],
    ) -> Result<Signature, SignError> {
        self.key.sign(hashes, message)
    }

    /// What it was made of, in one number that tells nothing of the key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let parts: Vec<_> = self.chain.iter().map(|der| crate::sha256(&[der])).collect();
        digest::hmac_sha256(self.key.secret().as_slice(), &[parts.as_flattened()])
    }
}

/// Whether the certificate's key verifies what the private key signs.
fn belongs(certificate: &[u8], key: &SigningKey) -> bool {
    let message = b"whose key it is";
    let Ok(signature) = key.sign(Some(SignatureHash::ALL), message) else {
        return false;
    };
    let algorithm = signature.algorithm.unwrap_or_default();
    let method = SignatureMethod::Digital(&algorithm);
    certificate::verify(certificate, &method, message, &signature.octets).is_ok()
}

/// Why a text in PEM is no [`Trust`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustPemError {
    /// What is between the lines is not base64, or the lines are not PEM's.
    #[error("the text of the {0} is not PEM")]
    NotPem(&'static str),
    /// It can be read, and not used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Trust {
    /// Reads authorities' certificates and their revocation lists from PEM (RFC 7468).
    ///
    /// # Errors
    /// There is no authority, one is none, or something can't be read.
    pub fn from_pem(authorities: &[u8], lists: &[u8]) -> Result<Self, TrustPemError> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(authorities).collect();
        let read = read.map_err(|_| TrustPemError::NotPem("authorities"))?;
        let parsed: Result<Vec<_>, _> =
            CertificateRevocationListDer::pem_slice_iter(lists).collect();
        let parsed = parsed.map_err(|_| TrustPemError::NotPem("revocation lists"))?;
        Ok(Self::new(&read, &parsed)?)
    }
}
