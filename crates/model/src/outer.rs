//! The addresses that something has on the external network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A router's or a gateway's addresses on the external network. There is always an IPv4 one; a gateway in
/// route mode has a second one, and the others an IPv6 one where that network has a block of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct OuterAddresses {
    /// The IPv4 address.
    pub v4: Ipv4Addr,
    /// Another IPv4 address, from which a gateway in route mode speaks to each of its peers too.
    pub second: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

impl OuterAddresses {
    /// All there are, the first IPv4 one first.
    pub fn all(self) -> impl Iterator<Item = IpAddr> {
        let v6 = self.v6.map(IpAddr::V6);
        self.members().map(IpAddr::V4).chain(v6)
    }

    /// The IPv4 ones: that of each member of a gateway in route mode, or the one there is.
    pub fn members(self) -> impl Iterator<Item = Ipv4Addr> {
        [self.v4].into_iter().chain(self.second)
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.all().any(|own| own == address)
    }

    /// The one that `peer` is spoken to from: that of its family.
    #[must_use]
    pub fn toward(self, peer: IpAddr) -> Option<IpAddr> {
        self.all().find(|own| own.is_ipv4() == peer.is_ipv4())
    }
}

impl From<Ipv4Addr> for OuterAddresses {
    fn from(v4: Ipv4Addr) -> Self {
        Self {
            v4,
            second: None,
            v6: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_spoken_to_from_the_address_of_its_family() {
        let v4 = Ipv4Addr::new(203, 0, 113, 1);
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let (one, both) = (
            OuterAddresses::from(v4),
            OuterAddresses {
                v6: Some(v6),
                ..v4.into()
            },
        );
        let peers = ["198.51.100.7", "2001:db8:7::7"].map(|text| text.parse().unwrap());
        assert_eq!(peers.map(|peer| one.toward(peer)), [Some(v4.into()), None]);
        let found = peers.map(|peer| both.toward(peer));
        assert_eq!(found, [Some(v4.into()), Some(v6.into())]);
        assert!(both.contains(v6.into()) && !one.contains(v6.into()));
    }
}
