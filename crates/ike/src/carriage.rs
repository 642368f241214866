//! What the packets of Child SAs travel in, as it is wanted and as it is found.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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
    pub(crate) const fn told_source(self, local: SocketAddr) -> SocketAddr {
        match self {
            Self::Never => local,
            Self::Auto | Self::Always => nowhere(local),
        }
    }
}

const fn nowhere(local: SocketAddr) -> SocketAddr {
    match local.ip() {
        IpAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        IpAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    }
}

/// What connections want together that can't be told apart yet, as a responder's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// They want this.
    One(Encapsulation),
    /// Some exclude UDP, and the others do without it: it is the peer's to say. One that says that there is a NAT, or
    /// has to have UDP, is of the others.
    Either,
}

impl From<Encapsulation> for Wanted {
    fn from(wanted: Encapsulation) -> Self {
        Self::One(wanted)
    }
}

impl Wanted {
    /// What these connections want together, the one to think of first being first. Where some can't do with UDP and some
    /// not without it, that one decides.
    pub(crate) fn of(all: impl Iterator<Item = Encapsulation> + Clone) -> Self {
        let has = |wanted| all.clone().any(|one| one == wanted);
        let [auto, always, never] = [
            Encapsulation::Auto,
            Encapsulation::Always,
            Encapsulation::Never,
        ]
        .map(has);
        match (auto, always, never) {
            (true, false, true) => Self::Either,
            (true, _, false) => Self::One(Encapsulation::Auto),
            _ => Self::One(all.clone().next().unwrap_or_default()),
        }
    }

    /// As [`Encapsulation::conclude`].
    pub(crate) const fn conclude(
        self,
        supported: bool,
        translated: bool,
    ) -> Result<Carriage, Failure> {
        match self {
            Self::One(wanted) => wanted.conclude(supported, translated),
            Self::Either if translated => Ok(Carriage::Udp),
            Self::Either => Ok(Carriage::Ip),
        }
    }

    /// As [`Encapsulation::told_source`], where it is known already what packets travel in.
    pub(crate) const fn told_source(self, local: SocketAddr, carriage: Carriage) -> SocketAddr {
        match (self, carriage) {
            (Self::One(wanted), _) => wanted.told_source(local),
            (Self::Either, Carriage::Ip) => local,
            (Self::Either, Carriage::Udp) => nowhere(local),
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
