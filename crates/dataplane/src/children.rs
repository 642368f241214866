//! The installed Child SAs: the control side's register, and each direction's table, which one thread owns.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use adit_esp::{InboundSa, InnerHeader, OutboundError, OutboundPacket, OutboundSa, Spi};

use crate::counters::{ChildCounters, ChildStats, DropCause};
use crate::limit::Limit;
use crate::{ChildId, ChildSa, InstallError, MAX_CHILDREN, Owner, Routes};

/// Octets of the largest ESP packet to a peer: the path MTU less IP (20 or 40) and UDP (8).
pub(crate) fn datagram_budget(outer_mtu: u16, remote: SocketAddr) -> usize {
    usize::from(outer_mtu).saturating_sub(if remote.is_ipv4() { 28 } else { 48 })
}

/// What the control side knows of the installed Child SAs.
#[derive(Default)]
pub(crate) struct Register {
    children: HashMap<ChildId, (Spi, Arc<ChildStats>)>,
}

impl Register {
    /// Admits a Child SA and takes it apart into what each direction's table needs.
    pub(crate) fn admit(
        &mut self,
        child: ChildSa,
        outer_mtu: u16,
    ) -> Result<(InboundChild, OutboundChild), InstallError> {
        let ChildSa {
            id,
            owner,
            inbound,
            outbound,
            remote,
            mtu,
            outbound_active,
        } = child;
        if self.children.len() >= MAX_CHILDREN {
            return Err(InstallError::TooMany);
        }
        if self.children.contains_key(&id) {
            return Err(InstallError::DuplicateId);
        }
        if self.children.values().any(|(spi, _)| *spi == inbound.spi()) {
            return Err(InstallError::DuplicateSpi);
        }
        let stats = Arc::new(ChildStats::new(outbound.sequence_limit()));
        self.children
            .insert(id, (inbound.spi(), Arc::clone(&stats)));
        let path = outbound.max_inner_len(datagram_budget(outer_mtu, remote));
        let limit = Limit { path, mtu };
        let inbound = InboundChild {
            id,
            owner,
            sa: inbound,
            limit,
            endpoint_seen: None,
            stats: Arc::clone(&stats),
        };
        let outbound = OutboundChild {
            id,
            owner,
            sa: outbound,
            remote,
            active: outbound_active,
            limit,
            outer_mtu,
            stats,
        };
        Ok((inbound, outbound))
    }

    pub(crate) fn remove(&mut self, id: ChildId) {
        self.children.remove(&id);
    }

    pub(crate) fn counters(&self, id: ChildId) -> Option<ChildCounters> {
        self.children.get(&id).map(|(_, stats)| stats.snapshot())
    }
}

/// The receiving half of an installed Child SA.
pub(crate) struct InboundChild {
    id: ChildId,
    owner: Owner,
    sa: InboundSa,
    /// For the MSS of what comes in: the largest inner packet that could go back.
    limit: Limit,
    endpoint_seen: Option<SocketAddr>,
    stats: Arc<ChildStats>,
}

/// A command to the table of receiving halves.
pub(crate) enum InboundCommand {
    Install(Box<InboundChild>),
    Limit(ChildId, Option<u16>),
    Remove(ChildId),
    Routes(Arc<Routes>),
}

/// An opened packet.
pub(crate) struct Opened {
    /// Where in the datagram the inner packet is.
    pub(crate) range: Range<usize>,
    /// Its header.
    pub(crate) inner: InnerHeader,
    /// The largest one that could go back.
    pub(crate) limit: Limit,
}

/// The receiving halves, by SPI, and whose packets they may bring.
#[derive(Default)]
pub(crate) struct InboundTable {
    children: HashMap<Spi, InboundChild>,
    routes: Arc<Routes>,
}

impl InboundTable {
    pub(crate) fn apply(&mut self, command: InboundCommand) {
        match command {
            InboundCommand::Install(child) => {
                self.children.insert(child.sa.spi(), *child);
            }
            InboundCommand::Limit(id, mtu) => {
                let mut children = self.children.values_mut();
                if let Some(child) = children.find(|child| child.id == id) {
                    child.limit.mtu = mtu;
                }
            }
            InboundCommand::Remove(id) => self.children.retain(|_, child| child.id != id),
            InboundCommand::Routes(routes) => self.routes = routes,
        }
    }

    /// Opens an ESP packet in place.
    pub(crate) fn open(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Instant,
    ) -> Result<Opened, DropCause> {
        let spi = Spi::of_packet(packet).ok_or(DropCause::UnknownSpi)?;
        let child = self.children.get_mut(&spi).ok_or(DropCause::UnknownSpi)?;
        let highest = child.sa.highest_sequence();
        let result = child.sa.open(packet);
        let authenticated = result
            .as_ref()
            .err()
            .is_none_or(|reason| reason.is_authenticated());
        let result = result.map_err(DropCause::Esp).and_then(|range| {
            let inner = packet.get(range.clone()).map(InnerHeader::parse);
            let Some(Ok(inner)) = inner else {
                return Err(DropCause::NotIp);
            };
            let (local, remote) = (inner.destination, inner.source);
            if !self.routes.may_bring(child.owner, local, remote) {
                return Err(DropCause::OtherConnection);
            }
            Ok(Opened {
                range,
                inner,
                limit: child.limit,
            })
        });
        if authenticated {
            child
                .stats
                .received(now, result.as_ref().ok().map(|opened| opened.range.len()));
            // A packet that was captured and sent on from elsewhere is rarely the newest.
            let newest = child.sa.highest_sequence() > highest;
            if newest && child.endpoint_seen != Some(from) {
                child.endpoint_seen = Some(from);
                child.stats.endpoint_moved(from);
            }
        }
        result
    }
}

/// The sending half of an installed Child SA.
pub(crate) struct OutboundChild {
    id: ChildId,
    owner: Owner,
    sa: OutboundSa,
    remote: SocketAddr,
    active: bool,
    limit: Limit,
    outer_mtu: u16,
    stats: Arc<ChildStats>,
}

impl OutboundChild {
    /// Where its packets are sent.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Octets of the largest inner packet like this one.
    pub(crate) fn max_inner_len(&self, packet: &InnerHeader) -> usize {
        self.limit.of(packet)
    }

    /// Octets of the datagram around an inner packet.
    pub(crate) fn sealed_len(&self, inner_len: usize) -> usize {
        self.sa.sealed_len(inner_len)
    }

    /// Where in the datagram the inner packet starts.
    pub(crate) fn payload_offset(&self) -> usize {
        self.sa.payload_offset()
    }

    /// Seals packets and counts them.
    pub(crate) fn seal(&mut self, packets: &mut [OutboundPacket<'_>]) -> Result<(), DropCause> {
        self.sa.seal_batch(packets).map_err(|error| match error {
            OutboundError::SequenceExhausted => DropCause::SequenceExhausted,
            OutboundError::WrongLength { .. }
            | OutboundError::NotIp
            | OutboundError::Sealing(_) => DropCause::NotIp,
        })?;
        let octets: usize = packets.iter().map(|packet| packet.inner_len).sum();
        self.stats
            .packets_out
            .fetch_add(packets.len() as u64, Relaxed);
        self.stats.octets_out.fetch_add(octets as u64, Relaxed);
        self.stats.sequence.store(self.sa.sequence(), Relaxed);
        Ok(())
    }
}

/// A command to the table of sending halves.
pub(crate) enum OutboundCommand {
    Install(Box<OutboundChild>),
    Activate(ChildId),
    Limit(ChildId, Option<u16>),
    Remove(ChildId),
    Move(ChildId, SocketAddr),
    Routes(Arc<Routes>),
}

/// The sending halves, in the order of their installation, and whose packets they carry.
#[derive(Default)]
pub(crate) struct OutboundTable {
    children: Vec<OutboundChild>,
    routes: Arc<Routes>,
}

impl OutboundTable {
    pub(crate) fn apply(&mut self, command: OutboundCommand) {
        match command {
            OutboundCommand::Install(child) => self.children.push(*child),
            OutboundCommand::Activate(id) => self.with(id, |child| child.active = true),
            OutboundCommand::Limit(id, mtu) => self.with(id, |child| child.limit.mtu = mtu),
            OutboundCommand::Remove(id) => self.children.retain(|child| child.id != id),
            OutboundCommand::Routes(routes) => self.routes = routes,
            OutboundCommand::Move(id, remote) => self.with(id, |child| {
                child.remote = remote;
                child.limit.path = child
                    .sa
                    .max_inner_len(datagram_budget(child.outer_mtu, remote));
            }),
        }
    }

    fn with(&mut self, id: ChildId, change: impl FnOnce(&mut OutboundChild)) {
        if let Some(child) = self.children.iter_mut().find(|child| child.id == id) {
            change(child);
        }
    }

    /// The newest active SA that may carry the packet, of the connection it belongs to, by its place, which holds
    /// until the next command.
    pub(crate) fn select(&self, packet: &InnerHeader) -> Result<usize, DropCause> {
        let (local, remote) = (packet.source, packet.destination);
        let Some(owner) = self.routes.owner(local, remote) else {
            let stays = stays_on_link(local) || stays_on_link(remote);
            return Err(if stays {
                DropCause::LinkScope
            } else {
                DropCause::NoConnection
            });
        };
        let mut children = self.children.iter();
        children
            .rposition(|child| child.owner == owner && child.active && child.sa.allows(packet))
            .ok_or(DropCause::NoSa)
    }

    pub(crate) fn child(&self, place: usize) -> Option<&OutboundChild> {
        self.children.get(place)
    }

    pub(crate) fn child_mut(&mut self, place: usize) -> Option<&mut OutboundChild> {
        self.children.get_mut(place)
    }
}

/// Whether no router forwards it (RFC 4291 sections 2.5.6 and 2.7, RFC 3927, RFC 5771), or it is no address at all.
fn stays_on_link(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    link_local || address.is_multicast() || address.is_unspecified()
}
