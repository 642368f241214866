//! What an [`crate::Endpoint`] is told: its own limits, and the connections it may have.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use adit_crypto::{AdditionalExchange, Encryption, Group, Integrity, Prf, SubjectName};
use adit_ike_wire::v2::Identification;
use adit_ike_wire::{AddressRange, IdType};

use crate::authentication::Authentication;
use crate::carriage::Encapsulation;

/// The addresses of a block: `address` with its host bits zero, and `prefix_len` fixed bits (more
/// than the family has count as all).
#[must_use]
pub fn block(address: IpAddr, prefix_len: u8) -> AddressRange {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shr(u32::from(prefix_len)).unwrap_or(0);
            let bits = u32::from(address);
            AddressRange::V4((bits & !mask).into(), (bits | mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shr(u32::from(prefix_len)).unwrap_or(0);
            let bits = u128::from(address);
            AddressRange::V6((bits & !mask).into(), (bits | mask).into())
        }
    }
}

/// Names a connection; the caller chooses the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionKey(pub u128);

/// An identity a peer is known by (RFC 7296 section 3.5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// How it is written.
    pub kind: IdType,
    /// Its octets.
    pub data: Vec<u8>,
}

impl Identity {
    /// The identity that is an address.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self {
                kind: IdType::IPV4_ADDR,
                data: address.octets().to_vec(),
            },
            IpAddr::V6(address) => Self {
                kind: IdType::IPV6_ADDR,
                data: address.octets().to_vec(),
            },
        }
    }

    /// Whether a peer that calls itself `other` is meant. Case does not matter in names (RFC 4343), nor
    /// in the mail addresses that peers are called by.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let same = match self.kind {
            IdType::FQDN | IdType::RFC822_ADDR => self.data.eq_ignore_ascii_case(&other.data),
            _ => self.data == other.data,
        };
        self.kind == other.kind && same
    }

    /// What a certificate names who calls itself so. Opaque octets are in none.
    #[must_use]
    pub fn in_certificates(&self) -> Option<SubjectName<'_>> {
        match self.kind {
            IdType::DER_ASN1_DN => Some(SubjectName::Distinguished(&self.data)),
            IdType::FQDN => Some(SubjectName::Dns(&self.data)),
            IdType::IPV4_ADDR => {
                let octets = <[u8; 4]>::try_from(&*self.data).ok()?;
                Some(SubjectName::Address(octets.into()))
            }
            IdType::IPV6_ADDR => {
                let octets = <[u8; 16]>::try_from(&*self.data).ok()?;
                Some(SubjectName::Address(octets.into()))
            }
            IdType::RFC822_ADDR => Some(SubjectName::Email(&self.data)),
            _ => None,
        }
    }

    pub(crate) fn view(&self) -> Identification<'_> {
        Identification {
            kind: self.kind,
            data: &self.data,
        }
    }

    pub(crate) fn from_wire(id: &Identification<'_>) -> Self {
        Self {
            kind: id.kind,
            data: id.data.to_vec(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (IdType::IPV4_ADDR, Ok(octets)) = (self.kind, <[u8; 4]>::try_from(&*self.data)) {
            return write!(f, "{}", IpAddr::from(octets));
        }
        if let (IdType::IPV6_ADDR, Ok(octets)) = (self.kind, <[u8; 16]>::try_from(&*self.data)) {
            return write!(f, "{}", IpAddr::from(octets));
        }
        // Attacker-chosen octets end up in logs and on pages: printable ASCII only, the rest in
        // hexadecimal.
        for octet in self.data.iter().take(128) {
            match octet {
                b' '..=b'~' => fmt::Write::write_char(f, char::from(*octet))?,
                _ => write!(f, "\\x{octet:02x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl IkeAlgorithms {
    /// The same for a peer, or an exchange, that has nothing additional.
    pub(crate) fn without_additional(&self) -> Self {
        Self {
            additional: Vec::new(),
            ..self.clone()
        }
    }

    /// What all of these accept, in the first one's order.
    pub(crate) fn common<'a>(mut of: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut common = of.next()?.clone();
        for other in of {
            common
                .encryption
                .retain(|one| other.encryption.contains(one));
            common.integrity.retain(|one| other.integrity.contains(one));
            common.prf.retain(|one| other.prf.contains(one));
            common.groups.retain(|one| other.groups.contains(one));
            common
                .additional
                .retain(|one| other.additional.contains(one));
        }
        Some(common)
    }
}

/// Acceptable algorithms for the IKE SA, best first; any combination will do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IkeAlgorithms {
    /// Ciphers.
    pub encryption: Vec<Encryption>,
    /// Integrity for the ciphers without their own.
    pub integrity: Vec<Integrity>,
    /// Pseudorandom functions.
    pub prf: Vec<Prf>,
    /// Key exchange groups; the first is tried first.
    pub groups: Vec<Group>,
    /// Key exchanges to do beside that of a group, where the peer can (RFC 9370). IKEv1 has none.
    pub additional: Vec<AdditionalExchange>,
}

/// What protects the packets of Child SAs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Protocol {
    /// Integrity alone, of the outer header too (RFC 4302): nothing may be translated on the way.
    Ah,
    /// RFC 4303.
    #[default]
    Esp,
}

/// What of a packet is protected (RFC 4301 section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// What it carries, between the two ends themselves.
    Transport,
    /// All of it.
    #[default]
    Tunnel,
}

/// Acceptable algorithms for Child SAs, best first; any combination will do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EspAlgorithms {
    /// What they are for.
    pub protocol: Protocol,
    /// Ciphers; none for AH.
    pub encryption: Vec<Encryption>,
    /// Integrity for the ciphers without their own, or for AH.
    pub integrity: Vec<Integrity>,
    /// Groups for perfect forward secrecy; empty means none.
    pub groups: Vec<Group>,
    /// Key exchanges to do beside that of a group (RFC 9370), with peers that did one for the IKE SA. IKEv1 has none.
    pub additional: Vec<AdditionalExchange>,
    /// Whether extended sequence numbers may be used; 32-bit ones always may.
    pub extended_sequence_numbers: bool,
}

/// One Child SA that is wanted: local and remote addresses. IKEv1 has one range for each end, and takes
/// the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChildConfig {
    /// This end's addresses.
    pub local: Vec<AddressRange>,
    /// The other end's addresses.
    pub remote: Vec<AddressRange>,
}

/// Liveness checks (RFC 7296 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Liveness {
    /// Silence before a check.
    pub interval: Duration,
    /// Silence after which the peer is dead.
    pub timeout: Duration,
    /// Whether to begin again at once with a peer that was lost; otherwise it has to come back, or packets for it have
    /// to come ([`crate::Command::Traffic`]).
    pub restart: bool,
}

/// Which versions of IKE a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Versions {
    /// IKEv1 alone.
    V1,
    /// IKEv2 alone.
    #[default]
    V2,
    /// Whichever the peer begins with; this end begins with IKEv2.
    Any,
    /// Whichever the peer begins with; this end begins with IKEv1.
    AnyFromV1,
}

impl Versions {
    /// Whether a peer may speak this major version.
    pub(crate) const fn allow(self, major: u8) -> bool {
        match self {
            Self::V1 => major == 1,
            Self::V2 => major == 2,
            Self::Any | Self::AnyFromV1 => major == 1 || major == 2,
        }
    }
}

/// Whether the first Child SA of an IKE SA is made with it, in IKE_AUTH, or after it (RFC 6023). IKEv1 makes them after
/// it always.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Childless {
    /// With it, unless the peer refuses that, or begins otherwise.
    #[default]
    Auto,
    /// After it, with a key exchange of its own where there are groups for that; a peer that can't, or does
    /// otherwise, is refused.
    Always,
    /// With it; a peer that does otherwise is refused.
    Never,
}

impl Childless {
    /// Whether a peer may ask so: with a Child SA in IKE_AUTH, or without.
    pub(crate) const fn allows(self, with_child: bool) -> bool {
        match self {
            Self::Auto => true,
            Self::Always => !with_child,
            Self::Never => with_child,
        }
    }
}

/// Everything about one connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionConfig {
    /// Which versions of IKE it speaks.
    pub versions: Versions,
    /// This end's address.
    pub local: IpAddr,
    /// The peer's address. The unspecified one is any of its family: the peer begins, by IKEv2, and is known by what
    /// it calls itself.
    pub remote: IpAddr,
    /// What this end calls itself.
    pub local_id: Identity,
    /// What the peer must call itself.
    pub remote_id: Identity,
    /// By what each end shows who it is. By IKEv1 that is one pre-shared key.
    pub authentication: Authentication,
    /// Whether its packets are carried in UDP.
    pub encapsulation: Encapsulation,
    /// Phase 1.
    pub ike: IkeAlgorithms,
    /// Phase 2. With AH `encapsulation` is never UDP, whose header AH would not cover.
    pub esp: EspAlgorithms,
    /// What of packets is protected. Transport mode is between `local` and `remote` alone.
    pub mode: Mode,
    /// Whether the first Child SA is made with the IKE SA.
    pub childless: Childless,
    /// The Child SAs wanted; the union of them is what a peer may ask for. Never empty.
    pub children: Vec<ChildConfig>,
    /// When the IKE SA is replaced.
    pub ike_lifetime: Duration,
    /// When a Child SA is replaced.
    pub child_lifetime: Duration,
    /// Liveness checks, or `None` for none.
    pub liveness: Option<Liveness>,
    /// Whether this end begins; otherwise it waits for the peer.
    pub initiate: bool,
}

impl ConnectionConfig {
    /// Whether the peer may be at any address.
    pub(crate) const fn is_to_any(&self) -> bool {
        self.remote.is_unspecified()
    }

    /// Whether this end can begin, and may.
    pub(crate) const fn begins(&self) -> bool {
        self.initiate && !self.is_to_any()
    }

    /// Whether a peer may begin by this major version. By IKEv1 the key is chosen by the peer's address (RFC 2409
    /// section 5.4), and there is nothing but a key.
    pub(crate) fn answers(&self, major: u8) -> bool {
        let by_key = || !self.is_to_any() && self.authentication.only_key().is_some();
        self.versions.allow(major) && (major != 1 || by_key())
    }
}

/// Limits of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointConfig {
    /// Half-open IKE SAs as responder from which on every initiator must return a cookie
    /// (RFC 7296 section 2.6).
    pub cookie_threshold: usize,
    /// The same for those with one peer address.
    pub cookie_threshold_of_peer: usize,
    /// The same for those with addresses that no connection names, where there are connections with peers at any
    /// address.
    pub cookie_threshold_of_strangers: usize,
    /// Half-open IKE SAs as responder that are held at most; further initiators are not answered.
    pub half_open_limit: usize,
    /// The same for those with one peer address: its own share, which others can't take. Only
    /// addresses of configured peers are answered at all, unless there are connections with peers at any. Where
    /// that is more, it is two for each connection at the address, up to half of all.
    pub half_open_limit_of_peer: usize,
    /// The same for those with addresses that no connection names, all together.
    pub half_open_limit_of_strangers: usize,
    /// The high 16 bits of every counter-mode IV, unique for each takeover of an SA's keys.
    pub iv_epoch: u16,
    /// Whether peers are told that message IDs can be agreed on anew after a takeover, at either end (RFC 6311).
    pub message_id_sync: bool,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            cookie_threshold: 30,
            cookie_threshold_of_peer: 3,
            cookie_threshold_of_strangers: 8,
            half_open_limit: 256,
            half_open_limit_of_peer: 5,
            half_open_limit_of_strangers: 64,
            iv_epoch: 0,
            message_id_sync: true,
        }
    }
}
