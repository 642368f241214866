//! The outbound loop: device, selection, segmentation, sealing, socket.
//!
//! Packets are gathered into one buffer as long as they go by the same SA and have the same sealed length (the last
//! may be shorter), then sealed together and handed to the kernel by one call. The batch ends when it is full, when
//! the next packet does not fit it, and whenever the device has nothing more to read, so that no packet waits.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use adit_esp::{Carried, InnerHeader, Mode, OutboundPacket, Protocol};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::Carriage;
use crate::children::{OutboundCommand, OutboundTable, Selected};
use crate::clamp::clamp_mss;
use crate::command::CommandQueue;
use crate::counters::{DropCause, Totals};
use crate::raw::RawPorts;
use crate::split::{SuperPacket, complete_checksum};
use crate::too_big::{self, Fragments};
use crate::traffic_class;
use crate::translate::{Translations, Way};
use crate::trap::{Held, Traps};
use crate::udp::{MAX_SEGMENTS, MAX_SEND, UdpPorts};
use crate::vnet::{Gso, VNET_HEADER_LEN, VnetHeader};

/// The largest read: header and packet.
const READ_LEN: usize = VNET_HEADER_LEN + 65_535 + 40;

/// How long to wait after the device has failed, as it does while its link is down.
const DEVICE_RETRY_MS: u8 = 100;

/// Everything the outbound thread owns.
pub(crate) struct OutboundLoop {
    pub(crate) device: Arc<File>,
    pub(crate) udp: Arc<UdpPorts>,
    pub(crate) esp: Arc<RawPorts>,
    pub(crate) ah: Arc<RawPorts>,
    pub(crate) commands: Arc<CommandQueue<OutboundCommand>>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) clamp_mss: bool,
    pub(crate) children: OutboundTable,
    pub(crate) batch: Batch,
    pub(crate) traps: Traps,
    /// Called when packets begin to wait.
    pub(crate) wake: Arc<dyn Fn() + Send + Sync>,
}

/// Packets to be sealed and sent together.
pub(crate) struct Batch {
    buf: Box<[u8]>,
    used: usize,
    /// The SA's place in the table.
    place: usize,
    /// DSCP and ECN of the inner packets.
    class: u8,
    /// Octets of each sealed packet but the last.
    segment: usize,
    /// Octets of each payload, and what it is.
    payloads: [(usize, u8); MAX_SEGMENTS],
    count: usize,
    closed: bool,
}

/// Where a packet goes.
#[derive(Clone, Copy)]
struct Lane {
    /// The SA's place in the table.
    place: usize,
    /// DSCP and ECN.
    class: u8,
    /// What of the packet is sealed.
    carried: Carried,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            buf: vec![0; MAX_SEND].into_boxed_slice(),
            used: 0,
            place: 0,
            class: 0,
            segment: 0,
            payloads: [(0, 0); MAX_SEGMENTS],
            count: 0,
            closed: false,
        }
    }

    fn takes(&self, lane: Lane, sealed_len: usize) -> bool {
        let fits = self.used + sealed_len <= self.buf.len() && self.count < MAX_SEGMENTS;
        self.count == 0
            || (fits
                && !self.closed
                && lane.place == self.place
                && lane.class == self.class
                && sealed_len <= self.segment)
    }

    fn clear(&mut self) {
        self.used = 0;
        self.count = 0;
        self.closed = false;
    }

    /// Room for a packet that [`takes`](Self::takes) has allowed; `None` if it is larger than any batch.
    fn reserve(&mut self, lane: Lane, sealed_len: usize, payload_len: usize) -> Option<&mut [u8]> {
        let end = self.used + sealed_len;
        let room = self.buf.get_mut(self.used..end)?;
        if self.count == 0 {
            self.place = lane.place;
            self.class = lane.class;
            self.segment = sealed_len;
        }
        *self.payloads.get_mut(self.count)? = (payload_len, lane.carried.next_header);
        self.count += 1;
        self.used = end;
        self.closed = sealed_len < self.segment;
        Some(room)
    }
}

impl OutboundLoop {
    /// Runs until the command queue is stopped.
    pub(crate) fn run(mut self) {
        let mut frame = vec![0; READ_LEN];
        while !self.commands.is_stopped() {
            self.apply_commands();
            match (&*self.device).read(&mut frame) {
                Ok(0) => self.wait(false, DEVICE_RETRY_MS.into()),
                Ok(len) => {
                    // A command given before this packet arrived is to be obeyed for it.
                    self.apply_commands();
                    if let Some(frame) = frame.get_mut(..len) {
                        self.frame(frame);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.flush();
                    self.children.forget_paths();
                    self.wait(true, PollTimeout::NONE);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.flush();
                    self.wait(false, DEVICE_RETRY_MS.into());
                }
            }
        }
        self.flush();
    }

    fn wait(&self, device: bool, timeout: PollTimeout) {
        let wake = PollFd::new(self.commands.wake_fd(), PollFlags::POLLIN);
        // An error of poll, like an early return, costs one more turn of the loop.
        let _ = if device {
            poll(
                &mut [wake, PollFd::new(self.device.as_fd(), PollFlags::POLLIN)],
                timeout,
            )
        } else {
            poll(&mut [wake], timeout)
        };
        self.commands.clear_wake();
    }

    fn apply_commands(&mut self) {
        let commands = self.commands.take();
        if !commands.is_empty() {
            // The batch knows its SA by its place.
            self.flush();
        }
        let is_any = !commands.is_empty();
        for command in commands {
            match command {
                OutboundCommand::Hold(owner, holds) => {
                    let dropped = self.traps.set(owner, holds);
                    self.totals.dropped_many(DropCause::NoSa, dropped as u64);
                }
                command => self.children.apply(command),
            }
        }
        if is_any {
            self.release();
        }
    }

    /// Sends what has waited for an SA that is there now.
    fn release(&mut self) {
        for owner in self.traps.owners() {
            if self.children.serves(owner) {
                let (frames, old) = self.traps.release(Instant::now(), owner);
                self.totals.dropped_many(DropCause::NoSa, old as u64);
                for mut frame in frames {
                    self.frame(&mut frame);
                }
            }
        }
    }

    /// A packet that no SA carries now: it waits, or is dropped.
    fn uncarried(&mut self, cause: DropCause, inner: &InnerHeader, frame: &[u8]) {
        let owner = self.children.owner(inner);
        let owner = owner.filter(|_| cause == DropCause::NoSa);
        let held = owner.map(|owner| self.traps.hold(Instant::now(), owner, frame));
        match held {
            Some(Held::Waits) => {}
            Some(Held::WaitsAndWakes) => (self.wake)(),
            Some(Held::No) | None => self.totals.dropped(cause),
        }
    }

    /// One frame from the device.
    fn frame(&mut self, frame: &mut [u8]) {
        let Some((vnet, packet)) = VnetHeader::split(frame) else {
            return self.totals.dropped(DropCause::NotIp);
        };
        let Ok(inner) = InnerHeader::parse(packet) else {
            return self.totals.dropped(DropCause::NotIp);
        };
        let selected = match self.children.select(&inner) {
            Ok(selected) => selected,
            Err(cause) => return self.uncarried(cause, &inner, frame),
        };
        let Selected {
            place,
            inner: theirs,
            translations,
        } = selected;
        let translations = translations.as_deref();
        let Some(child) = self.children.child(place) else {
            return;
        };
        let max_len = child.max_inner_len(&inner);
        let is_whole = child.mode() == Mode::Transport;
        let lane = match child.carried(&inner, packet) {
            Ok(carried) => Lane {
                place,
                class: traffic_class::of(packet),
                carried,
            },
            Err(cause) => return self.totals.dropped(cause),
        };
        if vnet.gso != Gso::None {
            // All checksums are made anew with the pieces.
            if let Some(translations) = translations {
                translations.rewrite(Way::Out, packet, &inner);
            }
            let whole = SuperPacket::new(&vnet, &theirs, packet, max_len);
            return self.pieces(lane, whole, max_len, translations);
        }
        if self.clamp_mss {
            clamp_mss(packet, &inner, max_len, vnet.checksum.is_some());
        }
        complete_checksum(&vnet, &inner, packet);
        if let Some(translations) = translations {
            translations.rewrite(Way::Out, packet, &inner);
        }
        let inner = theirs;
        let is_large = inner.total_len > max_len;
        // In transport mode the sealed packet is what is fragmented (RFC 4303 section 3.3.4), but for senders of IPv4
        // that ask for none of it.
        let fragments = is_whole && !(inner.source.is_ipv4() && inner.dont_fragment);
        if is_large && !fragments {
            return self.too_big(lane, &inner, packet, max_len, translations);
        }
        let Some(packet) = packet.get(..inner.total_len) else {
            return;
        };
        if is_large {
            self.flush();
        }
        self.push(lane, packet.len(), |out| out.copy_from_slice(packet));
        if is_large {
            self.flush();
        }
    }

    /// A packet that the kernel left whole.
    fn pieces(
        &mut self,
        lane: Lane,
        whole: Option<SuperPacket<'_>>,
        max_len: usize,
        translations: Option<&Translations>,
    ) {
        let Some(whole) = whole else {
            return self.totals.dropped(DropCause::NotIp);
        };
        for index in 0..whole.count() {
            let len = whole.len(index);
            if len <= max_len {
                self.push(lane, len, |out| whole.write(index, out));
                continue;
            }
            let mut piece = vec![0; len];
            whole.write(index, &mut piece);
            match InnerHeader::parse(&piece) {
                Ok(inner) => self.too_big(lane, &inner, &piece, max_len, translations),
                Err(_) => self.totals.dropped(DropCause::NotIp),
            }
        }
    }

    fn too_big(
        &mut self,
        lane: Lane,
        inner: &InnerHeader,
        packet: &[u8],
        max_len: usize,
        translations: Option<&Translations>,
    ) {
        if lane.carried.skipped == 0
            && let Some(fragments) = Fragments::new(inner, packet, max_len)
        {
            for index in 0..fragments.count() {
                self.push(lane, fragments.len(index), |out| {
                    fragments.write(index, out);
                });
            }
            return;
        }
        self.totals.dropped(DropCause::TooBig);
        let mut frame = [0; VNET_HEADER_LEN + too_big::MAX_MESSAGE_LEN];
        let Some((_, out)) = frame.split_first_chunk_mut::<VNET_HEADER_LEN>() else {
            return;
        };
        let Some(len) =
            too_big::message(inner, packet, max_len, out).filter(|_| inner.dont_fragment)
        else {
            return;
        };
        // As if the peer's side had said so.
        if let Some(translations) = translations
            && let Some(message) = out.get_mut(..len)
            && let Ok(header) = InnerHeader::parse(message)
        {
            translations.rewrite(Way::In, message, &header);
        }
        // The sender repeats its packet, and with it this message, so that a failed write is made good.
        let _ = (&*self.device).write(frame.get(..VNET_HEADER_LEN + len).unwrap_or_default());
    }

    /// Adds a packet of `inner_len` octets, written by `write`, to the batch.
    fn push(&mut self, lane: Lane, inner_len: usize, write: impl FnOnce(&mut [u8])) {
        let Some(child) = self.children.child(lane.place) else {
            return;
        };
        let skipped = lane.carried.skipped;
        let payload_len = inner_len.saturating_sub(skipped);
        let (sealed_len, start) = (child.sealed_len(payload_len), child.payload_offset());
        if !self.batch.takes(lane, sealed_len) {
            self.flush();
        }
        let room = self.batch.reserve(lane, sealed_len, payload_len);
        let out = room.and_then(|room| room.get_mut(start..start + payload_len));
        match out {
            Some(out) if skipped == 0 => write(out),
            Some(out) => {
                // The header that is left out is longer than what may stand before the payload.
                let mut whole = vec![0; inner_len];
                write(&mut whole);
                for (to, from) in out.iter_mut().zip(whole.iter().skip(skipped)) {
                    *to = *from;
                }
            }
            None => self.totals.dropped(DropCause::TooBig),
        }
    }

    /// Seals and sends what has been gathered.
    fn flush(&mut self) {
        let Batch {
            buf,
            used,
            place,
            class,
            segment,
            payloads,
            count,
            ..
        } = &mut self.batch;
        let (used, segment, count) = (*used, *segment, *count);
        let path_mtu = usize::from(self.children.path_mtu(*place));
        let child = self.children.child_mut(*place).filter(|_| count > 0);
        let (Some(child), Some(octets)) = (child, buf.get_mut(..used)) else {
            return self.batch.clear();
        };
        let mut packets: [OutboundPacket<'_>; MAX_SEGMENTS] =
            std::array::from_fn(|_| OutboundPacket {
                buf: &mut [],
                payload_len: 0,
                next_header: 0,
                class: 0,
            });
        let class = child.outer_class(*class);
        for ((packet, sealed), (payload_len, next_header)) in packets
            .iter_mut()
            .zip(octets.chunks_mut(segment))
            .zip(&*payloads)
        {
            *packet = OutboundPacket {
                buf: sealed,
                payload_len: *payload_len,
                next_header: *next_header,
                class,
            };
        }
        let packets = packets.get_mut(..count).unwrap_or_default();
        let inner_octets = child.inner_octets(packets);
        let sealed = child.seal(packets);
        let sent = sealed.and_then(|()| {
            let octets = buf.get_mut(..used).unwrap_or_default();
            let (from, to) = (child.local(), child.remote());
            let sent = match (child.carriage(), child.protocol()) {
                (Carriage::Ip, Protocol::Esp) => {
                    let port = self.esp.at(from);
                    port.and_then(|port| port.send(octets, segment, to.ip(), class))
                }
                // AH can't be in UDP, whose header it would not cover.
                (_, Protocol::Ah) => {
                    let port = self.ah.at(from);
                    port.and_then(|port| {
                        port.send_within(octets, segment, to.ip(), class, path_mtu)
                    })
                }
                (Carriage::Udp, Protocol::Esp) => {
                    let port = self.udp.at(from);
                    port.and_then(|port| port.send(octets, segment, to, class))
                }
            };
            sent.map_err(|_| DropCause::SendFailed)
        });
        match sent {
            Ok(sends) => {
                self.totals.packets_out.fetch_add(count as u64, Relaxed);
                self.totals.octets_out.fetch_add(inner_octets, Relaxed);
                self.totals.socket_sends.fetch_add(sends, Relaxed);
            }
            Err(cause) => self.totals.dropped_many(cause, count as u64),
        }
        self.batch.clear();
    }
}
