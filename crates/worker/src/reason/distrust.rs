//! What people are told where certificates, or what is shown in their place, are not believed.

use adit_crypto::{CertificateFault, SignatureFault};
use adit_ike::{Distrust, Means, PpkFault};
use adit_model::{ReasonCode, Whose};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::finding::Finding;

/// Seconds since 1970 as a date.
fn date(seconds: u64) -> String {
    let at = i64::try_from(seconds).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(at);
    at.map_or_else(
        |_| format!("second {seconds}"),
        |at| at.format(&Rfc3339).unwrap_or_default(),
    )
}

const fn means(means: Means) -> &'static str {
    match means {
        Means::Certificate => "a certificate",
        Means::Other(_) => "another method",
        Means::PresharedKey => "a pre-shared key",
    }
}

pub(super) fn finding(now: OffsetDateTime, distrust: &Distrust, peer: &str) -> Finding {
    let (whose, evidence, next_step) = match distrust {
        Distrust::Certificate(fault) => certificate(fault, peer),
        Distrust::Means { wanted, shown } => (
            Whose::Peer,
            format!(
                "{peer} shows who it is by {}, and this connection wants {}",
                means(*shown),
                means(*wanted)
            ),
            format!("Set the peer to authenticate itself by {}.", means(*wanted)),
        ),
        Distrust::NoCommonHash => (
            Whose::Peer,
            format!("{peer} takes no signature that this end's key can make (RFC 7427)"),
            "Allow SHA2-256, SHA2-384 and SHA2-512 in signatures at the peer, and RFC 7427 where the key is Ed25519; or choose a key of another type.".into(),
        ),
        Distrust::Ppk(fault) => ppk(fault, peer),
        Distrust::Refused => (
            Whose::Peer,
            format!(
                "{peer} said AUTHENTICATION_FAILED: it refuses our identity, or what shows it"
            ),
            "Have the peer trust the authority of this end's certificate, and expect this end's identity; its log says what it misses.".into(),
        ),
        Distrust::Signature(SignatureFault::Algorithm) => (
            Whose::Peer,
            format!("{peer} signs by SHA-1 or another algorithm that is not taken"),
            "Set the peer to RSA, ECDSA or Ed25519 with SHA2 (RFC 7427).".into(),
        ),
        Distrust::Signature(SignatureFault::Wrong) => (
            Whose::Peer,
            format!("AUTH from {peer} is not signed by the key of the certificate it shows"),
            "Check that the peer's private key is that of its certificate.".into(),
        ),
    };
    let code = ReasonCode::CannotAuthenticateConnection;
    Finding::new(now, code, whose, evidence, &next_step).seen(!matches!(
        distrust,
        Distrust::Refused | Distrust::Ppk(PpkFault::Refused { .. })
    ))
}

/// What another end wrote, of which nobody knows what it is.
fn printable(octets: &[u8]) -> String {
    let printable = |octet: &u8| match octet {
        b' '..=b'~' => char::from(*octet),
        _ => '?',
    };
    octets.iter().take(64).map(printable).collect()
}

fn ppk(fault: &PpkFault, peer: &str) -> (Whose, String, String) {
    let (evidence, next_step) = match fault {
        PpkFault::Differs { id } => (
            format!(
                "AUTH from {peer} is good without the post-quantum pre-shared key {}, and not with it: the keys of that name differ",
                printable(id)
            ),
            "Set the same post-quantum pre-shared key on both sides.",
        ),
        PpkFault::Either { id } => (
            format!(
                "AUTH from {peer} does not verify with this connection's key and the post-quantum pre-shared key {}",
                printable(id)
            ),
            "Set the same pre-shared key and the same post-quantum pre-shared key on both sides; what is optional at the peer tells which of the two it is.",
        ),
        PpkFault::Missing => (
            format!(
                "{peer} uses no post-quantum pre-shared key (RFC 8784), which this connection requires"
            ),
            "Set the same one on both sides, or have this connection do without where the peer has none.",
        ),
        PpkFault::Refused { id } => (
            format!(
                "{peer} said AUTHENTICATION_FAILED: it refuses our identity, what shows it, or the post-quantum pre-shared key {}",
                printable(id)
            ),
            "Set the same post-quantum pre-shared key under the same name on both sides; if it is the same, check the pre-shared key or certificates, and the identities.",
        ),
        PpkFault::Unknown { theirs } => (
            format!(
                "{peer} uses a post-quantum pre-shared key named {}, which is not this connection's, and one of the two ends requires its own",
                printable(theirs)
            ),
            "Set the same one under the same name on both sides, or have both do without where the other has none.",
        ),
    };
    (Whose::Peer, evidence, next_step.to_owned())
}

fn certificate(fault: &CertificateFault, peer: &str) -> (Whose, String, String) {
    let told = |whose, evidence: String, next_step: &str| (whose, evidence, next_step.to_owned());
    let clock = "or set the clock here, which says";
    match fault {
        CertificateFault::Expired {
            subject,
            until,
            now,
        } => (
            Whose::Peer,
            format!(
                "the certificate of {subject}, by which {peer} shows who it is, was valid until {}",
                date(*until)
            ),
            format!("Renew the certificate; {clock} {}.", date(*now)),
        ),
        CertificateFault::NotYetValid { subject, from, now } => (
            Whose::Peer,
            format!(
                "the certificate of {subject}, by which {peer} shows who it is, is valid only from {}",
                date(*from)
            ),
            format!("Wait, {clock} {}.", date(*now)),
        ),
        CertificateFault::ListExpired { until, now } => (
            Whose::Local,
            format!(
                "the revocation list that tells of the certificate of {peer} should have been followed by another by {}",
                date(*until)
            ),
            format!(
                "Give this connection the authority's newest list; {clock} {}.",
                date(*now)
            ),
        ),
        CertificateFault::Missing => told(
            Whose::Peer,
            format!("{peer} sent no X.509 certificate"),
            "Set the peer to send its certificate.",
        ),
        CertificateFault::NotForIdentity { names } => told(
            Whose::Peer,
            format!(
                "the certificate of {peer} is not for the identity that it is to have; it is for {}",
                names.join(", ")
            ),
            "Set the peer identity of this connection, and the peer's own, to one of the certificate's names; or have a certificate made that has the identity among its alternative names.",
        ),
        CertificateFault::Purpose => told(
            Whose::Peer,
            format!(
                "the certificate of {peer} is for other purposes: by its key usage or extended key usage"
            ),
            "Have one made for digital signatures, and without extended key usage or with that of IKE (1.3.6.1.5.5.7.3.17).",
        ),
        CertificateFault::Revoked => told(
            Whose::Peer,
            format!("the certificate of {peer}, or one of an authority before it, was revoked"),
            "Have the peer use a new certificate; who revoked the old one knows why.",
        ),
        CertificateFault::TooMany => told(
            Whose::Peer,
            format!("{peer} sends more certificates than are taken"),
            "Set the peer to send its own certificate and those between it and the authority, and no others.",
        ),
        CertificateFault::Untrusted { subject, issuer } => told(
            Whose::Local,
            format!(
                "the certificate of {subject}, by which {peer} shows who it is, is signed by {issuer}, which no authority of this connection leads to"
            ),
            "Give this connection the certificate of the authority that signed it, or of the one above; or have the peer send those between.",
        ),
        CertificateFault::Unusable { what } => told(
            Whose::Peer,
            format!("the certificate of {peer} can't be used: {what}"),
            "Have another certificate made for the peer.",
        ),
    }
}
