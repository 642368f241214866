//! Keying material (RFC 7296 sections 2.13 to 2.18).

use adit_crypto::{Opener, Sealer, Secret};
use adit_ike_wire::Spi;

use crate::codec::{Field, Reader, Unreadable, Writer, record};
use crate::output::DirectionKeys;
use crate::sa::Role;
use crate::suite::{EspSuite, IkeSuite};
use crate::v2::protection::Protection;

/// Key derivation failed; only a fault in the algorithm table can make it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the negotiated suite does not yield keys")]
pub(crate) struct KeyError;

/// The keys of an IKE SA.
pub(crate) struct SaKeys {
    pub(crate) suite: IkeSuite,
    pub(crate) protection: Protection,
    roots: Roots,
    /// What `protection` was made of, for whoever takes the SA over.
    outbound: OneWay,
    inbound: OneWay,
}

/// What later keys and AUTH rest on.
pub(crate) struct Roots {
    sk_d: Secret,
    sk_pi: Secret,
    sk_pr: Secret,
}

impl Roots {
    /// What AUTH of this side rests on.
    pub(crate) const fn sk_p(&self, signer: Role) -> &Secret {
        match signer {
            Role::Initiator => &self.sk_pi,
            Role::Responder => &self.sk_pr,
        }
    }
}

/// The keys of one direction.
struct OneWay {
    encryption: Secret,
    integrity: Secret,
}

record!(OneWay {
    encryption,
    integrity
});

/// Without what only AUTH needs.
impl Field for SaKeys {
    fn put(&self, to: &mut Writer) {
        self.suite.put(to);
        self.protection.iv_epoch().put(to);
        self.roots.sk_d.put(to);
        self.outbound.put(to);
        self.inbound.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let suite = Field::take(from)?;
        if u16::take(from)? >= from.epoch {
            return Err(Unreadable::Epoch);
        }
        let none = Secret::default;
        let roots = Roots {
            sk_d: Field::take(from)?,
            sk_pi: none(),
            sk_pr: none(),
        };
        let (outbound, inbound) = (Field::take(from)?, Field::take(from)?);
        Self::of(suite, roots, outbound, inbound, from.epoch).map_err(|_| Unreadable::Malformed)
    }
}

/// What both sides put into an exchange.
pub(crate) struct Nonces<'a> {
    pub(crate) initiator: &'a [u8],
    pub(crate) responder: &'a [u8],
}

impl SaKeys {
    /// The keys of a fresh IKE SA (section 2.14): SKEYSEED = prf(Ni | Nr, g^ir).
    pub(crate) fn initial(
        suite: IkeSuite,
        shared: &Secret,
        nonces: &Nonces<'_>,
        spis: (Spi, Spi),
        role: Role,
        iv_epoch: u16,
    ) -> Result<Self, KeyError> {
        // The section's special case: some functions take the first 64 bits of each nonce.
        let cut = |nonce: &[u8]| match suite.prf.nonce_key_len() {
            Some(len) => nonce.get(..len).unwrap_or(nonce).to_vec(),
            None => nonce.to_vec(),
        };
        let key = [cut(nonces.initiator), cut(nonces.responder)].concat();
        let skeyseed = suite.prf.compute(&key, &[shared.as_slice()]);
        Self::expand(suite, &skeyseed, nonces, spis, role, iv_epoch)
    }

    /// The keys of an IKE SA that replaces this one (section 2.18): SKEYSEED = prf(SK_d (old),
    /// g^ir (new) | Ni | Nr), with the old SA's PRF. What was exchanged beside that comes behind (RFC 9370
    /// section 2.2.4).
    pub(crate) fn rekeyed(
        &self,
        suite: IkeSuite,
        (shared, additional): (&Secret, Option<&Secret>),
        nonces: &Nonces<'_>,
        spis: (Spi, Spi),
        role: Role,
        iv_epoch: u16,
    ) -> Result<Self, KeyError> {
        let skeyseed = self.suite.prf.compute(
            self.roots.sk_d.as_slice(),
            &[
                shared.as_slice(),
                nonces.initiator,
                nonces.responder,
                additional.map_or(&[], Secret::as_slice),
            ],
        );
        Self::expand(suite, &skeyseed, nonces, spis, role, iv_epoch)
    }

    /// {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
    fn expand(
        suite: IkeSuite,
        skeyseed: &Secret,
        nonces: &Nonces<'_>,
        (spi_i, spi_r): (Spi, Spi),
        role: Role,
        iv_epoch: u16,
    ) -> Result<Self, KeyError> {
        let integrity_len = suite.integrity.map_or(0, |integrity| integrity.key_len());
        let encryption_len = suite.encryption.key_len();
        let prf_len = suite.prf.output_len();
        let total = 3 * prf_len + 2 * integrity_len + 2 * encryption_len;
        let (spi_i, spi_r) = (spi_i.0.to_be_bytes(), spi_r.0.to_be_bytes());
        let seed: [&[u8]; 4] = [nonces.initiator, nonces.responder, &spi_i, &spi_r];
        let material = suite
            .prf
            .plus(skeyseed.as_slice(), &seed, total)
            .map_err(|_| KeyError)?;
        let mut parts = Parts(material.as_slice());
        let sk_d = parts.take(prf_len)?;
        let (sk_ai, sk_ar) = (parts.take(integrity_len)?, parts.take(integrity_len)?);
        let (sk_ei, sk_er) = (parts.take(encryption_len)?, parts.take(encryption_len)?);
        let roots = Roots {
            sk_d,
            sk_pi: parts.take(prf_len)?,
            sk_pr: parts.take(prf_len)?,
        };
        let from_initiator = OneWay {
            encryption: sk_ei,
            integrity: sk_ai,
        };
        let from_responder = OneWay {
            encryption: sk_er,
            integrity: sk_ar,
        };
        let (outbound, inbound) = match role {
            Role::Initiator => (from_initiator, from_responder),
            Role::Responder => (from_responder, from_initiator),
        };
        Self::of(suite, roots, outbound, inbound, iv_epoch)
    }

    fn of(
        suite: IkeSuite,
        roots: Roots,
        outbound: OneWay,
        inbound: OneWay,
        iv_epoch: u16,
    ) -> Result<Self, KeyError> {
        let sealer = Sealer::new(
            suite.encryption,
            suite.integrity,
            outbound.encryption.as_slice(),
            outbound.integrity.as_slice(),
        )
        .map_err(|_| KeyError)?;
        let opener = Opener::new(
            suite.encryption,
            suite.integrity,
            inbound.encryption.as_slice(),
            inbound.integrity.as_slice(),
        )
        .map_err(|_| KeyError)?;
        let protection = Protection::new(suite.encryption, sealer, opener, iv_epoch);
        Ok(Self {
            suite,
            protection,
            roots,
            outbound,
            inbound,
        })
    }

    /// The keys after an additional exchange (RFC 9370 section 2.2.2): SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr),
    /// which is what a rekey does with what it exchanged.
    pub(crate) fn strengthened(
        &self,
        secret: &Secret,
        nonces: &Nonces<'_>,
        spis: (Spi, Spi),
        role: Role,
        iv_epoch: u16,
    ) -> Result<Self, KeyError> {
        self.rekeyed(self.suite, (secret, None), nonces, spis, role, iv_epoch)
    }

    /// What `signer` signs of an IKE_INTERMEDIATE message (RFC 9242 section 3.3.2), of which `covered` is what
    /// that section calls IntAuth_A and IntAuth_P. These are the keys before the exchange.
    pub(crate) fn intermediate_auth(&self, signer: Role, covered: &[u8]) -> Secret {
        self.suite
            .prf
            .compute(self.roots.sk_p(signer).as_slice(), &[covered])
    }

    /// What later keys and AUTH rest on.
    pub(crate) const fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The same with a post-quantum pre-shared key mixed in (RFC 8784 section 3): SK_d = prf+(PPK, SK_d'), and so for
    /// SK_pi and SK_pr. Messages are protected by the same keys as before.
    pub(crate) fn mixed(&self, ppk: &Secret) -> Result<Roots, KeyError> {
        let prf = self.suite.prf;
        let mix = |old: &Secret| {
            let key = prf.plus(ppk.as_slice(), &[old.as_slice()], prf.output_len());
            key.map_err(|_| KeyError)
        };
        Ok(Roots {
            sk_d: mix(&self.roots.sk_d)?,
            sk_pi: mix(&self.roots.sk_pi)?,
            sk_pr: mix(&self.roots.sk_pr)?,
        })
    }

    /// Goes on with what [`Self::mixed`] has made.
    pub(crate) fn rest_on(&mut self, mixed: Roots) {
        self.roots = mixed;
        self.suite.ppk = true;
    }

    /// The keys of a Child SA (section 2.17): KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr); the first
    /// half is for what the exchange's initiator sends. What was exchanged beside that comes behind (RFC 9370
    /// section 2.2.4).
    pub(crate) fn child(
        &self,
        suite: &EspSuite,
        (shared, additional): (Option<&Secret>, Option<&Secret>),
        nonces: &Nonces<'_>,
        role: Role,
        (inbound_spi, outbound_spi): (u32, u32),
    ) -> Result<(DirectionKeys, DirectionKeys), KeyError> {
        let (encryption_len, integrity_len) = (suite.encryption_len(), suite.integrity_len());
        let shared = shared.map_or(&[][..], Secret::as_slice);
        let additional = additional.map_or(&[][..], Secret::as_slice);
        let material = self
            .suite
            .prf
            .plus(
                self.roots.sk_d.as_slice(),
                &[shared, nonces.initiator, nonces.responder, additional],
                2 * (encryption_len + integrity_len),
            )
            .map_err(|_| KeyError)?;
        let mut parts = Parts(material.as_slice());
        let from_initiator = (parts.take(encryption_len)?, parts.take(integrity_len)?);
        let from_responder = (parts.take(encryption_len)?, parts.take(integrity_len)?);
        let (inbound, outbound) = match role {
            Role::Initiator => (from_responder, from_initiator),
            Role::Responder => (from_initiator, from_responder),
        };
        let keys = |spi, (encryption, integrity)| DirectionKeys {
            spi,
            encryption,
            integrity,
        };
        Ok((keys(inbound_spi, inbound), keys(outbound_spi, outbound)))
    }
}

/// Cuts keying material into keys.
struct Parts<'a>(&'a [u8]);

impl Parts<'_> {
    fn take(&mut self, len: usize) -> Result<Secret, KeyError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(KeyError)?;
        self.0 = tail;
        Ok(Secret::new(head.to_vec()))
    }
}
