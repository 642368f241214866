//! What the packets of Child SAs travel in, as it is wanted and as it is found.

use core::net::{IpAddr, SocketAddr};

use crate::failure::Failure;

/// How a connection's packets are to be carried (RFC 7296 section 2.23).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encapsulation {
    /// In UDP with every peer that speaks of NAT traversal, NAT or no NAT; as an IP protocol of its own with
    /// one that doesn't.
    #[default]
    Auto,
    /// In UDP; a peer that can't is refused.
    Always,
    /// As an IP protocol of its own; with a NAT in between there is no tunnel.
    Never,
}

impl Encapsulation {
    /// Whether packets may be carried so.
    pub(crate) const fn allows(self, carriage: Carriage) -> bool {
        match self {
            Self::Auto => true,
            Self::Always => matches!(carriage, Carriage::Udp),
            Self::Never => matches!(carriage, Carriage::Ip),
        }
    }

    /// What both ends conclude from their hashes of addresses (RFC 7296 section 2.23, RFC 3947 section 3.2): whether
    /// the peer speaks of NAT traversal, and whether either end's address was translated, or said to be.
    pub(crate) const fn conclude(
        self,
        supported: bool,
        translated: bool,
    ) -> Result<Carriage, Failure> {
        match self {
            Self::Always if !supported => Err(Failure::NoNatTraversal),
            Self::Never if translated => Err(Failure::NatInBetween),
            Self::Never => Ok(Carriage::Ip),
            Self::Auto if !supported => Ok(Carriage::Ip),
            Self::Auto | Self::Always => Ok(Carriage::Udp),
        }
    }

    /// The address that our source hash is of. Where UDP is wanted it is none of ours: the peer concludes then that
    /// there is a NAT.
    pub(crate) fn told_source(self, local: SocketAddr) -> SocketAddr {
        let unspecified = match local.ip() {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0; 16]),
        };
        match self {
            Self::Never => local,
            Self::Auto | Self::Always => SocketAddr::new(unspecified, 0),
        }
    }

    /// What stands for all of these together.
    pub(crate) fn common(mut of: impl Iterator<Item = Self>) -> Self {
        let first = of.next().unwrap_or_default();
        if of.all(|other| other == first) {
            first
        } else {
            Self::Auto
        }
    }
}

/// What a Child SA's packets travel in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Carriage {
    /// As an IP protocol of its own (RFC 4303).
    Ip,
    /// In UDP (RFC 3948).
    Udp,
}
