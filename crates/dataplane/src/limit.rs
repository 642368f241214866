//! How large inner packets of a Child SA may be.

use adit_esp::InnerHeader;

/// What every link takes (RFC 791 section 3.2, RFC 8200 section 5). Whatever is configured, packets up to here are
/// not refused for their size; but IPv4's are if they don't fit the path. No sender of IPv6 goes below, so that on a
/// path too narrow for it the outer packets are fragmented.
const MIN_V4: usize = 68;
const MIN_V6: usize = 1280;

/// The largest inner packet: what fits the path, or less, if the connection says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limit {
    /// What fits the path to the peer once it is sealed.
    pub(crate) path: usize,
    /// What the connection is configured to.
    pub(crate) mtu: Option<u16>,
}

impl Limit {
    /// For packets of the same family as this one.
    pub(crate) fn of(self, packet: &InnerHeader) -> usize {
        let is_ipv4 = packet.source.is_ipv4();
        let least = if is_ipv4 { MIN_V4 } else { MIN_V6 };
        let limit = self
            .mtu
            .map_or(self.path, |mtu| self.path.min(usize::from(mtu).max(least)));
        if is_ipv4 { limit } else { limit.max(MIN_V6) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::udp;

    #[test]
    fn the_smaller_counts_but_never_less_than_every_link_takes() {
        let (v4, v6) = (udp(false, b""), udp(true, b""));
        let of = |path, mtu| {
            let limit = Limit { path, mtu };
            [&v4, &v6].map(|packet| limit.of(&InnerHeader::parse(packet).unwrap()))
        };
        assert_eq!(of(1400, None), [1400, 1400]);
        assert_eq!(of(1400, Some(1300)), [1300, 1300]);
        assert_eq!(of(1400, Some(9000)), [1400, 1400]);
        assert_eq!(of(1400, Some(500)), [500, 1280]);
        assert_eq!(of(1400, Some(1)), [68, 1280]);
        assert_eq!(of(1200, Some(500)), [500, 1280]);
        assert_eq!(of(1200, None), [1200, 1280]);
    }
}
