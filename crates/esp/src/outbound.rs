//! The sending half of a Child SA.
//!
//! Every packet gets the next sequence number and an IV of its own. In counter modes the IV is `epoch (16 bits) | sequence
//! number (48 bits)`: within one SA the number is unique, and two holders of the same keys, as after a takeover,
//! have different epochs, so that no nonce is ever used twice. For CBC the IV is the cipher of the sequence number
//! under a random key, unpredictable as RFC 3602 section 3 asks. A packet carries no traffic-flow padding.

use alloc::boxed::Box;

use adit_crypto::{IvGenerator, KeyError, Random, SealError, SealItem, Sealer};

use crate::{ESP_HEADER_LEN, InnerHeader, Keying, Selectors, Spi};

/// Packets handed to the cipher at once.
const BATCH: usize = 16;

/// Pad length and next header (RFC 4303 section 2).
const TRAILER_LEN: usize = 2;

/// RFC 4303 section 2.4: pad length and next header end on a 4-octet boundary.
const ALIGNMENT: usize = 4;

/// Extended sequence numbers end where the counter in the IV does: 2^48 packets are years at any speed.
const MAX_EXTENDED: u64 = (1 << 48) - 1;

/// Where blocks are of 64 bits, two of them are soon the same by chance, which tells of what is in them. With so many
/// packets of 1500 octets under one key there are 2^28.5 blocks, and the chance is below 1 %.
const MAX_SMALL_BLOCKS: u64 = 1 << 21;

/// Octets of such a block.
const SMALL_BLOCK: usize = 8;

/// The largest inner packet, for what IP can name.
const MAX_INNER_LEN: usize = 65_535 + 40;

/// Why nothing was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OutboundError {
    /// The buffer is not [`OutboundSa::sealed_len`] octets long.
    #[error("buffer has {actual} octets instead of {expected}")]
    WrongLength {
        /// Octets that the sealed packet will have.
        expected: usize,
        /// Octets of the buffer.
        actual: usize,
    },
    /// The payload does not begin like an IP packet.
    #[error("payload is not an IP packet")]
    NotIp,
    /// The sequence numbers do not suffice; the SA must be replaced (RFC 4303 section 3.3.3).
    #[error("sequence numbers are exhausted")]
    SequenceExhausted,
    /// The cipher refused.
    #[error("cannot seal")]
    Sealing(#[from] SealError),
}

/// One packet to seal.
#[derive(Debug)]
pub struct OutboundPacket<'a> {
    /// [`OutboundSa::sealed_len`] octets with the inner packet at [`OutboundSa::payload_offset`].
    pub buf: &'a mut [u8],
    /// Octets of the inner packet.
    pub inner_len: usize,
}

enum Ivs {
    /// Counter modes: the counter under an epoch.
    Epoch(u16),
    /// CBC: unpredictable.
    Generated(Box<IvGenerator>),
}

/// The sending half of a Child SA: keys, sequence numbers, selectors.
pub struct OutboundSa {
    spi: Spi,
    sealer: Sealer,
    ivs: Ivs,
    selectors: Selectors,
    /// The last number used; 0 before the first packet.
    sequence: u64,
    /// The last number that may be used.
    limit: u64,
    extended: bool,
}

impl OutboundSa {
    /// Prepares the SA. `extended`: 64-bit sequence numbers were negotiated. `epoch`: which holder of these keys
    /// this is; 0 for the first. `random` gives the key of the CBC IVs.
    ///
    /// # Errors
    /// If keys and algorithms do not fit together.
    pub fn new(
        spi: Spi,
        keying: &Keying<'_>,
        selectors: Selectors,
        extended: bool,
        epoch: u16,
        random: &mut dyn Random,
    ) -> Result<Self, KeyError> {
        let &Keying {
            encryption,
            integrity,
            encryption_key,
            integrity_key,
        } = keying;
        let sealer = Sealer::new(encryption, integrity, encryption_key, integrity_key)?;
        let ivs = if encryption.is_cbc() {
            Ivs::Generated(Box::new(IvGenerator::new(random)))
        } else {
            Ivs::Epoch(epoch)
        };
        let limit = match extended {
            _ if sealer.block_len() == SMALL_BLOCK => MAX_SMALL_BLOCKS,
            true => MAX_EXTENDED,
            false => u32::MAX.into(),
        };
        Ok(Self {
            spi,
            sealer,
            ivs,
            selectors,
            sequence: 0,
            limit,
            extended,
        })
    }

    /// The peer's SPI, which stands in every packet.
    #[must_use]
    pub fn spi(&self) -> Spi {
        self.spi
    }

    /// Which packets the SA may carry.
    #[must_use]
    pub fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// Whether the SA may carry this packet.
    #[must_use]
    pub fn allows(&self, packet: &InnerHeader) -> bool {
        self.selectors.allow_outbound(packet)
    }

    /// The last sequence number used; 0 before the first packet.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The last sequence number that may be used.
    #[must_use]
    pub fn sequence_limit(&self) -> u64 {
        self.limit
    }

    /// Skips to `sequence` if that is ahead, for a takeover that must not repeat what another holder has sent.
    pub fn skip_to(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence.min(self.sequence_limit()));
    }

    /// Where in a buffer the inner packet starts: behind ESP header and IV.
    #[must_use]
    pub fn payload_offset(&self) -> usize {
        ESP_HEADER_LEN + self.sealer.iv_len()
    }

    /// The most octets that sealing adds to an inner packet.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.payload_offset() + self.alignment() - 1 + TRAILER_LEN + self.sealer.icv_len()
    }

    /// Octets of the ESP packet around an inner packet of `inner_len` octets.
    #[must_use]
    pub fn sealed_len(&self, inner_len: usize) -> usize {
        let body = inner_len
            .saturating_add(TRAILER_LEN)
            .checked_next_multiple_of(self.alignment());
        body.unwrap_or(usize::MAX)
            .saturating_add(self.payload_offset() + self.sealer.icv_len())
    }

    /// Octets of the largest inner packet whose ESP packet has at most `budget` octets; 0 if there is none.
    #[must_use]
    pub fn max_inner_len(&self, budget: usize) -> usize {
        let body = budget.saturating_sub(self.payload_offset() + self.sealer.icv_len());
        let body = body - body % self.alignment();
        body.saturating_sub(TRAILER_LEN).min(MAX_INNER_LEN)
    }

    /// Seals one packet; see [`seal_batch`](Self::seal_batch).
    ///
    /// # Errors
    /// As [`seal_batch`](Self::seal_batch).
    pub fn seal(&mut self, buf: &mut [u8], inner_len: usize) -> Result<(), OutboundError> {
        self.seal_batch(&mut [OutboundPacket { buf, inner_len }])
    }

    /// Makes ESP packets of inner packets in place, with consecutive sequence numbers in the given order.
    ///
    /// # Errors
    /// If a buffer has the wrong length or no IP packet, or the sequence numbers do not suffice for all. Then
    /// nothing is sealed and no number is used.
    pub fn seal_batch(&mut self, packets: &mut [OutboundPacket<'_>]) -> Result<(), OutboundError> {
        for packet in packets.iter() {
            self.check(packet)?;
        }
        let last = u64::try_from(packets.len())
            .ok()
            .and_then(|count| self.sequence.checked_add(count));
        if last.is_none_or(|last| last > self.sequence_limit()) {
            return Err(OutboundError::SequenceExhausted);
        }
        for chunk in packets.chunks_mut(BATCH) {
            let count = chunk.len();
            let mut items: [SealItem<'_>; BATCH] = core::array::from_fn(|_| SealItem {
                buf: &mut [],
                aad_len: 0,
                esn_high: None,
            });
            for (item, packet) in items.iter_mut().zip(chunk) {
                // Counted before use, so that no failure on the way can make a number come twice.
                self.sequence += 1;
                self.frame(packet, self.sequence);
                item.buf = packet.buf;
                item.aad_len = ESP_HEADER_LEN;
                item.esn_high = self.extended.then_some((self.sequence >> 32) as u32);
            }
            self.sealer
                .seal_batch(items.get_mut(..count).unwrap_or_default())?;
        }
        Ok(())
    }

    fn alignment(&self) -> usize {
        self.sealer.block_len().max(ALIGNMENT)
    }

    fn check(&self, packet: &OutboundPacket<'_>) -> Result<(), OutboundError> {
        let expected = self.sealed_len(packet.inner_len);
        if packet.buf.len() != expected {
            return Err(OutboundError::WrongLength {
                expected,
                actual: packet.buf.len(),
            });
        }
        if packet.inner_len == 0 || next_header(packet.buf.get(self.payload_offset())).is_none() {
            return Err(OutboundError::NotIp);
        }
        Ok(())
    }

    /// Writes header, IV, padding and trailer around the inner packet of a checked buffer.
    fn frame(&self, packet: &mut OutboundPacket<'_>, sequence: u64) {
        let payload_offset = self.payload_offset();
        let icv_len = self.sealer.icv_len();
        let next = next_header(packet.buf.get(payload_offset)).unwrap_or_default();
        let Some((head, body)) = packet.buf.split_at_mut_checked(payload_offset) else {
            return;
        };
        let header = self
            .spi
            .get()
            .to_be_bytes()
            .into_iter()
            .chain((sequence as u32).to_be_bytes());
        for (to, from) in head.iter_mut().zip(header) {
            *to = from;
        }
        let iv = head.get_mut(ESP_HEADER_LEN..).unwrap_or_default();
        match &self.ivs {
            Ivs::Epoch(epoch) => copy(iv, &(u64::from(*epoch) << 48 | sequence).to_be_bytes()),
            Ivs::Generated(generator) => copy(iv, &generator.iv(sequence)),
        }
        let end = body.len().saturating_sub(icv_len);
        let trailer = body.get_mut(packet.inner_len..end).unwrap_or_default();
        let [padding @ .., pad_len, next_octet] = trailer else {
            return;
        };
        *pad_len = padding.len() as u8;
        *next_octet = next;
        // RFC 4303 section 2.4: the padding counts 1, 2, 3, ...
        for (octet, count) in padding.iter_mut().zip(1..=u8::MAX) {
            *octet = count;
        }
    }
}

/// IPv4 (4) or IPv6 (41) by the version in the packet's first octet.
fn next_header(first: Option<&u8>) -> Option<u8> {
    match first? >> 4 {
        4 => Some(4),
        6 => Some(41),
        _ => None,
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

impl core::fmt::Debug for OutboundSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "OutboundSa({}, {:?}, sequence {})",
            self.spi, self.sealer, self.sequence
        )
    }
}
