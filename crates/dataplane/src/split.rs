//! Cuts a packet that the kernel left whole (TSO) into the packets that go on the wire.
//!
//! Each piece is written straight to where it will be encrypted: headers, then its share of the payload, then the
//! fields that differ from piece to piece.

use adit_esp::InnerHeader;

use crate::checksum::{Sum, dword_at, fill_ipv4, put, word_at};
use crate::vnet::{Gso, VnetHeader};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Where TCP's checksum is within its header.
pub(crate) const TCP_CHECKSUM: usize = 16;
/// Where UDP's checksum is within its header.
const UDP_CHECKSUM: usize = 6;
const UDP_HEADER_LEN: usize = 8;

/// A packet to be cut.
pub(crate) struct SuperPacket<'a> {
    inner: InnerHeader,
    headers: &'a [u8],
    payload: &'a [u8],
    piece_len: usize,
}

impl<'a> SuperPacket<'a> {
    /// Takes the packet apart. TCP's pieces are at most `max_len` octets with their headers, however large the
    /// kernel would have them; UDP's are datagrams, whose size is no choice of ours.
    ///
    /// `None` if the packet is not what its header says, or no piece of TCP fits.
    pub(crate) fn new(
        vnet: &VnetHeader,
        inner: &InnerHeader,
        packet: &'a [u8],
        max_len: usize,
    ) -> Option<Self> {
        let packet = packet.get(..inner.total_len)?;
        let transport = packet.get(inner.transport_offset..)?;
        let transport_len = match (vnet.gso, inner.protocol, inner.source.is_ipv4()) {
            (Gso::TcpV4, TCP, true) | (Gso::TcpV6, TCP, false) => {
                usize::from(transport.get(12)? >> 4) * 4
            }
            (Gso::Udp, UDP, _) => UDP_HEADER_LEN,
            _ => return None,
        };
        if inner.is_fragment
            || transport_len < UDP_HEADER_LEN
            || (inner.protocol == TCP && transport_len < 20)
        {
            return None;
        }
        let (headers, payload) = packet.split_at_checked(inner.transport_offset + transport_len)?;
        let room = match inner.protocol {
            UDP => usize::MAX,
            _ => max_len.checked_sub(headers.len())?,
        };
        let wanted = usize::from(vnet.gso_size);
        if wanted == 0 || room == 0 {
            return None;
        }
        Some(Self {
            inner: *inner,
            headers,
            payload,
            piece_len: wanted.min(room),
        })
    }

    /// How many pieces there are; one, if there is no payload.
    pub(crate) fn count(&self) -> usize {
        self.payload.len().div_ceil(self.piece_len).max(1)
    }

    /// Octets of the piece with its headers.
    pub(crate) fn len(&self, index: usize) -> usize {
        self.headers.len() + self.share(index).len()
    }

    fn share(&self, index: usize) -> &'a [u8] {
        let start = (index * self.piece_len).min(self.payload.len());
        let end = (start + self.piece_len).min(self.payload.len());
        self.payload.get(start..end).unwrap_or_default()
    }

    /// Writes the piece into `out`, which has exactly [`len`](Self::len) octets.
    pub(crate) fn write(&self, index: usize, out: &mut [u8]) {
        let share = self.share(index);
        let Some((headers, payload)) = out.split_at_mut_checked(self.headers.len()) else {
            return;
        };
        if payload.len() != share.len() {
            return;
        }
        headers.copy_from_slice(self.headers);
        payload.copy_from_slice(share);
        let total_len = headers.len() + payload.len();
        let Some((ip, transport)) = headers.split_at_mut_checked(self.inner.transport_offset)
        else {
            return;
        };
        if self.inner.source.is_ipv4() {
            put(ip, 2, total_len as u16);
            put(ip, 4, word_at(ip, 4).wrapping_add(index as u16));
            fill_ipv4(ip);
        } else {
            put(ip, 4, (total_len - 40) as u16);
        }
        self.write_transport(index, transport, payload);
    }

    fn write_transport(&self, index: usize, transport: &mut [u8], payload: &[u8]) {
        let checksum_at = if self.inner.protocol == TCP {
            let sequence = dword_at(transport, 4).wrapping_add((index * self.piece_len) as u32);
            if let Some(field) = transport
                .get_mut(4..)
                .and_then(|rest| rest.first_chunk_mut())
            {
                *field = sequence.to_be_bytes();
            }
            if let Some(flags) = transport.get_mut(13) {
                if index + 1 < self.count() {
                    *flags &= !(FIN | PSH);
                }
                if index > 0 {
                    *flags &= !CWR;
                }
            }
            TCP_CHECKSUM
        } else {
            put(transport, 4, (transport.len() + payload.len()) as u16);
            UDP_CHECKSUM
        };
        put(transport, checksum_at, 0);
        let &InnerHeader {
            source,
            destination,
            protocol,
            ..
        } = &self.inner;
        let checksum = Sum::default()
            .pseudo_header(
                source,
                destination,
                protocol,
                transport.len() + payload.len(),
            )
            .add(transport)
            .add(payload)
            .finish();
        // RFC 768: a computed zero is sent as all ones, since zero means there is no checksum.
        put(
            transport,
            checksum_at,
            if protocol == UDP && checksum == 0 {
                0xFFFF
            } else {
                checksum
            },
        );
    }
}

/// Completes the checksum that the kernel left partial in a packet that is not to be cut.
pub(crate) fn complete_checksum(vnet: &VnetHeader, inner: &InnerHeader, packet: &mut [u8]) {
    let Some((start, offset)) = vnet.checksum else {
        return;
    };
    let Some(covered) = packet.get_mut(start.into()..inner.total_len) else {
        return;
    };
    // The field holds the pseudo header's sum and so takes part in the sum itself.
    let checksum = Sum::default().add(covered).finish();
    let zero_is_none = inner.protocol == UDP && checksum == 0;
    put(
        covered,
        offset.into(),
        if zero_is_none { 0xFFFF } else { checksum },
    );
}
