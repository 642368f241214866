//! Adit's algorithm table, and the only crate that names a cryptographic library.
//!
//! Everything here is stateless between calls and draws no randomness by itself: what must be random is drawn
//! from a [`Random`] that the caller hands in; ML-KEM alone draws its own. Secrets are wiped on drop and have no `Debug` content.
//!
//! | what | by |
//! |---|---|
//! | ML-KEM, AES-GCM, ChaCha20-Poly1305, HMAC, digests, P-256 to P-521, X25519 | aws-lc-rs |
//! | AES-CBC, interleaved over the packets of a batch (module `cbc`); AES-XCBC and AES-CMAC (`aes_mac`) | aes |
//! | AES-CTR, AES-CCM, AES-GCM with a shortened ICV | aes, ctr, ccm, ghash |
//! | for old peers: triple DES, HMAC-MD5 | des, hmac, md-5 |
//! | signatures of AUTH (`signature`) | aws-lc-rs |
//! | certificates: paths, validity, revocation; names (`certificate`) | rustls-webpki; x509-parser |
//! | passwords | argon2 |
//! | MODP groups, P-192, P-224 and Brainpool curves, by constant-time Montgomery arithmetic | crypto-bigint |

#![forbid(unsafe_code)]

mod aes_mac;
mod authenticator;
mod cbc;
mod ccm_key;
mod certificate;
mod combined;
mod counter;
mod credentials;
mod des;
mod digest;
mod encryption;
mod envelope;
mod group;
mod integrity;
mod iv;
mod kem;
mod mac;
mod password;
mod prf;
mod random;
mod seal;
mod secret;
mod signature;

pub use authenticator::Authenticator;
pub use cbc::CbcCipher;
pub use certificate::{
    CertificateFault, MAX_CHAIN, SignatureFault, SubjectName, Trust, TrustError,
    VerifiedCertificate,
};
pub use credentials::{Credentials, CredentialsError, TrustPemError};
pub use digest::{equal, hmac_sha256, sha1, sha256, verify_hmac_sha256};
pub use encryption::Encryption;
pub use envelope::{EnvelopeError, EnvelopeKey};
pub use group::{Group, KeyExchange, KeyExchangeError};
pub use integrity::Integrity;
pub use iv::IvGenerator;
pub use kem::{AdditionalExchange, Decapsulation};
pub use password::{PasswordError, PasswordMemory};
pub use prf::{Prf, PrfPlusError};
pub use random::{Random, SystemRandom};
pub use seal::{KeyError, OpenError, Opener, SealError, SealItem, Sealer};
pub use secret::Secret;
pub use signature::{SignError, Signature, SignatureHash, SignatureMethod};
