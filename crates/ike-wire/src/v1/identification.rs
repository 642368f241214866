//! The identification payload (RFC 2407 section 4.6.2), which in quick mode says which traffic is meant.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::reader::Reader;
use crate::{AddressRange, IdType, ParseError, TrafficSelector};

/// A block of IPv4 addresses: address and mask.
const IPV4_ADDR_SUBNET: u8 = 4;
/// A block of IPv6 addresses.
const IPV6_ADDR_SUBNET: u8 = 6;
/// Two IPv4 addresses, both included.
const IPV4_ADDR_RANGE: u8 = 7;
/// Two IPv6 addresses.
const IPV6_ADDR_RANGE: u8 = 8;

/// Who somebody is, or which traffic is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identification<'a> {
    /// How it is written.
    pub kind: IdType,
    /// The IP protocol, or 0 for any.
    pub protocol: u8,
    /// The port, or 0 for any.
    pub port: u16,
    /// Its octets.
    pub data: &'a [u8],
}

impl<'a> Identification<'a> {
    /// Who somebody is.
    #[must_use]
    pub const fn of(kind: IdType, data: &'a [u8]) -> Self {
        Self {
            kind,
            protocol: 0,
            port: 0,
            data,
        }
    }

    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "identification");
        let [kind, protocol] = reader.array()?;
        let port = reader.u16()?;
        Ok(Self {
            kind: IdType(kind),
            protocol,
            port,
            data: reader.rest(),
        })
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind.0, self.protocol]);
        out.extend_from_slice(&self.port.to_be_bytes());
        out.extend_from_slice(self.data);
    }

    /// The traffic it stands for; none where it is no address, block or range.
    #[must_use]
    pub fn selector(&self) -> Option<TrafficSelector> {
        let v4 = |octets: [u8; 4]| Ipv4Addr::from(octets);
        let v6 = |octets: [u8; 16]| Ipv6Addr::from(octets);
        let addresses = match self.kind.0 {
            1 => {
                let address = v4(self.data.try_into().ok()?);
                AddressRange::V4(address, address)
            }
            5 => {
                let address = v6(self.data.try_into().ok()?);
                AddressRange::V6(address, address)
            }
            IPV4_ADDR_SUBNET => {
                let (first, mask) = self.data.split_first_chunk()?;
                let mask = u32::from(v4(mask.try_into().ok()?));
                let first = u32::from(v4(*first)) & mask;
                // A mask is a block's, or it is none.
                (mask.leading_ones() == mask.count_ones())
                    .then(|| AddressRange::V4(first.into(), (first | !mask).into()))?
            }
            IPV6_ADDR_SUBNET => {
                let (first, mask) = self.data.split_first_chunk()?;
                let mask = u128::from(v6(mask.try_into().ok()?));
                let first = u128::from(v6(*first)) & mask;
                (mask.leading_ones() == mask.count_ones())
                    .then(|| AddressRange::V6(first.into(), (first | !mask).into()))?
            }
            IPV4_ADDR_RANGE => {
                let (first, last) = self.data.split_first_chunk()?;
                AddressRange::V4(v4(*first), v4(last.try_into().ok()?))
            }
            IPV6_ADDR_RANGE => {
                let (first, last) = self.data.split_first_chunk()?;
                AddressRange::V6(v6(*first), v6(last.try_into().ok()?))
            }
            _ => return None,
        };
        let mut selector = TrafficSelector::any_of(addresses);
        selector.protocol = self.protocol;
        if self.port != 0 {
            (selector.first_port, selector.last_port) = (self.port, self.port);
        }
        Some(selector)
    }
}

/// How traffic is written in quick mode: a block where it is one, or else a range. What a selector says
/// of several ports can't be written, and is left out.
#[must_use]
pub fn of_selector(selector: &TrafficSelector) -> (IdType, Vec<u8>) {
    let both = |one: IpAddr, two: IpAddr| {
        let mut octets = Vec::with_capacity(32);
        for address in [one, two] {
            match address {
                IpAddr::V4(address) => octets.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => octets.extend_from_slice(&address.octets()),
            }
        }
        octets
    };
    let (kind, mask) = match selector.addresses {
        AddressRange::V4(first, last) => {
            let (low, high) = (u32::from(first), u32::from(last));
            let host = low ^ high;
            if host & host.wrapping_add(1) == 0 && low & host == 0 {
                (IPV4_ADDR_SUBNET, IpAddr::V4((!host).into()))
            } else {
                (IPV4_ADDR_RANGE, IpAddr::V4(last))
            }
        }
        AddressRange::V6(first, last) => {
            let (low, high) = (u128::from(first), u128::from(last));
            let host = low ^ high;
            if host & host.wrapping_add(1) == 0 && low & host == 0 {
                (IPV6_ADDR_SUBNET, IpAddr::V6((!host).into()))
            } else {
                (IPV6_ADDR_RANGE, IpAddr::V6(last))
            }
        }
    };
    (IdType(kind), both(selector.addresses.first(), mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(selector: TrafficSelector) -> Option<TrafficSelector> {
        let (kind, data) = of_selector(&selector);
        Identification::of(kind, &data).selector()
    }

    #[test]
    fn blocks_and_ranges_are_read_as_they_were_written() {
        let v4 = |a: [u8; 4], b: [u8; 4]| AddressRange::V4(a.into(), b.into());
        for (addresses, kind) in [
            (v4([10, 1, 0, 0], [10, 1, 0, 255]), IPV4_ADDR_SUBNET),
            (v4([0; 4], [255; 4]), IPV4_ADDR_SUBNET),
            (v4([10, 1, 0, 7], [10, 1, 0, 7]), IPV4_ADDR_SUBNET),
            (v4([10, 1, 0, 1], [10, 1, 0, 9]), IPV4_ADDR_RANGE),
            (
                AddressRange::V6(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
                IPV6_ADDR_SUBNET,
            ),
        ] {
            let selector = TrafficSelector::any_of(addresses);
            assert_eq!(of_selector(&selector).0, IdType(kind));
            assert_eq!(back(selector), Some(selector));
        }
    }

    #[test]
    fn a_mask_with_holes_is_none() {
        let data = [10, 0, 0, 0, 255, 0, 255, 0];
        let id = Identification::of(IdType(IPV4_ADDR_SUBNET), &data);
        assert_eq!(id.selector(), None);
        assert_eq!(Identification::of(IdType::FQDN, b"west").selector(), None);
    }
}
