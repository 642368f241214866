//! Phase 1 (IKE) and phase 2 (IPsec) parameters. A policy lists what is acceptable, best first;
//! no policy means [`IkeParameters::negotiate`] and [`IpsecParameters::negotiate`].
//!
//! Algorithm names are those of RFC 8247 and RFC 8221 in the short spelling the field uses
//! (`aes256gcm16`, `sha256`, group numbers of the IANA registry).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{IkePolicyId, IpsecPolicyId, Name, ProjectId, ResourceGroup, Revision};

/// Which IKE speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IkeVersion {
    /// IKEv1 (RFC 2409).
    V1,
    /// IKEv2 (RFC 7296).
    V2,
}

/// Encryption, for IKE and for ESP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// DES in CBC mode (RFC 2405). Broken; for old equipment alone.
    Des,
    /// Triple DES in CBC mode (RFC 2451).
    TripleDes,
    /// AES-CBC with 128-bit keys (RFC 3602).
    Aes128,
    /// AES-CBC with 192-bit keys.
    Aes192,
    /// AES-CBC with 256-bit keys.
    Aes256,
    /// AES in counter mode with 128-bit keys (RFC 3686).
    Aes128Ctr,
    /// AES in counter mode with 192-bit keys.
    Aes192Ctr,
    /// AES in counter mode with 256-bit keys.
    Aes256Ctr,
    /// AES-CCM with 128-bit keys and an 8-octet ICV (RFC 4309).
    Aes128Ccm8,
    /// AES-CCM with 192-bit keys and an 8-octet ICV.
    Aes192Ccm8,
    /// AES-CCM with 256-bit keys and an 8-octet ICV.
    Aes256Ccm8,
    /// AES-CCM with 128-bit keys and a 12-octet ICV.
    Aes128Ccm12,
    /// AES-CCM with 192-bit keys and a 12-octet ICV.
    Aes192Ccm12,
    /// AES-CCM with 256-bit keys and a 12-octet ICV.
    Aes256Ccm12,
    /// AES-CCM with 128-bit keys and a 16-octet ICV.
    Aes128Ccm16,
    /// AES-CCM with 192-bit keys and a 16-octet ICV.
    Aes192Ccm16,
    /// AES-CCM with 256-bit keys and a 16-octet ICV.
    Aes256Ccm16,
    /// AES-GCM with 128-bit keys and an 8-octet ICV (RFC 4106).
    Aes128Gcm8,
    /// AES-GCM with 192-bit keys and an 8-octet ICV.
    Aes192Gcm8,
    /// AES-GCM with 256-bit keys and an 8-octet ICV.
    Aes256Gcm8,
    /// AES-GCM with 128-bit keys and a 12-octet ICV.
    Aes128Gcm12,
    /// AES-GCM with 192-bit keys and a 12-octet ICV.
    Aes192Gcm12,
    /// AES-GCM with 256-bit keys and a 12-octet ICV.
    Aes256Gcm12,
    /// AES-GCM with 128-bit keys and a 16-octet ICV (RFC 4106, RFC 5282).
    Aes128Gcm16,
    /// AES-GCM with 192-bit keys and a 16-octet ICV.
    Aes192Gcm16,
    /// AES-GCM with 256-bit keys and a 16-octet ICV.
    Aes256Gcm16,
    /// ChaCha20-Poly1305 (RFC 7634).
    ChaCha20Poly1305,
}

impl Encryption {
    /// Whether it brings its own integrity, so that no [`Authentication`] goes with it.
    #[must_use]
    pub const fn is_aead(self) -> bool {
        !matches!(
            self,
            Self::Des
                | Self::TripleDes
                | Self::Aes128
                | Self::Aes192
                | Self::Aes256
                | Self::Aes128Ctr
                | Self::Aes192Ctr
                | Self::Aes256Ctr
        )
    }
}

/// Integrity of packets, and the hash of the pseudorandom function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// HMAC-MD5-96 (RFC 2403).
    Md5,
    /// HMAC-SHA1-96 (RFC 2404).
    Sha1,
    /// HMAC-SHA256-128 (RFC 4868).
    Sha256,
    /// HMAC-SHA384-192.
    Sha384,
    /// HMAC-SHA512-256.
    Sha512,
    /// AES-XCBC-MAC-96 (RFC 3566, RFC 4434).
    AesXcbc,
    /// AES-CMAC-96 (RFC 4494, RFC 4615).
    AesCmac,
}

impl Authentication {
    /// What is offered without a policy in either phase, best first.
    const NEGOTIATED: [Self; 5] = [
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha1,
        Self::Md5,
    ];
}

/// A Diffie-Hellman group by its IANA number: 1, 2, 5, or 14 to 31.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct DhGroup(u16);

/// Not the number of a group Adit has a name for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} is no Diffie-Hellman group known here (1, 2, 5, 14 to 31)")]
pub struct DhGroupError(pub u16);

impl DhGroup {
    /// Group 2, MODP with 1024 bits (RFC 2409 section 6.2). Weak; what old equipment begins with.
    pub const MODP_1024: Self = Self(2);

    /// The IANA number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for DhGroup {
    type Error = DhGroupError;

    fn try_from(number: u16) -> Result<Self, DhGroupError> {
        match number {
            1 | 2 | 5 | 14..=31 => Ok(Self(number)),
            _ => Err(DhGroupError(number)),
        }
    }
}

impl From<DhGroup> for u16 {
    fn from(group: DhGroup) -> Self {
        group.0
    }
}

/// How phase 1 of IKEv1 goes (RFC 2409 section 5). IKEv2 has no such choice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NegotiationMode {
    /// Aggressive mode.
    Aggressive,
    /// Main mode.
    #[default]
    Main,
}

/// What protects packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Authentication Header (RFC 4302).
    Ah,
    /// Both, ESP within AH.
    AhEsp,
    /// Encapsulating Security Payload (RFC 4303).
    #[default]
    Esp,
}

/// What of a packet is protected (RFC 4301 section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encapsulation {
    /// What the IP packet carries.
    Transport,
    /// All of it.
    #[default]
    Tunnel,
}

/// What phase 1 may be: any combination of the lists, best first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IkeParameters {
    /// IKEv1 or IKEv2.
    pub version: IkeVersion,
    /// How IKEv1 goes.
    #[serde(default)]
    pub negotiation_mode: NegotiationMode,
    /// Acceptable ciphers; never empty.
    pub encryption: Vec<Encryption>,
    /// Acceptable integrity algorithms for ciphers without their own, and hashes of the PRF.
    pub authentication: Vec<Authentication>,
    /// Acceptable key exchange groups; never empty.
    pub groups: Vec<DhGroup>,
    /// When the IKE SA is rekeyed, in seconds.
    pub lifetime_s: u32,
}

impl IkeParameters {
    /// What is offered when no policy is named: IKEv2 with modern suites first, and at the end
    /// those that IBM's auto-negotiation of 2020 allows.
    #[must_use]
    pub fn negotiate() -> Self {
        use Encryption::{
            Aes128, Aes128Gcm16, Aes192, Aes256, Aes256Gcm16, ChaCha20Poly1305, TripleDes,
        };
        Self {
            version: IkeVersion::V2,
            negotiation_mode: NegotiationMode::Main,
            encryption: vec![
                Aes256Gcm16,
                Aes128Gcm16,
                ChaCha20Poly1305,
                Aes256,
                Aes192,
                Aes128,
                TripleDes,
            ],
            authentication: Authentication::NEGOTIATED.to_vec(),
            groups: [31, 19, 20, 21, 14, 15, 16, 5, 2].map(DhGroup).to_vec(),
            lifetime_s: 36_000,
        }
    }
}

/// What phase 2 may be: any combination of the lists, best first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IpsecParameters {
    /// What protects packets.
    #[serde(default)]
    pub transform: Transform,
    /// What of them.
    #[serde(default)]
    pub encapsulation: Encapsulation,
    /// Acceptable ciphers; never empty.
    pub encryption: Vec<Encryption>,
    /// Acceptable integrity algorithms for ciphers without their own.
    pub authentication: Vec<Authentication>,
    /// Groups for perfect forward secrecy; empty means none.
    pub pfs: Vec<DhGroup>,
    /// When a Child SA is rekeyed, in seconds.
    pub lifetime_s: u32,
}

impl IpsecParameters {
    /// What is offered when no policy is named: ESP, no perfect forward secrecy.
    #[must_use]
    pub fn negotiate() -> Self {
        use Encryption::{
            Aes128, Aes128Gcm16, Aes192, Aes192Gcm16, Aes256, Aes256Gcm16, ChaCha20Poly1305,
            TripleDes,
        };
        Self {
            transform: Transform::Esp,
            encapsulation: Encapsulation::Tunnel,
            encryption: vec![
                Aes256Gcm16,
                Aes192Gcm16,
                Aes128Gcm16,
                ChaCha20Poly1305,
                Aes256,
                Aes192,
                Aes128,
                TripleDes,
            ],
            authentication: Authentication::NEGOTIATED.to_vec(),
            pfs: Vec::new(),
            lifetime_s: 10_800,
        }
    }
}

/// What a policy of one phase says.
pub trait Phase: Clone + Eq + Send + Sync + 'static {
    /// What its policies are known by.
    type Id: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static;

    /// An id's bare form.
    fn uuid(id: Self::Id) -> Uuid;

    /// An id out of its bare form.
    fn id(uuid: Uuid) -> Self::Id;
}

impl Phase for IkeParameters {
    type Id = IkePolicyId;

    fn uuid(id: IkePolicyId) -> Uuid {
        id.uuid()
    }

    fn id(uuid: Uuid) -> IkePolicyId {
        IkePolicyId::from_uuid(uuid)
    }
}

impl Phase for IpsecParameters {
    type Id = IpsecPolicyId;

    fn uuid(id: IpsecPolicyId) -> Uuid {
        id.uuid()
    }

    fn id(uuid: Uuid) -> IpsecPolicyId {
        IpsecPolicyId::from_uuid(uuid)
    }
}

/// A named set of parameters that connections share: [`IkePolicy`] or [`IpsecPolicy`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy<P: Phase> {
    /// Random, made with the row, and its own for good.
    pub id: P::Id,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// What it says.
    pub parameters: P,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// Phase 1.
pub type IkePolicy = Policy<IkeParameters>;

/// Phase 2.
pub type IpsecPolicy = Policy<IpsecParameters>;
