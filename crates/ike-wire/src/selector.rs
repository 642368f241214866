//! Which traffic an SA is for, however it is written (RFC 7296 section 3.13; in IKEv1, RFC 2407 section
//! 4.6.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses of one family, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressRange {
    /// IPv4.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6.
    V6(Ipv6Addr, Ipv6Addr),
}

impl AddressRange {
    /// The lowest address.
    #[must_use]
    pub const fn first(self) -> IpAddr {
        match self {
            Self::V4(first, _) => IpAddr::V4(first),
            Self::V6(first, _) => IpAddr::V6(first),
        }
    }

    /// The highest address.
    #[must_use]
    pub const fn last(self) -> IpAddr {
        match self {
            Self::V4(_, last) => IpAddr::V4(last),
            Self::V6(_, last) => IpAddr::V6(last),
        }
    }

    /// What is in both ranges, if anything.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::V4(a, b), Self::V4(c, d)) => {
                let (first, last) = (a.max(c), b.min(d));
                (first <= last).then_some(Self::V4(first, last))
            }
            (Self::V6(a, b), Self::V6(c, d)) => {
                let (first, last) = (a.max(c), b.min(d));
                (first <= last).then_some(Self::V6(first, last))
            }
            (Self::V4(..), Self::V6(..)) | (Self::V6(..), Self::V4(..)) => None,
        }
    }
}

/// What traffic an SA is for, on one side. The order of the ends is not checked when parsed:
/// an empty range selects nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TrafficSelector {
    /// The IP protocol, or 0 for any.
    pub protocol: u8,
    /// The first port (or ICMP type and code).
    pub first_port: u16,
    /// The last port. The pair 65 535, 0 means "opaque" (RFC 7296 section 3.13.1).
    pub last_port: u16,
    /// The first and the last, both of one family.
    pub addresses: AddressRange,
}

impl TrafficSelector {
    /// All traffic of the addresses.
    #[must_use]
    pub const fn any_of(addresses: AddressRange) -> Self {
        Self {
            protocol: 0,
            first_port: 0,
            last_port: u16::MAX,
            addresses,
        }
    }

    /// What both select, if anything.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let protocol = match (self.protocol, other.protocol) {
            (0, protocol) | (protocol, 0) => protocol,
            (a, b) if a == b => a,
            _ => return None,
        };
        let (first_port, last_port) = (
            self.first_port.max(other.first_port),
            self.last_port.min(other.last_port),
        );
        if first_port > last_port {
            return None;
        }
        let addresses = self.addresses.intersection(other.addresses)?;
        Some(Self {
            protocol,
            first_port,
            last_port,
            addresses,
        })
    }
}
