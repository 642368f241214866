//! Signatures of IKEv2's AUTH payload (RFC 7296 section 3.8, RFC 7427, RFC 4754, RFC 8420), and the private keys that
//! make them.
//!
//! SHA-1 is neither made nor taken: who can choose a part of what is signed finds two messages with one signature
//! (the SLOTH attack on IKEv2).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use webpki::aws_lc_rs as by;

use crate::Secret;

/// Hash functions that signatures are made with (IANA "IKEv2 Hash Algorithms").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SignatureHash {
    /// SHA2-256.
    Sha256,
    /// SHA2-384.
    Sha384,
    /// SHA2-512.
    Sha512,
    /// None before the signature, which has its own: Ed25519 (RFC 8420 section 2).
    Identity,
}

impl SignatureHash {
    /// All that are taken, and said to be (RFC 7427 section 4).
    pub const ALL: &[Self] = &[Self::Sha256, Self::Sha384, Self::Sha512, Self::Identity];

    /// Its number on the wire.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Sha256 => 2,
            Self::Sha384 => 3,
            Self::Sha512 => 4,
            Self::Identity => 5,
        }
    }

    /// The one of this number, if it is one of ours.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.id() == id)
    }
}

/// How AUTH is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignatureMethod<'a> {
    /// As an `AlgorithmIdentifier` in DER says (RFC 7427 section 3).
    Digital(&'a [u8]),
    /// ECDSA with SHA-256 on P-256, as two numbers (RFC 4754).
    EcdsaP256,
    /// The same with SHA-384 on P-384.
    EcdsaP384,
    /// The same with SHA-512 on P-521.
    EcdsaP521,
    /// RSASSA-PKCS1-v1_5 with any hash of SHA-2.
    Rsa,
}

impl SignatureMethod<'_> {
    /// The authentication method (RFC 7296 section 3.8).
    #[must_use]
    pub const fn id(&self) -> u8 {
        match self {
            Self::Rsa => 1,
            Self::EcdsaP256 => 9,
            Self::EcdsaP384 => 10,
            Self::EcdsaP521 => 11,
            Self::Digital(_) => 14,
        }
    }

    /// The method of this number that names no algorithm beside it.
    #[must_use]
    pub fn plain(id: u8) -> Option<Self> {
        let all = [Self::Rsa, Self::EcdsaP256, Self::EcdsaP384, Self::EcdsaP521];
        all.into_iter().find(|method| method.id() == id)
    }

    /// The algorithms that it may mean, each for one type of key.
    pub(crate) fn algorithms(&self) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
        match self {
            Self::Digital(named) => {
                let all = SIGNATURES.iter().copied();
                all.filter(|one| identifier(one.signature_alg_id()) == *named)
                    .collect()
            }
            Self::EcdsaP256 => vec![&FIXED_P256],
            Self::EcdsaP384 => vec![&FIXED_P384],
            Self::EcdsaP521 => vec![&FIXED_P521],
            Self::Rsa => vec![
                by::RSA_PKCS1_2048_8192_SHA256,
                by::RSA_PKCS1_2048_8192_SHA384,
                by::RSA_PKCS1_2048_8192_SHA512,
            ],
        }
    }
}

/// What signs certificates, revocation lists and AUTH. RSA has 2048 bits at least.
pub(crate) static SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
    by::ECDSA_P256_SHA256,
    by::ECDSA_P256_SHA384,
    by::ECDSA_P256_SHA512,
    by::ECDSA_P384_SHA256,
    by::ECDSA_P384_SHA384,
    by::ECDSA_P384_SHA512,
    by::ECDSA_P521_SHA256,
    by::ECDSA_P521_SHA384,
    by::ECDSA_P521_SHA512,
    by::ED25519,
    by::RSA_PKCS1_2048_8192_SHA256,
    by::RSA_PKCS1_2048_8192_SHA384,
    by::RSA_PKCS1_2048_8192_SHA512,
    by::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    by::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    by::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    by::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    by::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    by::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// An algorithm in DER, from what the library has of it: all but the outermost header. None is as long as 128 octets.
fn identifier(of: AlgorithmIdentifier) -> Vec<u8> {
    let len = u8::try_from(of.len()).unwrap_or(u8::MAX);
    [&[0x30, len], &*of].concat()
}

/// What certificates are not signed by, and AUTH may be: ECDSA whose signatures are two numbers of fixed length, one
/// after the other.
#[derive(Debug)]
pub(crate) struct Plain {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    by: &'static dyn signature::VerificationAlgorithm,
}

/// RSA with SHA-1. It is known, so that it can be told, and never taken. It has no identifier here.
pub(crate) static RSA_SHA1: Plain = Plain {
    key: alg_id::RSA_ENCRYPTION,
    signature: AlgorithmIdentifier::from_slice(&[]),
    by: &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
};

static FIXED_P256: Plain = Plain {
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
    by: &signature::ECDSA_P256_SHA256_FIXED,
};
static FIXED_P384: Plain = Plain {
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
    by: &signature::ECDSA_P384_SHA384_FIXED,
};
static FIXED_P521: Plain = Plain {
    key: alg_id::ECDSA_P521,
    signature: alg_id::ECDSA_SHA512,
    by: &signature::ECDSA_P521_SHA512_FIXED,
};

impl SignatureVerificationAlgorithm for Plain {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = signature::UnparsedPublicKey::new(self.by, public_key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// What was signed by a private key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The authentication method (RFC 7296 section 3.8).
    pub method: u8,
    /// The `AlgorithmIdentifier` in DER, where the method is 14.
    pub algorithm: Option<Vec<u8>>,
    /// The signature.
    pub octets: Vec<u8>,
}

/// Why nothing was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignError {
    /// The peer takes no hash function that the key can be used with.
    #[error("the peer takes none of the hash functions that the key signs with")]
    NoCommonHash,
    /// The library refuses.
    #[error("the private key does not sign")]
    Refused,
}

/// A type of private key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyKind {
    Ed25519,
    P256,
    P384,
    P521,
    Rsa,
}

impl KeyKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::P521 => "ECDSA P-521",
            Self::Rsa => "RSA",
        }
    }
}

/// A private key that signs: RSA (2048 to 8192 bits), ECDSA (P-256, P-384, P-521) or Ed25519. Wiped on drop; not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SigningKey {
    kind: KeyKind,
    der: Secret,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kind.name())
    }
}

fn rsa(der: &[u8]) -> Option<RsaKeyPair> {
    let pkcs8 = RsaKeyPair::from_pkcs8(der);
    pkcs8.or_else(|_| RsaKeyPair::from_der(der)).ok()
}

fn ecdsa(by: &'static signature::EcdsaSigningAlgorithm, der: &[u8]) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_private_key_der(by, der).ok()
}

impl SigningKey {
    /// Reads a key in DER: PKCS#8, PKCS#1 of RSA, or SEC 1 of ECDSA. `None` where it is none of the types.
    pub(crate) fn from_der(der: Secret) -> Option<Self> {
        let octets = der.as_slice();
        let kind = if Ed25519KeyPair::from_pkcs8(octets).is_ok() {
            KeyKind::Ed25519
        } else if ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, octets).is_some() {
            KeyKind::P256
        } else if ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, octets).is_some() {
            KeyKind::P384
        } else if ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, octets).is_some() {
            KeyKind::P521
        } else if rsa(octets).is_some() {
            KeyKind::Rsa
        } else {
            return None;
        };
        Some(Self { kind, der })
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.der
    }

    /// Signs for a peer that takes these hash functions by RFC 7427, or that has none.
    pub(crate) fn sign(
        &self,
        hashes: Option<&[SignatureHash]>,
        message: &[u8],
    ) -> Result<Signature, SignError> {
        match hashes {
            Some(hashes) => self.sign_as_named(hashes, message),
            None => self.sign_plainly(message),
        }
    }

    fn sign_as_named(
        &self,
        hashes: &[SignatureHash],
        message: &[u8],
    ) -> Result<Signature, SignError> {
        use SignatureHash::{Identity, Sha256, Sha384, Sha512};
        let takes = |hash| hashes.contains(&hash);
        let first = |of: &[SignatureHash]| of.iter().copied().find(|hash| takes(*hash));
        let usable: &[SignatureHash] = match self.kind {
            KeyKind::Ed25519 => &[Identity],
            KeyKind::P256 => &[Sha256],
            KeyKind::P384 => &[Sha384],
            KeyKind::P521 => &[Sha512, Sha384, Sha256],
            KeyKind::Rsa => &[Sha256, Sha384, Sha512],
        };
        let hash = first(usable).ok_or(SignError::NoCommonHash)?;
        let (algorithm, octets) = match (self.kind, hash) {
            (KeyKind::Ed25519, _) => (alg_id::ED25519, self.sign_ed25519(message)),
            (KeyKind::P256, _) => (
                alg_id::ECDSA_SHA256,
                self.sign_ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, message),
            ),
            (KeyKind::P384, _) => (
                alg_id::ECDSA_SHA384,
                self.sign_ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, message),
            ),
            (KeyKind::P521, Sha384) => (
                alg_id::ECDSA_SHA384,
                self.sign_ecdsa(&signature::ECDSA_P521_SHA384_ASN1_SIGNING, message),
            ),
            (KeyKind::P521, Sha256) => (
                alg_id::ECDSA_SHA256,
                self.sign_ecdsa(&signature::ECDSA_P521_SHA256_ASN1_SIGNING, message),
            ),
            (KeyKind::P521, _) => (
                alg_id::ECDSA_SHA512,
                self.sign_ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, message),
            ),
            (KeyKind::Rsa, Sha384) => (
                alg_id::RSA_PSS_SHA384,
                self.sign_rsa(&signature::RSA_PSS_SHA384, message),
            ),
            (KeyKind::Rsa, Sha512) => (
                alg_id::RSA_PSS_SHA512,
                self.sign_rsa(&signature::RSA_PSS_SHA512, message),
            ),
            (KeyKind::Rsa, _) => (
                alg_id::RSA_PSS_SHA256,
                self.sign_rsa(&signature::RSA_PSS_SHA256, message),
            ),
        };
        Ok(Signature {
            method: SignatureMethod::Digital(&[]).id(),
            algorithm: Some(identifier(algorithm)),
            octets: octets.ok_or(SignError::Refused)?,
        })
    }

    /// For a peer that does not know RFC 7427. Ed25519 has no number of its own.
    fn sign_plainly(&self, message: &[u8]) -> Result<Signature, SignError> {
        let (method, octets) = match self.kind {
            KeyKind::Ed25519 => return Err(SignError::NoCommonHash),
            KeyKind::P256 => (
                SignatureMethod::EcdsaP256,
                self.sign_ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, message),
            ),
            KeyKind::P384 => (
                SignatureMethod::EcdsaP384,
                self.sign_ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, message),
            ),
            KeyKind::P521 => (
                SignatureMethod::EcdsaP521,
                self.sign_ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, message),
            ),
            KeyKind::Rsa => (
                SignatureMethod::Rsa,
                self.sign_rsa(&signature::RSA_PKCS1_SHA256, message),
            ),
        };
        Ok(Signature {
            method: method.id(),
            algorithm: None,
            octets: octets.ok_or(SignError::Refused)?,
        })
    }

    fn sign_ed25519(&self, message: &[u8]) -> Option<Vec<u8>> {
        let key = Ed25519KeyPair::from_pkcs8(self.der.as_slice()).ok()?;
        Some(key.try_sign(message).ok()?.as_ref().to_vec())
    }

    fn sign_ecdsa(
        &self,
        by: &'static signature::EcdsaSigningAlgorithm,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let key = ecdsa(by, self.der.as_slice())?;
        let signature = key.sign(&SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }

    fn sign_rsa(&self, by: &'static dyn signature::RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
        let key = rsa(self.der.as_slice())?;
        let mut octets = vec![0; key.public_modulus_len()];
        let signed = key.sign(by, &SystemRandom::new(), message, &mut octets);
        signed.ok().map(|()| octets)
    }
}
