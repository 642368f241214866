//! The installed Child SAs: the control side's register, and each direction's table, which one thread owns.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use adit_esp::{InboundSa, InnerHeader, OutboundError, OutboundPacket, OutboundSa, Spi};

use crate::counters::{ChildCounters, ChildStats, DropCause};
use crate::limit::Limit;
use crate::{ChildId, ChildSa, InstallError, MAX_CHILDREN};

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
            sa: inbound,
            limit,
            endpoint_seen: None,
            stats: Arc::clone(&stats),
        };
        let outbound = OutboundChild {
            id,
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
}

/// The receiving halves, by SPI.
#[derive(Default)]
pub(crate) struct InboundTable(HashMap<Spi, InboundChild>);

impl InboundTable {
    pub(crate) fn apply(&mut self, command: InboundCommand) {
        match command {
            InboundCommand::Install(child) => {
                self.0.insert(child.sa.spi(), *child);
            }
            InboundCommand::Limit(id, mtu) => {
                let mut children = self.0.values_mut();
                if let Some(child) = children.find(|child| child.id == id) {
                    child.limit.mtu = mtu;
                }
            }
            InboundCommand::Remove(id) => self.0.retain(|_, child| child.id != id),
        }
    }

    /// Opens an ESP packet in place. Answers where the inner packet is, and the largest one that could go back.
    pub(crate) fn open(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Instant,
    ) -> Result<(Range<usize>, Limit), DropCause> {
        let spi = Spi::of_packet(packet).ok_or(DropCause::UnknownSpi)?;
        let child = self.0.get_mut(&spi).ok_or(DropCause::UnknownSpi)?;
        let highest = child.sa.highest_sequence();
        let result = child.sa.open(packet);
        let authenticated = result
            .as_ref()
            .err()
            .is_none_or(|reason| reason.is_authenticated());
        if authenticated {
            child
                .stats
                .received(now, result.as_ref().ok().map(Range::len));
            // A packet that was captured and sent on from elsewhere is rarely the newest.
            let newest = child.sa.highest_sequence() > highest;
            if newest && child.endpoint_seen != Some(from) {
                child.endpoint_seen = Some(from);
                child.stats.endpoint_moved(from);
            }
        }
        let inner = result.map_err(DropCause::Esp)?;
        Ok((inner, child.limit))
    }
}

/// The sending half of an installed Child SA.
pub(crate) struct OutboundChild {
    id: ChildId,
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
}

/// The sending halves, in the order of their installation.
#[derive(Default)]
pub(crate) struct OutboundTable(Vec<OutboundChild>);

impl OutboundTable {
    pub(crate) fn apply(&mut self, command: OutboundCommand) {
        match command {
            OutboundCommand::Install(child) => self.0.push(*child),
            OutboundCommand::Activate(id) => self.with(id, |child| child.active = true),
            OutboundCommand::Limit(id, mtu) => self.with(id, |child| child.limit.mtu = mtu),
            OutboundCommand::Remove(id) => self.0.retain(|child| child.id != id),
            OutboundCommand::Move(id, remote) => self.with(id, |child| {
                child.remote = remote;
                child.limit.path = child
                    .sa
                    .max_inner_len(datagram_budget(child.outer_mtu, remote));
            }),
        }
    }

    fn with(&mut self, id: ChildId, change: impl FnOnce(&mut OutboundChild)) {
        if let Some(child) = self.0.iter_mut().find(|child| child.id == id) {
            change(child);
        }
    }

    /// The newest active SA that may carry the packet, by its place, which holds until the next command.
    pub(crate) fn select(&self, packet: &InnerHeader) -> Option<usize> {
        self.0
            .iter()
            .rposition(|child| child.active && child.sa.allows(packet))
    }

    pub(crate) fn child(&self, place: usize) -> Option<&OutboundChild> {
        self.0.get(place)
    }

    pub(crate) fn child_mut(&mut self, place: usize) -> Option<&mut OutboundChild> {
        self.0.get_mut(place)
    }
}
