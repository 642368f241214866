//! Traffic selectors: which packets an SA may carry (RFC 4301 section 4.4.1.1, RFC 7296 section 3.13).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::InnerHeader;

/// Why a selector cannot exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectorError {
    /// One end is IPv4 and the other IPv6.
    #[error("address range mixes IPv4 and IPv6")]
    MixedFamilies,
    /// The first address or port lies behind the last.
    #[error("range ends before it starts")]
    Reversed,
    /// A prefix longer than an address.
    #[error("prefix length {0} is too long")]
    PrefixTooLong(u8),
}

/// All addresses from a first to a last one, both included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressRange {
    /// IPv4 addresses.
    V4(Ipv4Addr, Ipv4Addr),
    /// IPv6 addresses.
    V6(Ipv6Addr, Ipv6Addr),
}

impl AddressRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// If the families differ or the range is reversed.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, SelectorError> {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => Ok(Self::V4(first, last)),
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => Ok(Self::V6(first, last)),
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                Err(SelectorError::Reversed)
            }
            _ => Err(SelectorError::MixedFamilies),
        }
    }

    /// All addresses that share the first `prefix_len` bits of `address`.
    ///
    /// # Errors
    /// If the prefix is longer than the address.
    pub fn subnet(address: IpAddr, prefix_len: u8) -> Result<Self, SelectorError> {
        let too_long = SelectorError::PrefixTooLong(prefix_len);
        match address {
            IpAddr::V4(address) => {
                let host_bits = 32_u32.checked_sub(prefix_len.into()).ok_or(too_long)?;
                let host = u32::MAX.checked_shr(32 - host_bits).unwrap_or(0);
                let first = address.to_bits() & !host;
                Ok(Self::V4(first.into(), (first | host).into()))
            }
            IpAddr::V6(address) => {
                let host_bits = 128_u32.checked_sub(prefix_len.into()).ok_or(too_long)?;
                let host = u128::MAX.checked_shr(128 - host_bits).unwrap_or(0);
                let first = address.to_bits() & !host;
                Ok(Self::V6(first.into(), (first | host).into()))
            }
        }
    }

    /// Whether the address is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4(first, last), IpAddr::V4(address)) => (*first..=*last).contains(&address),
            (Self::V6(first, last), IpAddr::V6(address)) => (*first..=*last).contains(&address),
            _ => false,
        }
    }
}

/// The ports of a selector; for ICMP a port is `type << 8 | code`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ports {
    /// Any port, and packets that show none, such as later fragments.
    Any,
    /// Ports from a first to a last one, both included; only packets that show their ports.
    Range(u16, u16),
    /// Only packets that show no ports (RFC 7296 section 3.13.1: start 65535, end 0).
    Opaque,
}

impl Ports {
    /// The ports of a selector on the wire.
    ///
    /// # Errors
    /// If the range is reversed and not the mark for opaque.
    pub fn from_wire(start: u16, end: u16) -> Result<Self, SelectorError> {
        match (start, end) {
            (0, u16::MAX) => Ok(Self::Any),
            (u16::MAX, 0) => Ok(Self::Opaque),
            _ if start <= end => Ok(Self::Range(start, end)),
            _ => Err(SelectorError::Reversed),
        }
    }

    fn contains(self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) | (Self::Opaque, None) => true,
            (Self::Range(first, last), Some(port)) => (first..=last).contains(&port),
            (Self::Range(..), None) | (Self::Opaque, Some(_)) => false,
        }
    }
}

/// One end's addresses, protocol and ports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TrafficSelector {
    /// Addresses at this end.
    pub addresses: AddressRange,
    /// The upper-layer protocol; 0 is any.
    pub protocol: u8,
    /// Ports at this end.
    pub ports: Ports,
}

impl TrafficSelector {
    /// All traffic of an address range.
    #[must_use]
    pub fn addresses(addresses: AddressRange) -> Self {
        Self {
            addresses,
            protocol: 0,
            ports: Ports::Any,
        }
    }

    fn matches(&self, address: IpAddr, protocol: u8, port: Option<u16>) -> bool {
        self.addresses.contains(address)
            && (self.protocol == 0 || self.protocol == protocol)
            && self.ports.contains(port)
    }
}

/// Both ends' selectors of one Child SA. A packet is allowed if one selector of each end allows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selectors {
    local: Arc<[TrafficSelector]>,
    remote: Arc<[TrafficSelector]>,
}

impl Selectors {
    /// The selectors as negotiated; an empty list allows nothing.
    #[must_use]
    pub fn new(local: Vec<TrafficSelector>, remote: Vec<TrafficSelector>) -> Self {
        Self {
            local: local.into(),
            remote: remote.into(),
        }
    }

    /// Our end's selectors.
    #[must_use]
    pub fn local(&self) -> &[TrafficSelector] {
        &self.local
    }

    /// The peer's selectors.
    #[must_use]
    pub fn remote(&self) -> &[TrafficSelector] {
        &self.remote
    }

    /// Whether the SA may carry this packet from us to the peer.
    #[must_use]
    pub fn allow_outbound(&self, packet: &InnerHeader) -> bool {
        let &InnerHeader {
            source,
            destination,
            protocol,
            source_port,
            destination_port,
            ..
        } = packet;
        self.local
            .iter()
            .any(|ours| ours.matches(source, protocol, source_port))
            && self
                .remote
                .iter()
                .any(|theirs| theirs.matches(destination, protocol, destination_port))
    }

    /// Whether the peer may send us this packet through the SA (RFC 4301 section 5.2 step 4).
    #[must_use]
    pub fn allow_inbound(&self, packet: &InnerHeader) -> bool {
        let &InnerHeader {
            source,
            destination,
            protocol,
            source_port,
            destination_port,
            ..
        } = packet;
        self.remote
            .iter()
            .any(|theirs| theirs.matches(source, protocol, source_port))
            && self
                .local
                .iter()
                .any(|ours| ours.matches(destination, protocol, destination_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner::tests::{v4, v6};
    use alloc::vec;

    fn subnet(text: &str, prefix_len: u8) -> TrafficSelector {
        TrafficSelector::addresses(AddressRange::subnet(text.parse().unwrap(), prefix_len).unwrap())
    }

    #[test]
    fn a_subnet_ends_where_its_prefix_says() {
        let range = AddressRange::subnet("10.1.2.3".parse().unwrap(), 23).unwrap();
        assert_eq!(
            range,
            AddressRange::V4([10, 1, 2, 0].into(), [10, 1, 3, 255].into())
        );
        let all = AddressRange::subnet("10.1.2.3".parse().unwrap(), 0).unwrap();
        assert_eq!(all, AddressRange::V4([0; 4].into(), [255; 4].into()));
        let one = AddressRange::subnet("10.1.2.3".parse().unwrap(), 32).unwrap();
        assert!(
            one.contains("10.1.2.3".parse().unwrap()) && !one.contains("10.1.2.4".parse().unwrap())
        );
        let six = AddressRange::subnet("2001:db8::1".parse().unwrap(), 64).unwrap();
        assert!(six.contains("2001:db8::ffff:0:0:1".parse().unwrap()));
        assert!(!six.contains("2001:db8:0:1::1".parse().unwrap()));
        assert!(!six.contains("10.0.0.1".parse().unwrap()));
        let error = AddressRange::subnet("10.0.0.0".parse().unwrap(), 33).unwrap_err();
        assert_eq!(error, SelectorError::PrefixTooLong(33));
    }

    #[test]
    fn directions_are_not_confused() {
        let selectors = Selectors::new(vec![subnet("10.0.0.0", 24)], vec![subnet("10.1.0.0", 24)]);
        let out = InnerHeader::parse(&v4([10, 0, 0, 1], [10, 1, 0, 1], 17, &[0; 8])).unwrap();
        let back = InnerHeader::parse(&v4([10, 1, 0, 1], [10, 0, 0, 1], 17, &[0; 8])).unwrap();
        assert!(selectors.allow_outbound(&out) && !selectors.allow_outbound(&back));
        assert!(selectors.allow_inbound(&back) && !selectors.allow_inbound(&out));
    }

    #[test]
    fn a_later_fragment_needs_any_or_opaque_ports() {
        let mut packet = v4([10, 0, 0, 1], [10, 1, 0, 1], 17, &[0; 8]);
        let whole = InnerHeader::parse(&packet).unwrap();
        packet[7] = 9;
        let later = InnerHeader::parse(&packet).unwrap();
        let with = |ports| {
            let remote = TrafficSelector {
                protocol: 17,
                ports,
                ..subnet("10.1.0.0", 24)
            };
            Selectors::new(vec![subnet("10.0.0.0", 24)], vec![remote])
        };
        assert!(with(Ports::Any).allow_outbound(&later));
        assert!(
            with(Ports::Opaque).allow_outbound(&later)
                && !with(Ports::Opaque).allow_outbound(&whole)
        );
        let range = with(Ports::Range(0, 5));
        assert!(range.allow_outbound(&whole) && !range.allow_outbound(&later));
    }

    #[test]
    fn protocol_and_family_must_match() {
        let tcp = TrafficSelector {
            protocol: 6,
            ..subnet("::", 0)
        };
        let selectors = Selectors::new(vec![tcp], vec![tcp]);
        assert!(selectors.allow_outbound(&InnerHeader::parse(&v6(6, &[0; 20])).unwrap()));
        assert!(!selectors.allow_outbound(&InnerHeader::parse(&v6(17, &[0; 8])).unwrap()));
        let four = InnerHeader::parse(&v4([1; 4], [2; 4], 6, &[0; 20])).unwrap();
        assert!(!selectors.allow_outbound(&four));
    }

    #[test]
    fn wire_ports_are_any_a_range_or_opaque() {
        assert_eq!(Ports::from_wire(0, 65535), Ok(Ports::Any));
        assert_eq!(Ports::from_wire(65535, 0), Ok(Ports::Opaque));
        assert_eq!(Ports::from_wire(80, 80), Ok(Ports::Range(80, 80)));
        assert_eq!(Ports::from_wire(81, 80), Err(SelectorError::Reversed));
    }
}
