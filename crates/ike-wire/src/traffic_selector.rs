//! Traffic selectors (RFC 7296 section 3.13).

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ParseError;
use crate::message::patch_length;
use crate::reader::Reader;

/// The most selectors in one payload.
pub const MAX_SELECTORS: usize = 255;

const IPV4_ADDR_RANGE: u8 = 7;
const IPV6_ADDR_RANGE: u8 = 8;

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
    /// The addresses.
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

pub(crate) fn parse(body: &[u8]) -> Result<Vec<TrafficSelector>, ParseError> {
    let mut reader = Reader::new(body, "TS payload");
    let [count, _, _, _] = reader.array()?;
    let mut selectors = Vec::with_capacity(usize::from(count).min(body.len() / 16));
    for _ in 0..count {
        let [kind, protocol] = reader.array()?;
        let length = usize::from(reader.u16()?);
        let octets = reader.take(
            length
                .checked_sub(4)
                .ok_or(ParseError::Length("traffic selector"))?,
        )?;
        let mut fields = Reader::new(octets, "traffic selector");
        let (first_port, last_port) = (fields.u16()?, fields.u16()?);
        let addresses = match kind {
            IPV4_ADDR_RANGE => AddressRange::V4(
                Ipv4Addr::from_octets(fields.array()?),
                Ipv4Addr::from_octets(fields.array()?),
            ),
            IPV6_ADDR_RANGE => AddressRange::V6(
                Ipv6Addr::from_octets(fields.array()?),
                Ipv6Addr::from_octets(fields.array()?),
            ),
            // Other kinds can't be matched with anything here; they count as absent.
            _ => continue,
        };
        if !fields.is_empty() {
            return Err(ParseError::Length("traffic selector"));
        }
        selectors.push(TrafficSelector {
            protocol,
            first_port,
            last_port,
            addresses,
        });
    }
    if reader.is_empty() {
        Ok(selectors)
    } else {
        Err(ParseError::Length("TS payload"))
    }
}

pub(crate) fn emit(selectors: &[TrafficSelector], out: &mut Vec<u8>) {
    let selectors = selectors.get(..MAX_SELECTORS).unwrap_or(selectors);
    out.extend_from_slice(&[u8::try_from(selectors.len()).unwrap_or(u8::MAX), 0, 0, 0]);
    for selector in selectors {
        let start = out.len();
        let kind = match selector.addresses {
            AddressRange::V4(..) => IPV4_ADDR_RANGE,
            AddressRange::V6(..) => IPV6_ADDR_RANGE,
        };
        out.extend_from_slice(&[kind, selector.protocol, 0, 0]);
        out.extend_from_slice(&selector.first_port.to_be_bytes());
        out.extend_from_slice(&selector.last_port.to_be_bytes());
        match selector.addresses {
            AddressRange::V4(first, last) => {
                out.extend_from_slice(&first.octets());
                out.extend_from_slice(&last.octets());
            }
            AddressRange::V6(first, last) => {
                out.extend_from_slice(&first.octets());
                out.extend_from_slice(&last.octets());
            }
        }
        patch_length(out, start);
    }
}
