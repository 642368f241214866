//! What the integration tests share: SAs with fixed keys.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use adit_crypto::{Encryption, Integrity, SystemRandom};
use adit_dataplane::{
    Carriage, ChildId, ChildSa, ConnectionBlocks, Lane, Owner, RouteChange, Translations,
};
use adit_esp::{
    AddressRange, Framing, Hosts, InboundSa, Keying, Mode, OutboundSa, Protection, Selectors, Spi,
    TrafficSelector,
};

/// Which end of the tunnel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// 10.0.0.0/24 and fd00::/16.
    Left,
    /// 10.1.0.0/24 and fd01::/16.
    Right,
}

fn net(address: &str, prefix_len: u8) -> TrafficSelector {
    let address: IpAddr = address.parse().unwrap();
    TrafficSelector::addresses(AddressRange::subnet(address, prefix_len).unwrap())
}

/// The connection of every Child SA that [`child`] makes.
pub(crate) const OWNER: Owner = Owner(7);

/// Both ends' blocks, either way round: good for the left and the right one.
pub(crate) fn routes() -> RouteChange {
    let blocks = ["10.0.0.0/24", "10.1.0.0/24", "fd00::/16", "fd01::/16"];
    let blocks: Vec<_> = blocks.iter().map(|text| text.parse().unwrap()).collect();
    let blocks = ConnectionBlocks {
        owner: OWNER,
        enabled: true,
        local: blocks.clone(),
        remote: blocks,
        translations: Translations::default(),
    };
    RouteChange {
        gone: Vec::new(),
        blocks: vec![blocks],
    }
}

/// One end of a Child SA. Both ends' `spi` makes them each other's peers: the left receives on it, the right on the
/// next.
pub(crate) fn child(
    side: Side,
    spi: u32,
    gcm: bool,
    remote: SocketAddr,
    outbound_active: bool,
) -> ChildSa {
    let left = vec![net("10.0.0.0", 24), net("fd00::", 16)];
    let right = vec![net("10.1.0.0", 24), net("fd01::", 16)];
    let (ours, theirs, receive, send) = match side {
        Side::Left => (left, right, spi, spi + 1),
        Side::Right => (right, left, spi + 1, spi),
    };
    let selectors = Selectors::new(ours, theirs);
    let (encryption, integrity) = if gcm {
        (Encryption::AesGcm256, None)
    } else {
        (Encryption::AesCbc128, Some(Integrity::HmacSha256_128))
    };
    // Each direction's keys follow from its SPI, so that the two ends agree.
    let keys = |spi: u32| {
        (
            vec![spi as u8; encryption.key_len()],
            vec![!spi as u8; integrity.map_or(0, Integrity::key_len)],
        )
    };
    let ((in_enc, in_mac), (out_enc, out_mac)) = (keys(receive), keys(send));
    let framing = Framing {
        mode: Mode::Tunnel,
        hosts: Hosts::new(remote.ip(), remote.ip()).unwrap(),
    };
    let protection = Protection::Esp(encryption, integrity);
    let in_keying = Keying {
        protection,
        encryption_key: &in_enc,
        integrity_key: &in_mac,
    };
    let out_keying = Keying {
        protection,
        encryption_key: &out_enc,
        integrity_key: &out_mac,
    };
    let spi_of = |spi: u32| Spi::try_from(spi).unwrap();
    ChildSa {
        id: ChildId(spi.into()),
        owner: OWNER,
        lane: Lane::First,
        inbound: InboundSa::new(
            spi_of(receive),
            &in_keying,
            framing,
            selectors.clone(),
            false,
        )
        .unwrap(),
        outbound: OutboundSa::new(
            spi_of(send),
            &out_keying,
            framing,
            selectors,
            false,
            0,
            &mut SystemRandom,
        )
        .unwrap(),
        local: match remote {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        },
        remote,
        carriage: Carriage::Udp,
        mtu: None,
        ecn: true,
        outbound_active,
    }
}
