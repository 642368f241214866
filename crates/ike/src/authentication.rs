//! By what the two ends of a connection show who they are, and what can be wrong with it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_crypto::{CertificateFault, Credentials, Secret, SignatureFault, Trust};

/// By what each end shows who it is. The two need not do the same (RFC 7296 section 2.15).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authentication {
    /// By what this end does.
    pub own: Proof,
    /// By what the peer has to.
    pub peer: Demand,
    /// What keys rest on beside that, by IKEv2.
    pub ppk: Option<Arc<Ppk>>,
}

/// A post-quantum pre-shared key (RFC 8784): whoever breaks the key exchange one day, and has recorded everything, still
/// lacks it. It should have 256 bits of randomness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ppk {
    /// Its name, which both ends know it by (`PPK_ID_FIXED`).
    pub id: Vec<u8>,
    /// The key.
    pub key: Secret,
    /// Whether there is no tunnel without it; otherwise a peer that has none, or another by name, does without.
    pub mandatory: bool,
}

/// By what this end shows who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// A certificate that is for its identity.
    Certificate(Arc<Credentials>),
    /// A key that the peer has too.
    PresharedKey(Arc<Secret>),
}

/// By what the peer has to show who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Demand {
    /// A certificate that is for its identity, by one of these authorities.
    Certificate(Arc<Trust>),
    /// A key that this end has too.
    PresharedKey(Arc<Secret>),
}

impl Authentication {
    /// By one key, which both ends have.
    #[must_use]
    pub fn psk(key: Secret) -> Self {
        let key = Arc::new(key);
        Self {
            own: Proof::PresharedKey(Arc::clone(&key)),
            peer: Demand::PresharedKey(key),
            ppk: None,
        }
    }

    /// By certificates at both ends.
    #[must_use]
    pub const fn certificates(own: Arc<Credentials>, peer: Arc<Trust>) -> Self {
        Self {
            own: Proof::Certificate(own),
            peer: Demand::Certificate(peer),
            ppk: None,
        }
    }

    /// Nothing, where it is to be filled in.
    pub(crate) fn unknown() -> Self {
        Self::psk(Secret::default())
    }

    /// The key that is all there is to it: one that both ends have.
    #[must_use]
    pub fn only_key(&self) -> Option<&Secret> {
        match (&self.own, &self.peer) {
            (Proof::PresharedKey(own), Demand::PresharedKey(peer)) if self.ppk.is_none() => {
                (own == peer).then_some(own)
            }
            _ => None,
        }
    }

    /// Whether either end signs.
    pub(crate) const fn has_certificates(&self) -> bool {
        matches!(self.own, Proof::Certificate(_)) || matches!(self.peer, Demand::Certificate(_))
    }

    /// By which it is known to be another, and which tells nothing of what is secret.
    pub(crate) fn mark(&self, purpose: &[u8]) -> [u8; 32] {
        let keyed = |key: &Secret| adit_crypto::hmac_sha256(key.as_slice(), &[purpose]);
        let own = match &self.own {
            Proof::Certificate(own) => own.digest(),
            Proof::PresharedKey(key) => keyed(key),
        };
        let peer = match &self.peer {
            Demand::Certificate(trust) => *trust.digest(),
            Demand::PresharedKey(key) => keyed(key),
        };
        let ppk = self.ppk.as_ref().map(|ppk| {
            let key = keyed(&ppk.key);
            adit_crypto::sha256(&[&key, &[ppk.mandatory.into()], &ppk.id])
        });
        adit_crypto::sha256(&[&own, &peer, ppk.as_ref().map_or(&[][..], |ppk| ppk)])
    }
}

/// What an end shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// A signature by the key of a certificate.
    Certificate,
    /// Another authentication method, by its number (RFC 7296 section 3.8).
    Other(u8),
    /// A pre-shared key.
    PresharedKey,
}

/// Why a peer is not let in, or can't be shown who this end is, where certificates are wanted or shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Distrust {
    /// The peer's certificate is not good for who it should be.
    Certificate(CertificateFault),
    /// The peer shows something else than is wanted.
    Means {
        /// By the connection.
        wanted: Means,
        /// By the peer.
        shown: Means,
    },
    /// The peer takes no signature that this end's key can make.
    NoCommonHash,
    /// The two ends have no post-quantum pre-shared key in common.
    Ppk(PpkFault),
    /// The peer does not take what this end has shown; it does not say why.
    Refused,
    /// AUTH is not signed by the certificate's key, or not by an algorithm that is taken.
    Signature(SignatureFault),
}

/// What is wrong with a post-quantum pre-shared key (RFC 8784).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PpkFault {
    /// It has this name at both ends, and is another at the peer: AUTH is good without it.
    Differs {
        /// Its name.
        id: Vec<u8>,
    },
    /// AUTH does not verify with it; without it there is none to try.
    Either {
        /// Its name.
        id: Vec<u8>,
    },
    /// The peer uses none, and this end does not do without.
    Missing,
    /// The peer does not take what this end has shown, which rests on it.
    Refused {
        /// Its name.
        id: Vec<u8>,
    },
    /// The peer uses one of a name that this end has none of, or another.
    Unknown {
        /// The peer's name of it.
        theirs: Vec<u8>,
    },
}

/// The data of a wish for certificates of these authorities, each once (RFC 7296 section 3.7).
pub(crate) fn request_of<'a>(trusts: impl Iterator<Item = &'a Demand>) -> Vec<u8> {
    /// More would make a message long that anybody can ask for.
    const MOST: usize = 16;
    let mut hashes = Vec::new();
    for demand in trusts {
        let Demand::Certificate(trust) = demand else {
            continue;
        };
        for hash in trust.key_hashes() {
            if hashes.len() < MOST && !hashes.contains(hash) {
                hashes.push(*hash);
            }
        }
    }
    hashes.concat()
}
