//! The inbound loop: sockets, demultiplexing, opening, joining, device.
//!
//! A datagram is a NAT keepalive (one octet 0xFF), an IKE message (four octets zero before it) or an ESP packet
//! (RFC 3948 section 2); what comes by a raw socket is ESP or AH. The inner packet is written from where it was opened:
//! the vnet header goes over the ESP header and IV before it, which are of no more use. In transport mode it is
//! written from where it got its IP header again.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use adit_esp::ESP_HEADER_LEN;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::children::{InboundCommand, InboundTable, Opened, OutboundCommand};
use crate::clamp::clamp_mss;
use crate::coalesce::{Coalescer, Offered};
use crate::command::CommandQueue;
use crate::counters::{DropCause, Totals};
use crate::ike_queue::{IkeDatagram, IkeQueue};
use crate::path;
use crate::raw::{self, RECEIVE_LEN, RECEIVES, RawPort, RawPorts};
use crate::rebuilt;
use crate::sealed::Sealed;
use crate::traffic_class;
use crate::udp::{Received, UdpPort, UdpPorts, control_buffer};
use crate::vnet::{VNET_HEADER_LEN, VnetHeader};

/// What stands before an IKE message on the port that it shares with ESP (RFC 3948 section 2.2).
pub(crate) const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// A NAT keepalive (RFC 3948 section 2.3).
pub(crate) const KEEPALIVE: [u8; 1] = [0xFF];

const READ_LEN: usize = 65_535;

/// Receives between two moments at which nothing is held back and the other socket gets its turn, so that a busy
/// socket delays no packet for long.
const RECEIVES_PER_FLUSH: usize = 16;

/// Failures in a row after which a socket is left alone for a while. One by itself may be an ICMP error that the
/// kernel reports, which anybody could send, and must not cost time.
const SOCKET_PATIENCE: u32 = 16;
const SOCKET_RETRY_MS: u8 = 100;

/// How a socket's turn ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Turn {
    /// It has nothing more.
    Drained,
    /// It failed, and brought nothing before.
    Failed,
    /// It may have more.
    More,
}

/// Everything the inbound thread owns.
pub(crate) struct InboundLoop {
    pub(crate) device: Arc<File>,
    pub(crate) udp: Arc<UdpPorts>,
    pub(crate) esp: Arc<RawPorts>,
    pub(crate) ah: Arc<RawPorts>,
    pub(crate) commands: Arc<CommandQueue<InboundCommand>>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) clamp_mss: bool,
    pub(crate) ike: Arc<IkeQueue>,
    pub(crate) wake: Arc<dyn Fn() + Send + Sync>,
    pub(crate) children: InboundTable,
    /// For what is heard of paths.
    pub(crate) outbound: Arc<CommandQueue<OutboundCommand>>,
    pub(crate) coalescer: Coalescer,
}

impl InboundLoop {
    /// Runs until the command queue is stopped.
    pub(crate) fn run(mut self) {
        let udp = Arc::clone(&self.udp);
        let (esp, ah) = (Arc::clone(&self.esp), Arc::clone(&self.ah));
        let mut buf = vec![0; READ_LEN];
        // Memory that nothing is ever received into costs nothing.
        let mut packets = vec![0; RECEIVES * RECEIVE_LEN];
        let mut control = control_buffer();
        let mut failures = 0;
        while !self.commands.is_stopped() {
            let mut turn = Turn::Drained;
            for port in udp.iter() {
                turn = turn.max(self.receive(port, &mut buf, &mut control));
                self.flush();
            }
            for port in esp.iter().chain(ah.iter()) {
                turn = turn.max(self.receive_raw(port, &mut packets));
                self.flush();
            }
            match turn {
                Turn::More => failures = 0,
                Turn::Failed => {
                    failures += 1;
                    if failures >= SOCKET_PATIENCE {
                        self.wait(false, SOCKET_RETRY_MS.into());
                    }
                }
                Turn::Drained => {
                    failures = 0;
                    self.wait(true, PollTimeout::NONE);
                }
            }
        }
    }

    /// A socket's turn: what it has, but not more than some.
    fn receive(&mut self, port: &UdpPort, buf: &mut [u8], control: &mut [u8]) -> Turn {
        self.apply_commands();
        let mut failed = Turn::Failed;
        for _ in 0..RECEIVES_PER_FLUSH {
            match port.receive(buf, control) {
                Ok(received) => {
                    failed = Turn::More;
                    // A command given before these packets arrived is to be obeyed for them.
                    self.apply_commands();
                    self.datagrams(port, buf, &received);
                }
                Err(Errno::EAGAIN) => return Turn::Drained,
                Err(Errno::EINTR) => {}
                Err(_) if self.hear_of_paths(port.socket().as_fd(), 0) => {}
                Err(_) => return failed,
            }
        }
        Turn::More
    }

    /// A raw socket's turn.
    fn receive_raw(&mut self, port: &RawPort, packets: &mut [u8]) -> Turn {
        self.apply_commands();
        match port.receive(packets) {
            Ok(batch) => {
                // A command given before these packets arrived is to be obeyed for them.
                self.apply_commands();
                self.raw_packets(port, packets, &batch);
                Turn::More
            }
            Err(Errno::EAGAIN) => Turn::Drained,
            Err(Errno::EINTR) => Turn::More,
            Err(_) if self.hear_of_paths(port.descriptor(), port.spi_at()) => Turn::More,
            Err(_) => Turn::Failed,
        }
    }

    fn raw_packets(&mut self, port: &RawPort, packets: &mut [u8], batch: &raw::Batch) {
        if batch.lost > 0 {
            self.totals
                .dropped_many(DropCause::SocketFull, batch.lost.into());
        }
        let now = Instant::now();
        for (packet, (len, class)) in packets.chunks_mut(RECEIVE_LEN).zip(&batch.packets) {
            let payload = packet.get_mut(..*len).and_then(|it| port.payload(it));
            let sealed = payload.ok_or(DropCause::Runt).and_then(|payload| {
                if port.spi_at() == 0 {
                    Sealed::esp(payload, None)
                } else {
                    Sealed::ah(payload, port.is_ipv4())
                }
            });
            let taken = sealed.and_then(|sealed| self.sealed(sealed, *class, now));
            if let Err(cause) = taken {
                self.totals.dropped(cause);
            }
        }
    }

    /// Passes on what the network says of the ways to peers; whether it said anything.
    fn hear_of_paths(&self, socket: BorrowedFd<'_>, spi_at: usize) -> bool {
        let (any, news) = path::take(socket, spi_at);
        for news in news {
            self.outbound.push(OutboundCommand::Path(news));
        }
        any
    }

    fn wait(&self, sockets: bool, timeout: PollTimeout) {
        let mut awaited = vec![PollFd::new(self.commands.wake_fd(), PollFlags::POLLIN)];
        let mut spis_at = Vec::new();
        if sockets {
            let udp = self.udp.iter().map(|port| (port.socket().as_fd(), 0));
            let raw = self.esp.iter().chain(self.ah.iter());
            let raw = raw.map(|port| (port.descriptor(), port.spi_at()));
            for (socket, spi_at) in udp.chain(raw) {
                awaited.push(PollFd::new(socket, PollFlags::POLLIN));
                spis_at.push(spi_at);
            }
        }
        // An error of poll, like an early return, costs one more turn of the loop.
        let _ = poll(&mut awaited, timeout);
        // News stays, and poll answers at once, until it is taken.
        for (socket, spi_at) in awaited.iter().skip(1).zip(spis_at) {
            let ready = socket.revents().unwrap_or(PollFlags::empty());
            if ready.contains(PollFlags::POLLERR) {
                self.hear_of_paths(socket.as_fd(), spi_at);
            }
        }
        self.commands.clear_wake();
    }

    fn apply_commands(&mut self) {
        for command in self.commands.take() {
            let installed = match &command {
                InboundCommand::Install(child) => Some(child.spi()),
                _ => None,
            };
            self.children.apply(command);
            let now = Instant::now();
            let waited = installed.map(|spi| self.children.release(spi, now));
            for mut parked in waited.into_iter().flatten() {
                let class = parked.class;
                let taken = parked.sealed();
                let taken = taken.and_then(|sealed| self.sealed(sealed, class, now));
                if let Err(cause) = taken {
                    self.totals.dropped(cause);
                }
            }
        }
    }

    fn datagrams(&mut self, port: &UdpPort, buf: &mut [u8], received: &Received) {
        let Some(octets) = buf.get_mut(..received.len) else {
            return;
        };
        if received.lost > 0 {
            self.totals
                .dropped_many(DropCause::SocketFull, received.lost.into());
        }
        let now = Instant::now();
        for datagram in octets.chunks_mut(received.segment.max(1)) {
            if let Err(cause) = self.datagram(port, datagram, received, now) {
                self.totals.dropped(cause);
            }
        }
    }

    fn datagram(
        &mut self,
        port: &UdpPort,
        datagram: &mut [u8],
        received: &Received,
        now: Instant,
    ) -> Result<(), DropCause> {
        let from = received.from;
        if datagram == KEEPALIVE {
            self.totals.keepalives_in.fetch_add(1, Relaxed);
            return Ok(());
        }
        if let Some(message) = datagram.strip_prefix(&NON_ESP_MARKER) {
            self.ike.push(from, || IkeDatagram {
                from,
                local: port.local(),
                bytes: message.to_vec(),
            })?;
            self.totals.ike_in.fetch_add(1, Relaxed);
            (self.wake)();
            return Ok(());
        }
        if datagram.len() < ESP_HEADER_LEN {
            return Err(DropCause::Runt);
        }
        let sealed = Sealed::esp(datagram, Some(from))?;
        self.sealed(sealed, received.class, now)
    }

    fn sealed(&mut self, mut sealed: Sealed<'_>, class: u8, now: Instant) -> Result<(), DropCause> {
        let Some(opened) = self.children.open_or_park(&mut sealed, class, now)? else {
            return Ok(());
        };
        let Opened {
            mut rebuilt,
            range,
            inner,
            limit,
        } = opened;
        self.totals.packets_in.fetch_add(1, Relaxed);
        self.totals.octets_in.fetch_add(range.len() as u64, Relaxed);
        let start = range.start;
        let in_udp = sealed.is_in_udp();
        let (frame, is_rebuilt) = match &mut rebuilt {
            Some(frame) => (frame.as_mut_slice(), true),
            None => (sealed.packet, false),
        };
        let packet = frame
            .get_mut(range.clone())
            .ok_or(DropCause::DeviceFailed)?;
        if is_rebuilt {
            rebuilt::complete(packet, &inner, class, in_udp);
        } else if !traffic_class::decapsulate(packet, class) {
            return Err(DropCause::Congestion);
        }
        if self.clamp_mss {
            clamp_mss(packet, &inner, limit.of(&inner), false);
        }
        let mut offered = self.coalescer.offer(&inner, packet);
        if offered == Offered::FlushFirst || offered == Offered::WriteAlone(true) {
            self.flush();
        }
        if offered == Offered::FlushFirst {
            offered = self.coalescer.offer(&inner, packet);
        }
        if offered == Offered::Taken {
            return Ok(());
        }
        let frame = start
            .checked_sub(VNET_HEADER_LEN)
            .and_then(|at| frame.get_mut(at..range.end));
        let frame = frame.ok_or(DropCause::DeviceFailed)?;
        if let Some(header) = frame.first_chunk_mut::<VNET_HEADER_LEN>() {
            *header = VnetHeader::PLAIN.to_bytes();
        }
        write_frame(&self.device, &self.totals, frame).map_err(|_| DropCause::DeviceFailed)
    }

    /// Writes what the coalescer holds.
    fn flush(&mut self) {
        if let Some((frame, packets)) = self.coalescer.take()
            && write_frame(&self.device, &self.totals, frame).is_err()
        {
            self.totals
                .dropped_many(DropCause::DeviceFailed, packets as u64);
        }
    }
}

fn write_frame(mut device: &File, totals: &Totals, frame: &[u8]) -> std::io::Result<()> {
    // The device takes a frame whole or not at all; one that has no room drops it, as any link does.
    if device.write(frame)? < frame.len() {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    totals.device_writes.fetch_add(1, Relaxed);
    Ok(())
}
