//! AUTH (RFC 7296 section 2.15): what each side signs, by a key that both have or by that of a certificate, and what it
//! proves.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::{
    CertificateFault, Credentials, Secret, SignError, SignatureFault, SignatureHash,
    SignatureMethod, Trust,
};
use adit_ike_wire::v2::authentication::{
    DIGITAL_SIGNATURE, SHARED_KEY, X509_SIGNATURE, signature_hashes, signature_hashes_data,
};
use adit_ike_wire::v2::{DigitalSignature, Payload};

use crate::authentication::{Demand, Distrust, Means, Proof};
use crate::config::Identity;
use crate::failure::{Failure, Judge};
use crate::handover::Snapshot;
use crate::sa::Role;
use crate::time::Instant;
use crate::v2::contents::Contents;
use crate::v2::keys::{Roots, SaKeys};

/// Proof that the peer is who it should be: only verification makes one, and an established SA can't be had without.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// Until when its certificate says so.
    pub(crate) until: Option<Instant>,
}

impl Authenticated {
    /// A rekeyed SA inherits the proof of the one it came from.
    pub(crate) const fn inherit(&self) -> Self {
        Self { until: self.until }
    }

    /// So does one that was handed over: a snapshot is of SAs that are up, and sealed. Until when they may be is in it.
    pub(crate) const fn of_snapshot(_: &Snapshot) -> Self {
        Self { until: None }
    }
}

/// What a side signs beside its identity.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// Which side.
    pub(crate) signer: Role,
    /// What it knows by now.
    pub(crate) roots: &'a Roots,
    /// Its IKE_SA_INIT message.
    pub(crate) message: &'a [u8],
    /// The other side's nonce.
    pub(crate) peer_nonce: &'a [u8],
    /// IntAuth (RFC 9242 section 3.3.1); nothing where there was no IKE_INTERMEDIATE.
    pub(crate) intermediate: &'a [u8],
}

/// What the peer shows.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) method: u8,
    pub(crate) data: &'a [u8],
    /// Certificates, its own first.
    pub(crate) chain: &'a [&'a [u8]],
}

impl<'a> Shown<'a> {
    /// What a message has, if it has AUTH.
    pub(crate) fn of(contents: &'a Contents<'_>) -> Option<Self> {
        let (method, data) = contents.auth?;
        Some(Self {
            method,
            data,
            chain: &contents.certificates,
        })
    }

    const fn means(&self) -> Means {
        match self.method {
            SHARED_KEY => Means::PresharedKey,
            // RFC 7296 section 3.8, RFC 4754, RFC 7427.
            1 | 3 | 9..=11 | DIGITAL_SIGNATURE => Means::Certificate,
            other => Means::Other(other),
        }
    }
}

/// What this end shows.
pub(crate) struct Own {
    method: u8,
    data: Secret,
    credentials: Option<Arc<Credentials>>,
}

impl Own {
    /// Its certificates.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = Payload<'_>> {
        let credentials = self.credentials.iter();
        let chain = credentials.flat_map(|credentials| credentials.chain());
        chain.map(|der| Payload::Certificate {
            encoding: X509_SIGNATURE,
            data: der,
        })
    }

    /// The octets of AUTH, for a notification (RFC 8784 section 3).
    pub(crate) fn data(&self) -> &[u8] {
        self.data.as_slice()
    }

    pub(crate) fn auth(&self) -> Payload<'_> {
        Payload::Authentication {
            method: self.method,
            data: self.data.as_slice(),
        }
    }
}

/// Which hash functions are taken in signatures, as a notification's data (RFC 7427 section 4).
pub(crate) fn hashes_taken() -> Vec<u8> {
    let ids = SignatureHash::ALL.iter().map(|hash| hash.id());
    signature_hashes_data(ids)
}

/// Those that a peer takes, of ours.
pub(crate) fn hashes_of(data: &[u8]) -> Vec<SignatureHash> {
    let known = signature_hashes(data).filter_map(SignatureHash::from_id);
    // Each is used once, whatever a peer repeats.
    let ours = SignatureHash::ALL.len();
    let mut hashes = Vec::with_capacity(ours);
    for hash in known {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    hashes
}

impl SaKeys {
    /// What a side signs (section 2.15): its first message, the other side's nonce, a MAC of its identity; and
    /// RFC 9242's IntAuth.
    fn signed_octets(&self, signed: Signed<'_>, identity: &Identity) -> Vec<u8> {
        let mut id = Vec::new();
        identity.view().emit(&mut id);
        let sk_p = signed.roots.sk_p(signed.signer);
        let signed_id = self.suite.prf.compute(sk_p.as_slice(), &[&id]);
        [
            signed.message,
            signed.peer_nonce,
            signed_id.as_slice(),
            signed.intermediate,
        ]
        .concat()
    }

    fn shared_key_auth(&self, psk: &Secret, signed: Signed<'_>, identity: &Identity) -> Secret {
        let prf = self.suite.prf;
        let octets = self.signed_octets(signed, identity);
        let pad_key = prf.compute(psk.as_slice(), &[b"Key Pad for IKEv2"]);
        prf.compute(pad_key.as_slice(), &[&octets])
    }

    /// What this end shows, to a peer that takes these hash functions, or does not know RFC 7427.
    pub(crate) fn prove(
        &self,
        proof: &Proof,
        signed: Signed<'_>,
        identity: &Identity,
        hashes: Option<&[SignatureHash]>,
    ) -> Result<Own, Distrust> {
        let credentials = match proof {
            Proof::Certificate(credentials) => credentials,
            Proof::PresharedKey(psk) => {
                return Ok(Own {
                    method: SHARED_KEY,
                    data: self.shared_key_auth(psk, signed, identity),
                    credentials: None,
                });
            }
        };
        let octets = self.signed_octets(signed, identity);
        let signature = credentials.sign(hashes, &octets);
        // What was checked when it was configured signs.
        let signature = signature.map_err(|error| match error {
            SignError::NoCommonHash | SignError::Refused => Distrust::NoCommonHash,
        })?;
        let data = match &signature.algorithm {
            Some(algorithm) => DigitalSignature {
                algorithm,
                signature: &signature.octets,
            }
            .to_octets(),
            None => signature.octets,
        };
        Ok(Own {
            method: signature.method,
            data: Secret::new(data),
            credentials: Some(Arc::clone(credentials)),
        })
    }

    /// Whether what the peer shows is by who is to be `identity`, `now`, which is so many seconds since
    /// 1970.
    pub(crate) fn verify(
        &self,
        demand: &Demand,
        signed: Signed<'_>,
        identity: &Identity,
        shown: Shown<'_>,
        now: (Instant, u64),
    ) -> Result<Authenticated, Failure> {
        let other = |wanted| {
            let shown = shown.means();
            Err(Failure::Distrust(Distrust::Means { wanted, shown }))
        };
        match (demand, shown.means()) {
            (Demand::PresharedKey(psk), Means::PresharedKey) => {
                let expected = self.shared_key_auth(psk, signed, identity);
                if adit_crypto::equal(expected.as_slice(), shown.data) {
                    return Ok(Authenticated { until: None });
                }
                Err(Failure::Authentication { by: Judge::Us })
            }
            (Demand::Certificate(trust), Means::Certificate) => {
                let octets = self.signed_octets(signed, identity);
                verify_signature(trust, identity, shown, &octets, now).map_err(Failure::Distrust)
            }
            (Demand::PresharedKey(_), _) => other(Means::PresharedKey),
            (Demand::Certificate(_), _) => other(Means::Certificate),
        }
    }
}

fn verify_signature(
    trust: &Trust,
    identity: &Identity,
    shown: Shown<'_>,
    octets: &[u8],
    (now, time_of_day): (Instant, u64),
) -> Result<Authenticated, Distrust> {
    let name = identity.in_certificates();
    // Opaque octets are not in any certificate: the peer's own is not looked at for them.
    let nameless = Distrust::Certificate(CertificateFault::NotForIdentity { names: Vec::new() });
    let certificate = trust
        .verify(shown.chain, name.ok_or(nameless)?, time_of_day)
        .map_err(Distrust::Certificate)?;
    let algorithm = Distrust::Signature(SignatureFault::Algorithm);
    let (method, signature) = if shown.method == DIGITAL_SIGNATURE {
        let parsed = DigitalSignature::parse(shown.data).map_err(|_| algorithm)?;
        (SignatureMethod::Digital(parsed.algorithm), parsed.signature)
    } else {
        let plain = SignatureMethod::plain(shown.method).ok_or(algorithm)?;
        (plain, shown.data)
    };
    certificate
        .verify_signature(&method, octets, signature)
        .map_err(Distrust::Signature)?;
    let left = Duration::from_secs(certificate.valid_until().saturating_sub(time_of_day));
    let until = Some(now + left);
    Ok(Authenticated { until })
}
