//! The wish for a tunnel: this gateway to that peer, these local and remote CIDRs, this key,
//! these policies. What exists on the wire for it is in [`crate::observed`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::authentication::{Authentication, Ppk};
use crate::translation::{End, Translation, shown};
use crate::{
    Cidr, ConnectionId, EndpointGroupId, GatewayId, IkePolicyId, IpsecPolicyId, Name, ProjectId,
    Revision,
};

/// What to do when the peer stops answering.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DpdAction {
    /// Drop the SAs and wait.
    Clear,
    /// Drop the SAs and negotiate again when there is traffic.
    Hold,
    /// Don't probe.
    None,
    /// Drop the SAs and negotiate again at once.
    Restart,
    /// Drop the SAs and wait for the peer to negotiate again.
    #[serde(rename = "restart-by-peer")]
    RestartByPeer,
}

/// Who begins to negotiate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initiator {
    /// Both ends may.
    BiDirectional,
    /// The peer alone.
    ResponseOnly,
}

/// Who an end is in IKE (RFC 7296 section 3.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An IP address (`ID_IPV4_ADDR`, `ID_IPV6_ADDR`).
    Address(IpAddr),
    /// A mail address (`ID_RFC822_ADDR`).
    Email(String),
    /// A distinguished name in DER (`ID_DER_ASN1_DN`), as a certificate's subject is.
    DistinguishedName(Vec<u8>),
    /// Opaque octets (`ID_KEY_ID`).
    KeyId(Vec<u8>),
    /// Any other name (`ID_FQDN`).
    Name(String),
}

impl Identity {
    /// Reads an identity as Neutron users write it, whose drivers hand it to strongSwan: an address;
    /// `user@host`, or `@@user@host`, is a mail address; `@#` and hexadecimal digits, or what has
    /// a colon, is a key ID; anything else is a name, with or without an `@` before it. A type before
    /// a colon (`fqdn:`, `email:`, `keyid:`) leaves no doubt. `asn1dn:#` and hexadecimal digits is a distinguished name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Ok(address) = text.parse() {
            return Self::Address(address);
        }
        if let Some((kind, rest)) = text.split_once(':') {
            return match kind {
                "asn1dn" => match rest.strip_prefix('#').and_then(octets) {
                    Some(octets) => Self::DistinguishedName(octets),
                    None => Self::KeyId(text.as_bytes().to_vec()),
                },
                "dns" | "fqdn" => Self::Name(rest.to_owned()),
                "email" | "rfc822" | "userfqdn" => Self::Email(rest.to_owned()),
                "ipv4" | "ipv6" => Self::parse(rest),
                "keyid" => match rest.strip_prefix('#').and_then(octets) {
                    Some(octets) => Self::KeyId(octets),
                    None => Self::KeyId(rest.as_bytes().to_vec()),
                },
                _ => Self::KeyId(text.as_bytes().to_vec()),
            };
        }
        if let Some(octets) = text.strip_prefix("@#").and_then(octets) {
            return Self::KeyId(octets);
        }
        if let Some(address) = text.strip_prefix("@@") {
            return Self::Email(address.to_owned());
        }
        match text.strip_prefix('@') {
            Some(name) => Self::Name(name.to_owned()),
            None if text.contains('@') => Self::Email(text.to_owned()),
            None => Self::Name(text.to_owned()),
        }
    }
}

/// The octets that pairs of hexadecimal digits stand for.
fn octets(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let pairs = digits.chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    pairs
        .map(|pair| {
            let value = pair
                .iter()
                .try_fold(0, |sum, one| Some(sum * 16 + digit(one)?))?;
            u8::try_from(value).ok()
        })
        .collect()
}

/// Dead peer detection (IKEv2: liveness checks, RFC 7296 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct DeadPeerDetection {
    /// What to do.
    pub action: DpdAction,
    /// Seconds without inbound traffic before a probe, to 86 399.
    pub interval_s: u32,
    /// Seconds without an answer before the peer is dead, at least the interval, to 86 399.
    pub timeout_s: u32,
}

impl DeadPeerDetection {
    /// A peer that is gone is begun with again: where nobody says otherwise.
    pub const RESTART: Self = Self {
        action: DpdAction::Restart,
        interval_s: 30,
        timeout_s: 120,
    };
}

/// What is reachable at both ends of a connection, and who says so. Blocks are in the order given,
/// and never none, but where routes say them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ends {
    /// The connection itself.
    Blocks {
        /// This end's.
        local: Vec<Cidr>,
        /// The other end's.
        peer: Vec<Cidr>,
    },
    /// Its gateway, which has one subnet for all its connections; the connection itself of the other
    /// end.
    Subnet {
        /// The subnet's block.
        local: Cidr,
        /// The other end's.
        peer: Vec<Cidr>,
    },
    /// Endpoint groups.
    Groups {
        /// This end's.
        local: GroupBlocks,
        /// The other end's.
        peer: GroupBlocks,
    },
    /// The routes of the gateway's router that name the connection; at this end it is whatever the router is on.
    Routes {
        /// Where they lead, in the order in which they were made.
        peer: Vec<Cidr>,
    },
}

/// Any IPv4 address.
static ANYWHERE: LazyLock<[Cidr; 1]> =
    LazyLock::new(|| [Cidr::containing_all(Ipv4Addr::UNSPECIFIED)]);

/// An endpoint group, and the blocks that it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupBlocks {
    /// One of the connection's project.
    pub group: EndpointGroupId,
    /// Its blocks.
    pub cidrs: Vec<Cidr>,
}

impl Ends {
    /// This end's blocks.
    #[must_use]
    pub fn local(&self) -> &[Cidr] {
        match self {
            Self::Blocks { local, .. } => local,
            Self::Subnet { local, .. } => std::slice::from_ref(local),
            Self::Groups { local, .. } => &local.cidrs,
            Self::Routes { .. } => &*ANYWHERE,
        }
    }

    /// The other end's blocks.
    #[must_use]
    pub fn peer(&self) -> &[Cidr] {
        match self {
            Self::Blocks { peer, .. } | Self::Subnet { peer, .. } | Self::Routes { peer } => peer,
            Self::Groups { peer, .. } => &peer.cidrs,
        }
    }

    /// The groups of this and the other end, if groups say what they are.
    #[must_use]
    pub const fn groups(&self) -> Option<[EndpointGroupId; 2]> {
        match self {
            Self::Groups { local, peer } => Some([local.group, peer.group]),
            Self::Blocks { .. } | Self::Subnet { .. } | Self::Routes { .. } => None,
        }
    }
}

/// The wish for a tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Random, made with the row, and its own for good.
    pub id: ConnectionId,
    /// Whose it is.
    pub project: ProjectId,
    /// The gateway at this end.
    pub gateway: GatewayId,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// The other end; the unspecified address is any, or, of a host, that it is not known yet.
    pub peer_address: IpAddr,
    /// The other end's host name, where the user gave one; `peer_address` follows it.
    pub peer_host: Option<String>,
    /// Who the other end must say it is, as the user wrote it; `None` is its address.
    pub peer_id: Option<String>,
    /// Who this end says it is, as the user wrote it; `None` is the gateway's address.
    pub local_id: Option<String>,
    /// By what both ends show who they are.
    pub authentication: Authentication,
    /// When its pre-shared key was last set to another one, UTC; `None` where nobody knows, or it has none.
    pub psk_set_at: Option<OffsetDateTime>,
    /// What keys rest on beside that, if anything.
    pub ppk: Option<Ppk>,
    /// What is reachable at both ends: at each what it is there.
    pub ends: Ends,
    /// What of that the opposite end knows by other addresses, in the order in which it was given.
    pub translations: Vec<Translation>,
    /// Whether both of its tunnels carry what is sent, each flow by one of them; otherwise one does as long as it
    /// can. Of connections with one tunnel it is false.
    pub distribute_traffic: bool,
    /// The most octets of an inner packet; 0 leaves it to what the path carries.
    pub mtu: u32,
    /// Who begins.
    pub initiator: Initiator,
    /// How a dead peer is noticed.
    pub dead_peer_detection: DeadPeerDetection,
    /// Phase 1, or `None` to negotiate.
    pub ike_policy: Option<IkePolicyId>,
    /// Phase 2, or `None` to negotiate.
    pub ipsec_policy: Option<IpsecPolicyId>,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: bool,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl Connection {
    /// The MTU of a connection that asks for none.
    pub const MTU: u32 = 1500;

    /// What the other end's blocks are known as here: where packets to it go.
    #[must_use]
    pub fn peer_known_here(&self) -> Vec<Cidr> {
        shown(End::Peer, self.ends.peer(), &self.translations)
    }

    /// What this end's blocks are known as at the other end: what is negotiated for.
    #[must_use]
    pub fn local_known_there(&self) -> Vec<Cidr> {
        shown(End::Local, self.ends.local(), &self.translations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_of_the_type_its_spelling_says() {
        let name = |text: &str| Identity::Name(text.to_owned());
        let email = |text: &str| Identity::Email(text.to_owned());
        let key = |octets: &[u8]| Identity::KeyId(octets.to_vec());
        let table = [
            ("198.51.100.1", Identity::Address([198, 51, 100, 1].into())),
            ("2001:db8::1", Identity::parse("ipv6:2001:db8::1")),
            ("west.example", name("west.example")),
            ("@west.example", name("west.example")),
            ("@198.51.100.1", name("198.51.100.1")),
            ("fqdn:a@b", name("a@b")),
            ("user@west.example", email("user@west.example")),
            ("@@user@west.example", email("user@west.example")),
            ("email:user", email("user")),
            ("@#0aFf", key(&[10, 255])),
            ("@#0a f", name("#0a f")),
            ("keyid:branch 1", key(b"branch 1")),
            ("keyid:#00", key(&[0])),
            ("site:1", key(b"site:1")),
            ("branch 1", name("branch 1")),
        ];
        for (text, expected) in table {
            assert_eq!(Identity::parse(text), expected, "{text}");
        }
    }
}
