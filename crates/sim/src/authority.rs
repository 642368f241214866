//! Authorities that sign certificates for tests, by each type of key.

use std::net::IpAddr;

use adit_crypto::{Credentials, Secret, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm,
};
use time::OffsetDateTime;

/// A type of key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the algorithms")]
pub enum KeyType {
    Ed25519,
    P256,
    P384,
    P521,
    Rsa2048,
}

impl KeyType {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ed25519,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
    ];

    fn generate(self) -> KeyPair {
        let algorithm: &'static SignatureAlgorithm = match self {
            Self::Ed25519 => &rcgen::PKCS_ED25519,
            Self::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::P521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            Self::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        };
        made(KeyPair::generate_for(algorithm))
    }
}

/// Something of a test that can't be made is the test's fault.
#[expect(clippy::panic, reason = "of tests alone")]
fn made<T>(result: Result<T, rcgen::Error>) -> T {
    match result {
        Ok(made) => made,
        Err(error) => panic!("{error}"),
    }
}

/// A time that certificates of [`Authority`] are valid at, in seconds since 1970: in 2033.
pub const NOW: u64 = 2_000_000_000;

fn at(seconds: u64) -> OffsetDateTime {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its key.
    pub key: KeyType,
    /// Its subject's common name.
    pub common_name: String,
    /// Its names (`dNSName`).
    pub names: Vec<String>,
    /// Its mail addresses.
    pub emails: Vec<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its first and last second, since 1970.
    pub valid: (u64, u64),
    /// Whether its key is for signatures, and not for encryption.
    pub signs: bool,
    /// Whether it is for code, and nothing else.
    pub for_code: bool,
}

impl Wanted {
    /// One for a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            key: KeyType::P256,
            common_name: name.to_owned(),
            names: vec![name.to_owned()],
            emails: Vec::new(),
            addresses: Vec::new(),
            valid: (NOW - 1_000_000_000, NOW + 1_000_000),
            signs: true,
            for_code: false,
        }
    }
}

/// A certificate with its key, and those between it and a root.
#[derive(Clone, Debug)]
pub struct Issued {
    /// In DER, its own first.
    pub chain: Vec<Vec<u8>>,
    /// In PEM.
    pub pem: String,
    /// Its key, in PKCS#8.
    pub key: Vec<u8>,
    /// The same in PEM.
    pub key_pem: String,
    /// Its number.
    pub serial: SerialNumber,
}

impl Issued {
    /// As an end shows it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "of tests alone")]
    pub fn credentials(&self) -> Credentials {
        let key = Secret::new(self.key.clone());
        Credentials::new(self.chain.clone(), key).expect("it was made for its key")
    }
}

/// An authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate in DER, and those between it and its root, without the root.
    pub chain: Vec<Vec<u8>>,
    /// Its own certificate.
    pub certificate: Vec<u8>,
    /// The same in PEM.
    pub pem: String,
    issued: std::cell::Cell<u64>,
}

fn authority_params(name: &str, valid: (u64, u64)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = at(valid.0);
    params.not_after = at(valid.1);
    params
}

fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Example");
    subject.push(DnType::CommonName, name);
    subject
}

impl Authority {
    /// One that signs itself.
    #[must_use]
    pub fn root(name: &str, key: KeyType) -> Self {
        Self::root_until(name, key, NOW + 10_000_000)
    }

    /// One that is valid until then.
    #[must_use]
    pub fn root_until(name: &str, key: KeyType, until: u64) -> Self {
        let key = key.generate();
        let params = authority_params(name, (NOW - 1_900_000_000, until));
        let certificate = made(params.self_signed(&key));
        Self {
            issuer: Issuer::new(params, key),
            chain: Vec::new(),
            certificate: certificate.der().to_vec(),
            pem: certificate.pem(),
            issued: 1.into(),
        }
    }

    /// One below this one.
    #[must_use]
    pub fn below(&self, name: &str, key: KeyType) -> Self {
        let key = key.generate();
        let mut params = authority_params(name, (NOW - 1_000_000_000, NOW + 1_000_000));
        params.serial_number = Some(self.serial());
        let certificate = made(params.signed_by(&key, &self.issuer));
        let own = certificate.der().to_vec();
        Self {
            issuer: Issuer::new(params, key),
            chain: [vec![own.clone()], self.chain.clone()].concat(),
            certificate: own,
            pem: certificate.pem(),
            issued: 1.into(),
        }
    }

    fn serial(&self) -> SerialNumber {
        self.issued.set(self.issued.get() + 1);
        self.issued.get().into()
    }

    /// A certificate.
    #[must_use]
    pub fn issue(&self, wanted: &Wanted) -> Issued {
        let key = wanted.key.generate();
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&wanted.common_name);
        params.not_before = at(wanted.valid.0);
        params.not_after = at(wanted.valid.1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![match wanted.signs {
            true => KeyUsagePurpose::DigitalSignature,
            false => KeyUsagePurpose::KeyEncipherment,
        }];
        if wanted.for_code {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        }
        let names = wanted.names.iter().map(|name| name.as_str().try_into());
        let names = names.map(|name| SanType::DnsName(made(name)));
        let emails = wanted.emails.iter().map(|name| name.as_str().try_into());
        let emails = emails.map(|name| SanType::Rfc822Name(made(name)));
        let addresses = wanted.addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names = names.chain(emails).chain(addresses).collect();
        let serial = self.serial();
        params.serial_number = Some(serial.clone());
        let certificate = made(params.signed_by(&key, &self.issuer));
        let own = certificate.der().to_vec();
        Issued {
            chain: [vec![own], self.chain.clone()].concat(),
            pem: certificate.pem(),
            key: key.serialize_der(),
            key_pem: key.serialize_pem(),
            serial,
        }
    }

    /// What it has taken back, in DER, and in PEM. There will be another list `until` then.
    #[must_use]
    pub fn revoke(&self, gone: &[&Issued], until: u64) -> (Vec<u8>, String) {
        let revoked = gone.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: at(NOW - 1000),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: at(NOW - 1_000_000_000),
            next_update: at(until),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = made(list.signed_by(&self.issuer));
        (list.der().to_vec(), made(list.pem()))
    }

    /// An end that believes this authority, and these lists.
    #[must_use]
    #[expect(clippy::expect_used, reason = "of tests alone")]
    pub fn trust(&self, lists: &[Vec<u8>]) -> Trust {
        Trust::new(&[&self.certificate], lists).expect("it was made as an authority")
    }
}
