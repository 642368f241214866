//! X.509 certificates (RFC 5280) as IKE uses them (RFC 4945): whom one is for, and whether an authority that is trusted
//! says so. Paths, validity, revocation and signatures are `rustls-webpki`'s to judge; names are read by `x509-parser`.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator,
    KeyPurposeId, KeyPurposeIdIter, KeyUsage, OwnedCertRevocationList, RequiredEkuNotFoundContext,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::digest::sha1;
use crate::signature::{RSA_SHA1, SIGNATURES, SignatureMethod};

/// The most certificates that are taken of a peer: its own, and those of authorities between.
pub const MAX_CHAIN: usize = 8;

/// The most names of a certificate that are told where none is the right one.
const MAX_TOLD: usize = 16;

/// What is wrong with a peer's certificate. Texts are what is in certificates: a peer's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificateFault {
    /// It, or one of an authority, was valid until then. Seconds since 1970.
    Expired {
        /// Whose.
        subject: String,
        /// The last second.
        until: u64,
        /// When it was looked at, on the clock here.
        now: u64,
    },
    /// The revocation list that would tell is older than it may be. Seconds since 1970.
    ListExpired {
        /// When there should have been another.
        until: u64,
        /// When it was looked at, on the clock here.
        now: u64,
    },
    /// The peer sent none.
    Missing,
    /// Somebody else's: none of its names is the identity that the peer is to have.
    NotForIdentity {
        /// Its names, and its subject.
        names: Vec<String>,
    },
    /// It, or one of an authority, is valid only from then on. Seconds since 1970.
    NotYetValid {
        /// Whose.
        subject: String,
        /// The first second.
        from: u64,
        /// When it was looked at, on the clock here.
        now: u64,
    },
    /// It is for other purposes: its key usage has no signatures, or its extended key usage nothing of IKE.
    Purpose,
    /// An authority has taken it back, or one of an authority before it.
    Revoked,
    /// There are more than [`MAX_CHAIN`].
    TooMany,
    /// No authority that is trusted here has signed it, nor one of those that the peer sent beside it.
    Untrusted {
        /// Whose it is.
        subject: String,
        /// Who has signed it.
        issuer: String,
    },
    /// It is no certificate of X.509 version 3, or breaks its rules.
    Unusable {
        /// How, after a colon.
        what: &'static str,
    },
}

/// Who a peer is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectName<'a> {
    /// An address (`iPAddress`).
    Address(IpAddr),
    /// The subject itself, in DER.
    Distinguished(&'a [u8]),
    /// A name (`dNSName`), in which case does not matter.
    Dns(&'a [u8]),
    /// A mail address (`rfc822Name`), in which case does not matter.
    Email(&'a [u8]),
}

/// Why something of a configuration can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustError {
    /// Nobody could ever be believed.
    #[error("there is no certificate of an authority")]
    NoAuthority,
    /// It is signed by an authority, or itself, and is none.
    #[error(
        "the certificate of {subject} is not an authority's: its basic constraints do not say so"
    )]
    NotAnAuthority {
        /// Whose it is.
        subject: String,
    },
    /// It can't be read.
    #[error("certificate {number} of the authorities can't be read: {what}")]
    Unreadable {
        /// From 1.
        number: usize,
        /// Why.
        what: &'static str,
    },
    /// It can't be read.
    #[error("revocation list {number} can't be read: {what}")]
    UnreadableList {
        /// From 1.
        number: usize,
        /// Why.
        what: &'static str,
    },
}

/// Printable ASCII of what somebody else wrote, and no more than so much of it.
fn told(text: &str) -> String {
    let printable = |letter: char| match letter {
        ' '..='~' => letter,
        _ => '?',
    };
    text.chars().take(256).map(printable).collect()
}

fn read<'a>(der: &'a [u8]) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// Its first and last second.
fn validity(certificate: &X509Certificate<'_>) -> (u64, u64) {
    let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
    let validity = certificate.validity();
    (
        seconds(validity.not_before.timestamp()),
        seconds(validity.not_after.timestamp()),
    )
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(octets.into());
    }
    <[u8; 16]>::try_from(octets).ok().map(Into::into)
}

/// Whether a certificate is for this name, exactly: a name with a wildcard is nobody's identity (RFC 4945 section
/// 5.1.3.6).
pub(crate) fn is_for(certificate: &X509Certificate<'_>, wanted: SubjectName<'_>) -> bool {
    if let SubjectName::Distinguished(der) = wanted {
        return certificate.subject().as_raw() == der;
    }
    let names = certificate.subject_alternative_name().ok().flatten();
    let mut names = names.iter().flat_map(|names| &names.value.general_names);
    names.any(|name| match (name, wanted) {
        (GeneralName::DNSName(name), SubjectName::Dns(wanted))
        | (GeneralName::RFC822Name(name), SubjectName::Email(wanted)) => {
            name.as_bytes().eq_ignore_ascii_case(wanted)
        }
        (GeneralName::IPAddress(octets), SubjectName::Address(wanted)) => {
            address(octets) == Some(wanted)
        }
        _ => false,
    })
}

/// All names of a certificate, for people.
pub(crate) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(format!("fqdn:{}", told(name))),
        GeneralName::RFC822Name(name) => Some(format!("email:{}", told(name))),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    });
    let subject = format!("subject {}", told(&certificate.subject().to_string()));
    names.take(MAX_TOLD).chain([subject]).collect()
}

/// Whether its key may sign AUTH (RFC 4945 section 5.1.3.2).
pub(crate) fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    match certificate.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.digital_signature() || usage.value.non_repudiation(),
        Err(_) => false,
    }
}

fn may_sign_certificates(der: &[u8]) -> bool {
    let Some(certificate) = read(der) else {
        return false;
    };
    match certificate.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Err(_) => false,
    }
}

/// Purposes that a gateway's certificate may have, if it names any. RFC 4945 section 5.1.3.12 knows those of IKE and
/// "any"; authorities for gateways give them those of TLS.
const PURPOSES: [KeyPurposeId<'static>; 5] = [
    KeyPurposeId::new(IPSEC_IKE),
    // iKEIntermediate, 1.3.6.1.5.5.8.2.2
    KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 8, 2, 2]),
    // anyExtendedKeyUsage, 2.5.29.37.0
    KeyPurposeId::new(&[0x55, 0x1d, 0x25, 0]),
    // id-kp-serverAuth, 1.3.6.1.5.5.7.3.1
    KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 7, 3, 1]),
    // id-kp-clientAuth, 1.3.6.1.5.5.7.3.2
    KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 7, 3, 2]),
];

/// id-kp-ipsecIKE, 1.3.6.1.5.5.7.3.17.
const IPSEC_IKE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 17];

struct Purposes;

impl ExtendedKeyUsageValidator for Purposes {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for purpose in iter {
            let purpose = purpose?;
            if PURPOSES.contains(&purpose) {
                return Ok(());
            }
            present.push(purpose.to_decoded_oid());
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = KeyUsage::required(IPSEC_IKE);
        let context = RequiredEkuNotFoundContext { required, present };
        Err(Error::RequiredEkuNotFoundContext(context))
    }
}

/// An authority that is trusted.
#[derive(Clone)]
struct Authority {
    anchor: TrustAnchor<'static>,
    /// Of its subject public key info (RFC 7296 section 3.7).
    key_hash: [u8; 20],
    subject: String,
    /// Its first and last second, since 1970.
    valid: (u64, u64),
}

/// Who is believed: authorities, and what they have taken back.
pub struct Trust {
    authorities: Vec<Authority>,
    lists: Vec<CertRevocationList<'static>>,
    /// Of all that it was made of, by which another one is known.
    digest: [u8; 32],
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subjects: Vec<_> = self.subjects().collect();
        write!(f, "Trust({subjects:?}, {} lists)", self.lists.len())
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Trust {}

impl Authority {
    fn read(number: usize, der: &[u8]) -> Result<Self, TrustError> {
        let unreadable = |what| TrustError::Unreadable { number, what };
        let certificate = read(der).ok_or_else(|| unreadable("it is not X.509"))?;
        let subject = told(&certificate.subject().to_string());
        if !certificate.is_ca() {
            return Err(TrustError::NotAnAuthority { subject });
        }
        let owned = CertificateDer::from(der);
        let rules = |_| unreadable("it breaks a rule of X.509 version 3");
        let parsed = EndEntityCert::try_from(&owned).map_err(rules)?;
        let anchor = webpki::anchor_from_trusted_cert(&owned).map_err(rules)?;
        Ok(Self {
            key_hash: sha1(&[&parsed.subject_public_key_info()]),
            anchor: anchor.to_owned(),
            subject,
            valid: validity(&certificate),
        })
    }

    fn is_valid(&self, now: u64) -> bool {
        (self.valid.0..=self.valid.1).contains(&now)
    }
}

impl Trust {
    /// Believes these authorities, each a certificate in DER, but not what these lists of theirs have taken back.
    ///
    /// # Errors
    /// There is no authority, one is none, or something can't be read.
    pub fn new(
        authorities: &[impl AsRef<[u8]>],
        lists: &[impl AsRef<[u8]>],
    ) -> Result<Self, TrustError> {
        let numbered = (1..).zip(authorities);
        let read = numbered.map(|(number, der)| Authority::read(number, der.as_ref()));
        let read: Vec<_> = read.collect::<Result<_, _>>()?;
        if read.is_empty() {
            return Err(TrustError::NoAuthority);
        }
        let numbered = (1..).zip(lists);
        let parsed = numbered.map(|(number, der)| {
            let parsed = OwnedCertRevocationList::from_der(der.as_ref());
            parsed
                .map(Into::into)
                .map_err(|error| TrustError::UnreadableList {
                    number,
                    what: list_fault(&error),
                })
        });
        let parsed = parsed.collect::<Result<_, _>>()?;
        let hash = |der: &[u8]| crate::sha256(&[der]);
        let mut digests: Vec<_> = authorities.iter().map(|der| hash(der.as_ref())).collect();
        // What stands between the two lists, so that none can be taken for the other.
        digests.push([0; 32]);
        digests.extend(lists.iter().map(|der| hash(der.as_ref())));
        Ok(Self {
            authorities: read,
            lists: parsed,
            digest: hash(digests.as_flattened()),
        })
    }

    /// What it was made of, in one number.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The hashes of the authorities' keys, by which peers are told whose certificates are wanted (RFC 7296 section
    /// 3.7).
    pub fn key_hashes(&self) -> impl Iterator<Item = &[u8; 20]> {
        self.authorities.iter().map(|authority| &authority.key_hash)
    }

    /// The authorities' names.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.authorities.iter().map(|authority| &*authority.subject)
    }

    /// Whether the first of these certificates, in DER, is of who is to have this name, and good `now`, in seconds since
    /// 1970; the others are of authorities between.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(
        &self,
        chain: &[&[u8]],
        name: SubjectName<'_>,
        now: u64,
    ) -> Result<VerifiedCertificate, CertificateFault> {
        let (first, between) = chain.split_first().ok_or(CertificateFault::Missing)?;
        if chain.len() > MAX_CHAIN {
            return Err(CertificateFault::TooMany);
        }
        let what = "it is not X.509";
        let certificate = read(first).ok_or(CertificateFault::Unusable { what })?;
        let valid = |authority: &&Authority| authority.is_valid(now);
        let anchors: Vec<_> = self.authorities.iter().filter(valid).collect();
        let path = self.path(first, between, &anchors, now);
        if let Err(fault) = path {
            return Err(self.expired_authority(first, between, now).unwrap_or(fault));
        }
        if !may_sign(&certificate) {
            return Err(CertificateFault::Purpose);
        }
        if !is_for(&certificate, name) {
            let names = names(&certificate);
            return Err(CertificateFault::NotForIdentity { names });
        }
        Ok(VerifiedCertificate {
            der: first.to_vec(),
            valid_until: validity(&certificate).1,
            subject: told(&certificate.subject().to_string()),
        })
    }

    /// Whether there is a path from one of these authorities.
    fn path(
        &self,
        first: &[u8],
        between: &[&[u8]],
        authorities: &[&Authority],
        now: u64,
    ) -> Result<(), CertificateFault> {
        let fault = |error| fault(error, first, between, now);
        let der = CertificateDer::from(first);
        let end = EndEntityCert::try_from(&der).map_err(fault)?;
        let anchors: Vec<_> = authorities.iter().map(|one| one.anchor.clone()).collect();
        let between_der: Vec<_> = between
            .iter()
            .map(|der| CertificateDer::from(*der))
            .collect();
        let lists: Vec<_> = self.lists.iter().collect();
        let verified = end.verify_for_usage(
            SIGNATURES,
            &anchors,
            &between_der,
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(now)),
            Purposes,
            revocation(&lists),
            Some(&only_authorities),
        );
        verified.map(drop).map_err(fault)
    }

    /// That all is well but for an authority that is not valid any more, or yet.
    fn expired_authority(
        &self,
        first: &[u8],
        between: &[&[u8]],
        now: u64,
    ) -> Option<CertificateFault> {
        let mut others = self.authorities.iter().filter(|one| !one.is_valid(now));
        let other = others.find(|other| self.path(first, between, &[other], now).is_ok())?;
        let subject = other.subject.clone();
        let (from, until) = other.valid;
        Some(if now < from {
            CertificateFault::NotYetValid { subject, from, now }
        } else {
            CertificateFault::Expired {
                subject,
                until,
                now,
            }
        })
    }
}

/// Authorities that have a list are asked about all that they have signed. A list that is too old tells nothing.
fn revocation<'a>(lists: &'a [&'a CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    let builder = RevocationOptionsBuilder::new(lists).ok()?;
    let options = builder
        .with_depth(RevocationCheckDepth::Chain)
        .with_status_policy(UnknownStatusPolicy::Allow)
        .with_expiration_policy(ExpirationPolicy::Enforce);
    Some(options.build())
}

/// RFC 5280 section 6.1.4 (n), which the library leaves out.
fn only_authorities(path: &VerifiedPath<'_>) -> Result<(), Error> {
    let mut between = path.intermediate_certificates();
    if between.all(|one| may_sign_certificates(&one.der())) {
        return Ok(());
    }
    Err(Error::EndEntityUsedAsCa)
}

/// What the library's verdict means.
fn fault(error: Error, first: &[u8], between: &[&[u8]], now: u64) -> CertificateFault {
    let all = || [first].into_iter().chain(between.iter().copied());
    let subject = |which: &dyn Fn((u64, u64)) -> bool| {
        let mut found = all().filter_map(read).filter(|one| which(validity(one)));
        let found = found.next().or_else(|| read(first));
        found.map_or_else(String::new, |one| told(&one.subject().to_string()))
    };
    match error {
        Error::CertExpired { not_after, .. } => CertificateFault::Expired {
            subject: subject(&|(_, until)| until == not_after.as_secs()),
            until: not_after.as_secs(),
            now,
        },
        Error::CertNotValidYet { not_before, .. } => CertificateFault::NotYetValid {
            subject: subject(&|(from, _)| from == not_before.as_secs()),
            from: not_before.as_secs(),
            now,
        },
        Error::CertRevoked => CertificateFault::Revoked,
        Error::CrlExpired { next_update, .. } => CertificateFault::ListExpired {
            until: next_update.as_secs(),
            now,
        },
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => {
            CertificateFault::Purpose
        }
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => {
            let first = read(first);
            let issuer = first.as_ref().map(|one| told(&one.issuer().to_string()));
            CertificateFault::Untrusted {
                subject: subject(&|_| true),
                issuer: issuer.unwrap_or_default(),
            }
        }
        other => unusable(&other),
    }
}

/// The same where people need know no more than what it is about.
fn unusable(error: &Error) -> CertificateFault {
    let what = match error {
        Error::CaUsedAsEndEntity => "it is an authority's own, not a gateway's",
        Error::EndEntityUsedAsCa => "who has signed it is no authority",
        Error::InvalidCrlSignatureForPublicKey | Error::IssuerNotCrlSigner => {
            "the revocation list is not signed by the authority that it names"
        }
        Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "there are too many certificates between it and an authority"
        }
        Error::NameConstraintViolation => "an authority before it may not sign for its names",
        Error::PathLenConstraintViolated => "an authority before it may have none below it",
        Error::UnsupportedCertVersion => "it is not X.509 version 3",
        Error::UnsupportedCriticalExtension => "it has a critical extension that is not known here",
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "it, or one of an authority, is signed by SHA-1 or another algorithm that is not taken"
        }
        _ => "it breaks a rule of X.509",
    };
    CertificateFault::Unusable { what }
}

/// Why a revocation list is none that can be used.
const fn list_fault(error: &Error) -> &'static str {
    match error {
        Error::UnsupportedDeltaCrl => "it is a delta, which needs another beside it",
        Error::UnsupportedIndirectCrl => "it speaks for other authorities than its own",
        Error::UnsupportedCrlVersion => "it is not X.509 version 2",
        _ => "it breaks a rule of X.509",
    }
}

/// The certificate of a peer who is who it should be, if what it says is signed by its key. Only [`Trust::verify`]
/// makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedCertificate {
    der: Vec<u8>,
    valid_until: u64,
    subject: String,
}

impl VerifiedCertificate {
    /// Whose it is.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its last second, since 1970.
    #[must_use]
    pub const fn valid_until(&self) -> u64 {
        self.valid_until
    }

    /// Whether its key has signed `message`.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify_signature(
        &self,
        method: &SignatureMethod<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFault> {
        verify(&self.der, method, message, signature)
    }
}

/// What is wrong with a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignatureFault {
    /// It was made by an algorithm that is not taken, or not by one for this type of key.
    Algorithm,
    /// The key has not made it.
    Wrong,
}

/// Whether the key of a certificate, in DER, has signed `message`.
pub(crate) fn verify(
    certificate: &[u8],
    method: &SignatureMethod<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(|_| SignatureFault::Algorithm)?;
    let mut fault = SignatureFault::Algorithm;
    for algorithm in method.algorithms() {
        match certificate.verify_signature(algorithm, message, signature) {
            Ok(()) => return Ok(()),
            Err(Error::InvalidSignatureForPublicKey) => fault = SignatureFault::Wrong,
            Err(_) => {}
        }
    }
    let by_sha1 = || certificate.verify_signature(&RSA_SHA1, message, signature);
    if *method == SignatureMethod::Rsa && by_sha1().is_ok() {
        fault = SignatureFault::Algorithm;
    }
    Err(fault)
}
