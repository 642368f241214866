//! Joins consecutive TCP segments of one flow into one packet for the kernel (GRO), so that many packets cross into
//! it by one write.
//!
//! Segments are joined only if cutting the result again gives the same segments: same headers but for sequence
//! number, IPv4 identification and checksums, equal payloads but for a shorter last one, no flags but ACK and, at
//! the end, PSH. Since the result's checksum is left to the kernel, each segment's own is verified before.

use adit_esp::InnerHeader;

use crate::checksum::{Sum, dword_at, fill_ipv4, put, word_at};
use crate::split::{TCP, TCP_CHECKSUM};
use crate::vnet::{Gso, VNET_HEADER_LEN, VnetHeader};

const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// The largest joined packet, for the 16 bits of IPv4's total length.
const MAX_LEN: usize = 65_535;

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Offered {
    /// It has been taken and must not be written.
    Taken,
    /// It belongs behind what is held: flush, then offer again.
    FlushFirst,
    /// It is nothing to join: flush if `true` (it belongs to the held flow), then write it by itself.
    WriteAlone(bool),
}

/// The segments joined so far, of one flow.
pub(crate) struct Coalescer {
    /// Room for the vnet header, then the joined packet.
    buf: Box<[u8]>,
    len: usize,
    /// `None` if nothing is held.
    held: Option<Held>,
}

struct Held {
    first: InnerHeader,
    headers_len: usize,
    segment_len: usize,
    count: usize,
    next_sequence: u32,
    next_id: u16,
    closed: bool,
}

/// A segment that could be joined with others.
struct Candidate<'a> {
    headers: &'a [u8],
    payload: &'a [u8],
    pushed: bool,
}

impl<'a> Candidate<'a> {
    fn new(inner: &InnerHeader, packet: &'a [u8]) -> Option<Self> {
        let plain_header = if inner.source.is_ipv4() { 20 } else { 40 };
        if inner.protocol != TCP || inner.is_fragment || inner.transport_offset != plain_header {
            return None;
        }
        let tcp = packet.get(inner.transport_offset..)?;
        let tcp_len = usize::from(tcp.get(12)? >> 4) * 4;
        let flags = *tcp.get(13)?;
        if tcp_len < 20 || flags & !PSH != ACK || word_at(tcp, 18) != 0 {
            return None;
        }
        let (headers, payload) = packet.split_at_checked(inner.transport_offset + tcp_len)?;
        if payload.is_empty() {
            return None;
        }
        let sum = Sum::default()
            .pseudo_header(inner.source, inner.destination, TCP, tcp.len())
            .add(tcp);
        (sum.partial() == 0xFFFF).then_some(Self {
            headers,
            payload,
            pushed: flags & PSH != 0,
        })
    }
}

impl Coalescer {
    pub(crate) fn new() -> Self {
        Self {
            buf: vec![0; VNET_HEADER_LEN + MAX_LEN].into_boxed_slice(),
            len: 0,
            held: None,
        }
    }

    /// Offers a packet of exactly `inner.total_len` octets.
    pub(crate) fn offer(&mut self, inner: &InnerHeader, packet: &[u8]) -> Offered {
        let same_flow = self
            .held
            .as_ref()
            .is_some_and(|held| held.is_flow_of(inner));
        let Some(candidate) = Candidate::new(inner, packet) else {
            return Offered::WriteAlone(same_flow);
        };
        let Some(held) = &mut self.held else {
            return self.start(inner, &candidate);
        };
        let end = self.len + candidate.payload.len();
        let old_headers = self
            .buf
            .get(VNET_HEADER_LEN..VNET_HEADER_LEN + held.headers_len)
            .unwrap_or_default();
        if !same_flow || end > MAX_LEN || !held.continues_with(old_headers, inner, &candidate) {
            return Offered::FlushFirst;
        }
        let Some(room) = self
            .buf
            .get_mut(VNET_HEADER_LEN + self.len..VNET_HEADER_LEN + end)
        else {
            return Offered::FlushFirst;
        };
        room.copy_from_slice(candidate.payload);
        self.len = end;
        held.advance(&candidate);
        if candidate.pushed
            && let Some(flags) = self
                .buf
                .get_mut(VNET_HEADER_LEN + held.first.transport_offset + 13)
        {
            *flags |= PSH;
        }
        Offered::Taken
    }

    fn start(&mut self, inner: &InnerHeader, candidate: &Candidate<'_>) -> Offered {
        let headers_len = candidate.headers.len();
        self.len = headers_len + candidate.payload.len();
        let Some(room) = self
            .buf
            .get_mut(VNET_HEADER_LEN..VNET_HEADER_LEN + self.len)
        else {
            return Offered::WriteAlone(false);
        };
        let (headers, payload) = room.split_at_mut(headers_len);
        headers.copy_from_slice(candidate.headers);
        payload.copy_from_slice(candidate.payload);
        let mut held = Held {
            first: *inner,
            headers_len,
            segment_len: candidate.payload.len(),
            count: 0,
            next_sequence: dword_at(headers, inner.transport_offset + 4),
            next_id: word_at(headers, 4),
            closed: false,
        };
        held.advance(candidate);
        self.held = Some(held);
        Offered::Taken
    }

    /// What is held, as one frame to write to the device with the number of segments in it; it is forgotten.
    pub(crate) fn take(&mut self) -> Option<(&[u8], usize)> {
        let held = self.held.take()?;
        let frame = self.buf.get_mut(..VNET_HEADER_LEN + self.len)?;
        let (vnet, packet) = frame.split_first_chunk_mut::<VNET_HEADER_LEN>()?;
        *vnet = VnetHeader::PLAIN.to_bytes();
        if held.count > 1 {
            *vnet = held.finish(packet).to_bytes();
        }
        Some((frame, held.count))
    }
}

impl Held {
    fn is_flow_of(&self, inner: &InnerHeader) -> bool {
        let InnerHeader {
            source,
            destination,
            protocol,
            source_port,
            destination_port,
            ..
        } = self.first;
        (source, destination, protocol, source_port, destination_port)
            == (
                inner.source,
                inner.destination,
                inner.protocol,
                inner.source_port,
                inner.destination_port,
            )
    }

    fn continues_with(&self, old: &[u8], inner: &InnerHeader, candidate: &Candidate<'_>) -> bool {
        let new = candidate.headers;
        let at = self.first.transport_offset;
        if self.closed || new.len() != old.len() || candidate.payload.len() > self.segment_len {
            return false;
        }
        let ip_fits = if inner.source.is_ipv4() {
            // Version to type of service; flags to protocol. Without DF the identification must count on, and
            // with it carries no meaning (RFC 6864 section 4.1).
            same(old, new, 0..2)
                && same(old, new, 6..10)
                && (inner.dont_fragment || word_at(new, 4) == self.next_id)
        } else {
            same(old, new, 0..4) && same(old, new, 6..8)
        };
        // Acknowledgement, then data offset with its reserved bits, then window, then options.
        ip_fits
            && dword_at(new, at + 4) == self.next_sequence
            && same(old, new, at + 8..at + 13)
            && same(old, new, at + 14..at + 16)
            && same(old, new, at + 18..old.len())
    }

    fn advance(&mut self, candidate: &Candidate<'_>) {
        self.count += 1;
        self.next_sequence = self
            .next_sequence
            .wrapping_add(candidate.payload.len() as u32);
        self.next_id = self.next_id.wrapping_add(1);
        self.closed = candidate.pushed || candidate.payload.len() < self.segment_len;
    }

    /// Makes the joined octets one packet with a partial checksum.
    fn finish(&self, packet: &mut [u8]) -> VnetHeader {
        let at = self.first.transport_offset;
        let total_len = packet.len();
        let &InnerHeader {
            source,
            destination,
            ..
        } = &self.first;
        let (ip, tcp) = packet.split_at_mut_checked(at).unwrap_or_default();
        if source.is_ipv4() {
            put(ip, 2, total_len as u16);
            fill_ipv4(ip);
        } else {
            put(ip, 4, (total_len - 40) as u16);
        }
        let partial = Sum::default()
            .pseudo_header(source, destination, TCP, tcp.len())
            .partial();
        put(tcp, TCP_CHECKSUM, partial);
        VnetHeader {
            gso: if source.is_ipv4() {
                Gso::TcpV4
            } else {
                Gso::TcpV6
            },
            gso_size: self.segment_len as u16,
            header_len: self.headers_len as u16,
            checksum: Some((at as u16, TCP_CHECKSUM as u16)),
        }
    }
}

fn same(old: &[u8], new: &[u8], range: core::ops::Range<usize>) -> bool {
    old.get(range.clone()) == new.get(range)
}

#[cfg(test)]
mod tests;
