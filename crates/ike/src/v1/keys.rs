//! Keying material (RFC 2409 sections 5, 5.4, 5.5 and appendix B).

use alloc::vec::Vec;

use adit_crypto::{CbcCipher, Secret};
use adit_ike_wire::Spi;

use crate::output::DirectionKeys;
use crate::suite::{EspSuite, IkeSuite};

/// What both sides put into main mode.
pub(super) struct Material {
    pub(super) suite: IkeSuite,
    pub(super) cookies: (Spi, Spi),
    /// g^xi and g^xr.
    pub(super) publics: (Vec<u8>, Vec<u8>),
    pub(super) nonces: (Vec<u8>, Vec<u8>),
    /// g^xy.
    pub(super) shared: Secret,
    /// The body of the initiator's SA payload.
    pub(super) sa_body: Vec<u8>,
}

/// The keys of an IKE SA.
pub(super) struct Keys {
    pub(super) suite: IkeSuite,
    skeyid: Secret,
    skeyid_d: Secret,
    skeyid_a: Secret,
    pub(super) cipher: CbcCipher,
    /// The last block of phase 1, from which each later exchange has its IV.
    pub(super) iv: Vec<u8>,
}

/// Which of the two that authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Party {
    Initiator,
    Responder,
}

impl Keys {
    /// The keys with this pre-shared key; `None` only where the suite has no cipher in CBC mode, or no hash.
    pub(super) fn of(material: &Material, psk: &Secret) -> Option<Self> {
        let suite = material.suite;
        let prf = suite.prf;
        let (one, two) = (
            material.cookies.0.0.to_be_bytes(),
            material.cookies.1.0.to_be_bytes(),
        );
        let shared = material.shared.as_slice();
        let skeyid = prf.compute(psk.as_slice(), &[&material.nonces.0, &material.nonces.1]);
        let key = skeyid.as_slice();
        let skeyid_d = prf.compute(key, &[shared, &one, &two, &[0]]);
        let skeyid_a = prf.compute(key, &[skeyid_d.as_slice(), shared, &one, &two, &[1]]);
        let skeyid_e = prf.compute(key, &[skeyid_a.as_slice(), shared, &one, &two, &[2]]);
        let key_len = suite.encryption.key_len();
        let key = if skeyid_e.len() < key_len {
            // Appendix B: K1 = prf(SKEYID_e, 0), K2 = prf(SKEYID_e, K1) and so on.
            let mut octets = Vec::with_capacity(key_len + prf.output_len());
            let mut block = prf.compute(skeyid_e.as_slice(), &[&[0]]);
            octets.extend_from_slice(block.as_slice());
            while octets.len() < key_len {
                block = prf.compute(skeyid_e.as_slice(), &[block.as_slice()]);
                octets.extend_from_slice(block.as_slice());
            }
            Secret::new(octets)
        } else {
            skeyid_e
        };
        let cipher = CbcCipher::new(suite.encryption, key.as_slice().get(..key_len)?)?;
        let mut iv = prf.hash(&[&material.publics.0, &material.publics.1])?;
        iv.truncate(cipher.block_len());
        Some(Self {
            suite,
            skeyid,
            skeyid_d,
            skeyid_a,
            cipher,
            iv,
        })
    }

    /// HASH_I or HASH_R over the body of that party's identification (section 5).
    pub(super) fn proof(&self, material: &Material, party: Party, identity: &[u8]) -> Secret {
        let (one, two) = (
            material.cookies.0.0.to_be_bytes(),
            material.cookies.1.0.to_be_bytes(),
        );
        let (public_i, public_r) = (&*material.publics.0, &*material.publics.1);
        let [first, second, cookie_1, cookie_2] = match party {
            Party::Initiator => [public_i, public_r, &one[..], &two[..]],
            Party::Responder => [public_r, public_i, &two[..], &one[..]],
        };
        self.suite.prf.compute(
            self.skeyid.as_slice(),
            &[
                first,
                second,
                cookie_1,
                cookie_2,
                &material.sa_body,
                identity,
            ],
        )
    }

    /// The IV of an exchange after phase 1 (appendix B).
    pub(super) fn iv_of(&self, message_id: u32) -> Vec<u8> {
        let hash = self.suite.prf.hash(&[&self.iv, &message_id.to_be_bytes()]);
        // There are no keys without a hash.
        let mut iv = hash.unwrap_or_default();
        iv.truncate(self.cipher.block_len());
        iv
    }

    /// prf(SKEYID_a, M-ID | parts): what authenticates messages after phase 1 (sections 5.5 and 5.7).
    pub(super) fn hash(&self, message_id: u32, parts: &[&[u8]]) -> Secret {
        let id = message_id.to_be_bytes();
        let mut all = Vec::with_capacity(parts.len() + 1);
        all.push(&id[..]);
        all.extend_from_slice(parts);
        self.suite.prf.compute(self.skeyid_a.as_slice(), &all)
    }

    /// The hash of quick mode's third message, before whose message ID a zero goes (section 5.5).
    pub(super) fn third_hash(&self, message_id: u32, nonces: (&[u8], &[u8])) -> Secret {
        let id = message_id.to_be_bytes();
        let parts = [&[0][..], &id, nonces.0, nonces.1];
        self.suite.prf.compute(self.skeyid_a.as_slice(), &parts)
    }

    /// The keys of one direction of a Child SA (section 5.5): by the SPI of whoever receives.
    pub(super) fn child(
        &self,
        suite: &EspSuite,
        spi: u32,
        shared: Option<&Secret>,
        nonces: (&[u8], &[u8]),
    ) -> Option<DirectionKeys> {
        let protocol = [suite.protocol().number()];
        let prf = self.suite.prf;
        let lengths = [suite.encryption_len(), suite.integrity_len()];
        let len: usize = lengths.iter().sum();
        let octets = spi.to_be_bytes();
        let mut material = Vec::with_capacity(len + prf.output_len());
        let mut previous: Option<Secret> = None;
        while material.len() < len {
            let mut parts: Vec<&[u8]> = Vec::with_capacity(6);
            parts.extend(previous.as_ref().map(Secret::as_slice));
            parts.extend(shared.map(Secret::as_slice));
            parts.extend([&protocol[..], &octets, nonces.0, nonces.1]);
            let block = prf.compute(self.skeyid_d.as_slice(), &parts);
            material.extend_from_slice(block.as_slice());
            previous = Some(block);
        }
        let [encryption, integrity] = Secret::new(material).split(lengths)?;
        Some(DirectionKeys {
            spi,
            encryption,
            integrity,
        })
    }
}
