//! The data plane in memory with so many connections: which of them a packet belongs to, and its SA.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;

use adit_crypto::{Encryption, SystemRandom};
use adit_dataplane::{
    Carriage, ChildId, ChildSa, ConnectionBlocks, Datagram, Dataplane, Lane, Memory, Owner,
    RouteChange, Translations,
};
use adit_esp::{
    AddressRange, Framing, Hosts, InboundSa, Keying, Mode, OutboundSa, Protection, Selectors, Spi,
    TrafficSelector,
};
use ipnet::{IpNet, Ipv4Net};

use crate::clock::{median, memory};

/// Packets of each measurement, and how often it is made.
const PACKETS: u32 = 1_000;
const RUNS: usize = 51;

/// How many connections the packets are of.
const SPREAD: u32 = 100;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);

/// The block behind a peer.
fn behind(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0b00_0000 + (number << 8))
}

fn blocks(number: u32) -> ConnectionBlocks {
    let net = |address| IpNet::V4(Ipv4Net::new_assert(address, 24));
    ConnectionBlocks {
        owner: Owner(number.into()),
        enabled: true,
        local: vec![net(HERE)],
        remote: vec![net(behind(number))],
        translations: Translations::default(),
    }
}

fn selector(address: Ipv4Addr) -> io::Result<TrafficSelector> {
    let range = AddressRange::subnet(address.into(), 24).map_err(io::Error::other)?;
    Ok(TrafficSelector::addresses(range))
}

/// One end of a connection's Child SA: the gateway's, or the peer's, whose packets it brings.
fn child(number: u32, at_peer: bool) -> io::Result<ChildSa> {
    let (local, remote) = (vec![selector(HERE)?], vec![selector(behind(number))?]);
    let (inbound, outbound) = (1_000 + 2 * number, 1_001 + 2 * number);
    let (selectors, inbound, outbound) = if at_peer {
        (Selectors::new(remote, local), outbound, inbound)
    } else {
        (Selectors::new(local, remote), inbound, outbound)
    };
    let key = [7; 20];
    let keying = Keying {
        protection: Protection::Esp(Encryption::AesGcm128, None),
        encryption_key: &key,
        integrity_key: &[],
    };
    let spi = |number: u32| Spi::try_from(number).map_err(io::Error::other);
    let (own, peer) = (Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 1));
    let framing = Framing {
        mode: Mode::Tunnel,
        hosts: Hosts::V4(own, peer),
    };
    let receives = InboundSa::new(spi(inbound)?, &keying, framing, selectors.clone(), true);
    let random = &mut SystemRandom;
    let sends = OutboundSa::new(spi(outbound)?, &keying, framing, selectors, true, 0, random);
    Ok(ChildSa {
        id: ChildId(number.into()),
        owner: Owner(number.into()),
        lane: Lane::First,
        inbound: receives.map_err(io::Error::other)?,
        outbound: sends.map_err(io::Error::other)?,
        local: own.into(),
        remote: ([192, 0, 2, 1], 4500).into(),
        carriage: Carriage::Udp,
        mtu: None,
        ecn: true,
        outbound_active: true,
    })
}

/// A UDP packet of 64 octets between the first hosts of two blocks.
fn packet(source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 64, 0, 0, 0x40, 0, 64, 17, 0, 0];
    for net in [source, destination] {
        packet.extend((net.to_bits() + 1).to_be_bytes());
    }
    packet.extend([0, 7, 0, 7, 0, 44, 0, 0]);
    packet.resize(64, 0);
    packet
}

/// Measures a data plane of so many connections.
pub(crate) fn measure(count: u32, tell: fn(&str, u64)) -> io::Result<()> {
    let before = memory()?;
    let gateway = Memory::new();
    let all: Vec<_> = (0..count).map(blocks).collect();
    gateway.change_routes(RouteChange {
        gone: Vec::new(),
        blocks: all,
    });
    for number in 0..count {
        gateway
            .install(child(number, false)?)
            .map_err(io::Error::other)?;
    }
    let grown = memory()?.saturating_sub(before);
    tell("data plane's memory, each", grown / u64::from(count));
    let connections: Vec<_> = (0..SPREAD).map(|part| count * part / SPREAD).collect();
    let out = connections.iter().map(|to| packet(HERE, behind(*to)));
    let out: Vec<_> = out.collect();
    let mut turns = out.iter().cycle();
    let sealed = median(RUNS, PACKETS, || {
        drop(turns.next().map(|out| gateway.send(out)));
    });
    if gateway.counters().packets_out != u64::from(PACKETS) * RUNS as u64 {
        return Err(io::Error::other("not all packets went out"));
    }
    tell("packet chosen and sealed", sealed);
    let mut replies = Replies::new(&connections)?;
    let mut sent = Vec::new();
    for _ in 0..PACKETS * RUNS as u32 / SPREAD {
        sent.extend(replies.round());
    }
    let all = sent.len() as u64;
    let mut sent = sent.into_iter();
    let opened = median(RUNS, PACKETS, || {
        if let Some(datagram) = sent.next() {
            drop(gateway.receive(datagram.to, &datagram.bytes));
        }
    });
    if gateway.counters().packets_in != all {
        return Err(io::Error::other("not all packets came in"));
    }
    tell("packet opened and judged", opened);
    Ok(())
}

/// What the peers of some connections send, by turns.
struct Replies(Vec<(Memory, Vec<u8>)>);

impl Replies {
    fn new(connections: &[u32]) -> io::Result<Self> {
        let distinct: BTreeSet<_> = connections.iter().copied().collect();
        let peer = |number| {
            let peer = Memory::new();
            let mut theirs = blocks(number);
            std::mem::swap(&mut theirs.local, &mut theirs.remote);
            peer.change_routes(RouteChange {
                gone: Vec::new(),
                blocks: vec![theirs],
            });
            let child = child(number, true)?;
            peer.install(child).map_err(io::Error::other)?;
            Ok((peer, packet(behind(number), HERE)))
        };
        let peers: io::Result<Vec<_>> = distinct.into_iter().map(peer).collect();
        peers.map(Self)
    }

    /// One packet of each, or as many as make a round.
    fn round(&mut self) -> Vec<Datagram> {
        let each = SPREAD as usize / self.0.len().max(1);
        let turns = (0..each).flat_map(|_| &self.0);
        turns.filter_map(|(peer, reply)| peer.send(reply)).collect()
    }
}
