//! AH, and transport mode, on the data plane in memory.

use std::net::{IpAddr, SocketAddr};

use adit_crypto::{Encryption, Integrity, SystemRandom};
use adit_dataplane::{
    Carriage, ChildId, ChildSa, ConnectionBlocks, Dataplane, DropCause, Lane, Memory, Owner,
    RouteChange, Translations,
};
use adit_esp::{
    AddressRange, Framing, Hosts, InboundSa, InnerHeader, Keying, Mode, OutboundSa, Protection,
    Protocol, Selectors, Spi, TrafficSelector,
};

const HOSTS: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const HOSTS_V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

/// One end of an SA between two hosts, and what carries its packets. Both ends have one SPI and one key.
fn end(protection: Protection, local: IpAddr, remote: IpAddr) -> Memory {
    let block = |address: IpAddr| ipnet::IpNet::from(address);
    let memory = Memory::new();
    memory.change_routes(RouteChange {
        gone: Vec::new(),
        blocks: vec![ConnectionBlocks {
            owner: Owner(1),
            enabled: true,
            local: vec![block(local)],
            remote: vec![block(remote)],
            translations: Translations::default(),
        }],
    });
    let selector = |address| {
        let len = block(address).max_prefix_len();
        vec![TrafficSelector::addresses(
            AddressRange::subnet(address, len).unwrap(),
        )]
    };
    let selectors = Selectors::new(selector(local), selector(remote));
    let (encryption_key, integrity_key) = match protection {
        Protection::Ah(integrity) => (Vec::new(), vec![7; integrity.key_len()]),
        Protection::Esp(encryption, _) => (vec![7; encryption.key_len()], Vec::new()),
    };
    let keying = Keying {
        protection,
        encryption_key: &encryption_key,
        integrity_key: &integrity_key,
    };
    let framing = Framing {
        mode: Mode::Transport,
        hosts: Hosts::new(local, remote).unwrap(),
    };
    let spi = Spi::try_from(0x1000).unwrap();
    let random = &mut SystemRandom;
    let inbound = InboundSa::new(spi, &keying, framing, selectors.clone(), false);
    let outbound = OutboundSa::new(spi, &keying, framing, selectors, false, 0, random);
    memory
        .install(ChildSa {
            id: ChildId(1),
            owner: Owner(1),
            lane: Lane::First,
            inbound: inbound.unwrap(),
            outbound: outbound.unwrap(),
            local,
            remote: SocketAddr::new(remote, 4500),
            carriage: Carriage::Ip,
            mtu: None,
            ecn: true,
            outbound_active: true,
        })
        .unwrap();
    memory
}

fn pair(protection: Protection, hosts: [&str; 2]) -> (Memory, Memory, [IpAddr; 2]) {
    let [left, right] = hosts.map(|text| text.parse().unwrap());
    let ends = (end(protection, left, right), end(protection, right, left));
    (ends.0, ends.1, [left, right])
}

/// A UDP datagram without a checksum, which IPv4 allows.
fn datagram([source, destination]: [IpAddr; 2], payload: &[u8]) -> Vec<u8> {
    let udp = [
        &[0, 9, 0, 9][..],
        &(payload.len() as u16 + 8).to_be_bytes(),
        &[0; 2],
        payload,
    ];
    let udp = udp.concat();
    let mut packet;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            packet = vec![0x45, 0];
            packet.extend((udp.len() as u16 + 20).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            packet = vec![0x60, 0, 0, 0];
            packet.extend((udp.len() as u16).to_be_bytes());
            packet.extend([17, 64]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        _ => panic!("one family"),
    }
    packet.extend(udp);
    packet
}

const GCM: Protection = Protection::Esp(Encryption::AesGcm128, None);
const AH: Protection = Protection::Ah(Integrity::HmacSha256_128);

#[test]
fn a_datagram_between_two_hosts_crosses_without_its_header_and_has_one_again() {
    for protection in [GCM, AH] {
        for hosts in [HOSTS, HOSTS_V6] {
            let (left, right, ends) = pair(protection, hosts);
            let sent = datagram(ends, b"hello");
            let sealed = left.send(&sent).unwrap();
            assert_eq!(sealed.protocol, protection.protocol());
            let is_open = sealed.bytes.windows(5).any(|window| window == b"hello");
            assert_eq!(is_open, sealed.protocol == Protocol::Ah);
            let received = right.receive_raw(&sealed).unwrap();
            let (before, after) = (InnerHeader::parse(&sent), InnerHeader::parse(&received));
            assert_eq!(before, after);
            assert!(received.ends_with(b"hello"));
            let counted = right.child_counters(ChildId(1)).unwrap();
            assert_eq!(counted.octets_in, sent.len() as u64);
            let counted = left.child_counters(ChildId(1)).unwrap();
            assert_eq!(counted.octets_out, sent.len() as u64);
            assert_eq!(right.receive_raw(&sealed), None, "a replay");
        }
    }
}

#[test]
fn an_spi_of_one_protocol_is_none_of_the_other() {
    let (_, right, ends) = pair(GCM, HOSTS);
    let (ah, _, _) = pair(AH, HOSTS);
    let sealed = ah.send(&datagram(ends, b"")).unwrap();
    assert_eq!(right.receive_raw(&sealed), None);
    assert_eq!(right.counters().drops(DropCause::UnknownSpi), 1);
}

#[test]
fn fragments_are_not_carried_in_transport_mode() {
    let (left, _, ends) = pair(GCM, HOSTS);
    let mut fragment = datagram(ends, b"hello");
    fragment[6] = 0x20;
    assert_eq!(left.send(&fragment), None);
    assert_eq!(left.counters().drops(DropCause::Uncarried), 1);
}
