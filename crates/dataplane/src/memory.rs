//! A data plane without descriptors and threads, for tests: packets go in and come out by calls.
//!
//! It shares the tables, and so the choice of SA, sealing, opening and counting, with the userspace one. There is
//! no segmentation, and a packet that does not fit is dropped.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use adit_esp::{InnerHeader, OutboundPacket, Protocol};

use crate::children::{
    InboundCommand, InboundTable, Opened, OutboundCommand, OutboundTable, Register,
};
use crate::counters::{ChildCounters, Counters, DropCause, Totals};
use crate::sealed::Sealed;
use crate::translate::Way;
use crate::{ChildId, ChildSa, Dataplane, InstallError, Owner, RouteChange, Sharing};
use crate::{rebuilt, traffic_class};

/// A sealed packet on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// From where it goes.
    pub from: IpAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// What it is.
    pub protocol: Protocol,
    /// The sealed packet; of AH over IPv4 from the outer header on.
    pub bytes: Vec<u8>,
}

/// A data plane in memory.
#[derive(Default)]
pub struct Memory {
    totals: Totals,
    state: Mutex<State>,
}

struct State {
    register: Register,
    inbound: InboundTable,
    outbound: OutboundTable,
    /// What had waited for its Child SA.
    late: Vec<Vec<u8>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            register: Register::new(usize::MAX),
            inbound: InboundTable::default(),
            outbound: OutboundTable::default(),
            late: Vec::new(),
        }
    }
}

/// The path MTU assumed.
const OUTER_MTU: u16 = 1500;

impl Memory {
    /// A data plane without Child SAs, and without a limit to them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an inner packet, as if the device had brought it. `None` if it was dropped; the counters say why.
    pub fn send(&self, packet: &[u8]) -> Option<Datagram> {
        let result = self.try_send(packet);
        if let Err(cause) = &result {
            self.totals.dropped(*cause);
        }
        result.ok()
    }

    fn try_send(&self, packet: &[u8]) -> Result<Datagram, DropCause> {
        let inner = InnerHeader::parse(packet).map_err(|_| DropCause::NotIp)?;
        let packet = packet.get(..inner.total_len).ok_or(DropCause::NotIp)?;
        let mut state = self.state();
        let selected = state.outbound.select(&inner)?;
        let place = selected.place;
        let mut translated;
        let packet = match selected.translations {
            None => packet,
            Some(translations) => {
                translated = packet.to_vec();
                translations.rewrite(Way::Out, &mut translated, &inner);
                translated.as_slice()
            }
        };
        let inner = selected.inner;
        let child = state.outbound.child_mut(place).ok_or(DropCause::NoSa)?;
        if packet.len() > child.max_inner_len(&inner) {
            return Err(DropCause::TooBig);
        }
        let carried = child.carried(&inner, packet)?;
        let payload = packet.get(carried.skipped..).ok_or(DropCause::NotIp)?;
        let mut bytes = vec![0; child.sealed_len(payload.len())];
        let at = child.payload_offset();
        bytes
            .get_mut(at..at + payload.len())
            .ok_or(DropCause::TooBig)?
            .copy_from_slice(payload);
        child.seal(&mut [OutboundPacket {
            buf: &mut bytes,
            payload_len: payload.len(),
            next_header: carried.next_header,
            class: child.outer_class(traffic_class::of(packet)),
        }])?;
        self.totals.packets_out.fetch_add(1, Relaxed);
        self.totals
            .octets_out
            .fetch_add(packet.len() as u64, Relaxed);
        Ok(Datagram {
            from: child.local(),
            to: child.remote(),
            protocol: child.protocol(),
            bytes,
        })
    }

    /// Receives an ESP packet, as if the socket had brought it in UDP, and answers the inner one. `None` if it was
    /// dropped.
    pub fn receive(&self, from: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut octets = datagram.to_vec();
        self.take(Sealed::esp(&mut octets, Some(from)))
    }

    /// Receives a packet of its own IP protocol, as if a raw socket had brought it, and answers the inner one. `None`
    /// if it was dropped.
    pub fn receive_raw(&self, datagram: &Datagram) -> Option<Vec<u8>> {
        let mut octets = datagram.bytes.clone();
        self.take(match datagram.protocol {
            Protocol::Ah => Sealed::ah(&mut octets, datagram.to.is_ipv4()),
            Protocol::Esp => Sealed::esp(&mut octets, None),
        })
    }

    /// The inner packets that had come before their Child SA was installed, since this was asked before.
    pub fn take_late(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state().late)
    }

    fn take(&self, sealed: Result<Sealed<'_>, DropCause>) -> Option<Vec<u8>> {
        let opened = sealed.and_then(|mut sealed| {
            let now = Instant::now();
            let opened = self.state().inbound.open_or_park(&mut sealed, 0, now)?;
            Ok(opened.map(|opened| (sealed, opened)))
        });
        match opened {
            Ok(None) => None,
            Ok(Some((sealed, opened))) => {
                let Opened {
                    rebuilt,
                    range,
                    inner,
                    ..
                } = opened;
                self.totals.packets_in.fetch_add(1, Relaxed);
                self.totals.octets_in.fetch_add(range.len() as u64, Relaxed);
                let Some(mut frame) = rebuilt else {
                    return sealed.packet.get(range).map(<[u8]>::to_vec);
                };
                let packet = frame.get_mut(range)?;
                rebuilt::complete(packet, &inner, 0, sealed.is_in_udp());
                Some(packet.to_vec())
            }
            Err(cause) => {
                self.totals.dropped(cause);
                None
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dataplane for Memory {
    fn install(&self, child: ChildSa) -> Result<(), InstallError> {
        let mut state = self.state();
        let spi = child.inbound.spi();
        let (inbound, outbound) = state.register.admit(child, OUTER_MTU)?;
        state
            .inbound
            .apply(InboundCommand::Install(Box::new(inbound)));
        state
            .outbound
            .apply(OutboundCommand::Install(Box::new(outbound)));
        let waited = state.inbound.release(spi, Instant::now());
        drop(state);
        for mut parked in waited {
            let packet = self.take(parked.sealed());
            self.state().late.extend(packet);
        }
        Ok(())
    }

    fn expect(&self, spi: u32) {
        if let Ok(spi) = spi.try_into() {
            self.state().inbound.apply(InboundCommand::Expect(spi));
        }
    }

    fn change_routes(&self, change: RouteChange) {
        let change = Arc::new(change);
        let mut state = self.state();
        state
            .inbound
            .apply(InboundCommand::Routes(Arc::clone(&change)));
        state.outbound.apply(OutboundCommand::Routes(change));
    }

    fn share(&self, owner: Owner, sharing: Option<Sharing>) {
        let command = OutboundCommand::Share(owner, sharing);
        self.state().outbound.apply(command);
    }

    fn activate_outbound(&self, id: ChildId) {
        self.state().outbound.apply(OutboundCommand::Activate(id));
    }

    fn stop_outbound(&self, id: ChildId) {
        self.state().outbound.apply(OutboundCommand::Remove(id));
    }

    fn remove(&self, id: ChildId) {
        let mut state = self.state();
        state.register.remove(id);
        state.inbound.apply(InboundCommand::Remove(id));
        state.outbound.apply(OutboundCommand::Remove(id));
    }

    fn move_endpoint(&self, id: ChildId, remote: SocketAddr) {
        self.state()
            .outbound
            .apply(OutboundCommand::Move(id, remote));
    }

    fn set_mtu(&self, id: ChildId, mtu: Option<u16>) {
        let mut state = self.state();
        state.inbound.apply(InboundCommand::Limit(id, mtu));
        state.outbound.apply(OutboundCommand::Limit(id, mtu));
    }

    fn counters(&self) -> Counters {
        self.totals.snapshot()
    }

    fn take_busy(&self) -> Vec<ChildId> {
        self.state().register.take_busy()
    }

    fn child_counters(&self, id: ChildId) -> Option<ChildCounters> {
        self.state().register.counters(id)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
