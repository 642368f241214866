//! The sending half of a Child SA.
//!
//! Every packet gets the next sequence number and an IV of its own. In counter modes the IV is `epoch (16 bits) | sequence
//! number (48 bits)`: within one SA the number is unique, and two holders of the same keys, as after a takeover,
//! have different epochs, so that no nonce is ever used twice. For CBC the IV is the cipher of the sequence number
//! under a random key, unpredictable as RFC 3602 section 3 asks. A packet carries no traffic-flow padding.

use alloc::boxed::Box;

use adit_crypto::{IvGenerator, KeyError, Random, SealError, SealItem, Sealer};

use crate::ah::{AhKey, Fields};
use crate::{
    ESP_HEADER_LEN, Framing, InnerHeader, Keying, Mode, Protection, Protocol, Selectors, Spi,
};

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

/// Where an IPv6 header says what follows, and what routers read (RFC 8200 section 4.1): that stays outside of what is
/// protected in transport mode (RFC 4303 section 3.1.1).
const V6_NEXT_HEADER: usize = 6;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;

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
    /// The packet is longer than any that IP can name.
    #[error("packet is too long for IP")]
    TooLong,
    /// The sequence numbers do not suffice; the SA must be replaced (RFC 4303 section 3.3.3).
    #[error("sequence numbers are exhausted")]
    SequenceExhausted,
    /// The cipher refused.
    #[error("cannot seal")]
    Sealing(#[from] SealError),
}

/// Why an SA can't carry a packet that its selectors allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Uncarried {
    /// Transport mode takes whole datagrams: what is to be fragmented is the sealed packet (RFC 4303 section 3.3.4).
    #[error("a fragment in transport mode")]
    Fragment,
    /// An IPv4 header with options, or IPv6 headers that routers read, in transport mode.
    #[error("IP options in transport mode")]
    Options,
    /// It does not begin like an IP packet.
    #[error("not an IP packet")]
    NotIp,
}

/// What of an inner packet an SA carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Carried {
    /// Octets of it that are left out: its IP header, in transport mode.
    pub skipped: usize,
    /// What begins then.
    pub next_header: u8,
}

/// One packet to seal.
#[derive(Debug)]
pub struct OutboundPacket<'a> {
    /// [`OutboundSa::sealed_len`] octets with the payload at [`OutboundSa::payload_offset`].
    pub buf: &'a mut [u8],
    /// Octets of the payload: the inner packet, or what of it is [`Carried`].
    pub payload_len: usize,
    /// What it is.
    pub next_header: u8,
    /// DSCP and ECN of the outer header, where that is written here: AH's over IPv4.
    pub class: u8,
}

enum Ivs {
    /// Counter modes: the counter under an epoch.
    Epoch(u16),
    /// CBC: unpredictable.
    Generated(Box<IvGenerator>),
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per SA and direction, and it is read for every packet"
)]
enum Key {
    Ah(AhKey),
    Esp(Sealer, Ivs),
}

/// The sending half of a Child SA: keys, sequence numbers, selectors.
pub struct OutboundSa {
    spi: Spi,
    key: Key,
    framing: Framing,
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
        framing: Framing,
        selectors: Selectors,
        extended: bool,
        epoch: u16,
        random: &mut dyn Random,
    ) -> Result<Self, KeyError> {
        let &Keying {
            protection,
            encryption_key,
            integrity_key,
        } = keying;
        let (key, block_len) = match protection {
            Protection::Ah(integrity) => {
                let key = AhKey::new(integrity, integrity_key, framing.hosts)?;
                (Key::Ah(key), 1)
            }
            Protection::Esp(encryption, integrity) => {
                let sealer = Sealer::new(encryption, integrity, encryption_key, integrity_key)?;
                let ivs = if encryption.is_cbc() {
                    Ivs::Generated(Box::new(IvGenerator::new(random)))
                } else {
                    Ivs::Epoch(epoch)
                };
                let block_len = sealer.block_len();
                (Key::Esp(sealer, ivs), block_len)
            }
        };
        let limit = match extended {
            _ if block_len == SMALL_BLOCK => MAX_SMALL_BLOCKS,
            true => MAX_EXTENDED,
            false => u32::MAX.into(),
        };
        Ok(Self {
            spi,
            key,
            framing,
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

    /// What its packets are.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self.key {
            Key::Ah(_) => Protocol::Ah,
            Key::Esp(..) => Protocol::Esp,
        }
    }

    /// What of packets it protects.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.framing.mode
    }

    /// What of an inner packet it carries.
    ///
    /// # Errors
    /// In transport mode not every packet can be.
    pub fn carried(&self, header: &InnerHeader, packet: &[u8]) -> Result<Carried, Uncarried> {
        if self.framing.mode == Mode::Tunnel {
            return Ok(Carried {
                skipped: 0,
                next_header: if header.source.is_ipv4() { 4 } else { 41 },
            });
        }
        if header.is_fragment {
            return Err(Uncarried::Fragment);
        }
        let skipped = self.framing.hosts.header_len();
        let next_header = if !header.source.is_ipv4() {
            *packet.get(V6_NEXT_HEADER).ok_or(Uncarried::NotIp)?
        } else if header.transport_offset == skipped {
            header.protocol
        } else {
            return Err(Uncarried::Options);
        };
        match next_header {
            HOP_BY_HOP | ROUTING if !header.source.is_ipv4() => Err(Uncarried::Options),
            _ => Ok(Carried {
                skipped,
                next_header,
            }),
        }
    }

    /// Octets of the outer IP header that stands in sealed packets: AH over IPv4 has it, and else the caller adds it.
    #[must_use]
    pub const fn outer_len(&self) -> usize {
        match &self.key {
            Key::Ah(key) => key.outer_len(),
            Key::Esp(..) => 0,
        }
    }

    /// Octets of an inner packet that are left out, its IP header in transport mode.
    #[must_use]
    pub const fn skipped(&self) -> usize {
        match self.framing.mode {
            Mode::Transport => self.framing.hosts.header_len(),
            Mode::Tunnel => 0,
        }
    }

    /// Where in a buffer the payload starts.
    #[must_use]
    pub fn payload_offset(&self) -> usize {
        match &self.key {
            Key::Ah(key) => key.payload_offset(),
            Key::Esp(sealer, _) => ESP_HEADER_LEN + sealer.iv_len(),
        }
    }

    /// The most octets that sealing adds to a payload.
    #[must_use]
    pub fn overhead(&self) -> usize {
        let behind = match &self.key {
            Key::Ah(_) => 0,
            Key::Esp(sealer, _) => alignment(sealer) - 1 + TRAILER_LEN + sealer.icv_len(),
        };
        self.payload_offset() + behind
    }

    /// Octets of the sealed packet around a payload.
    #[must_use]
    pub fn sealed_len(&self, payload_len: usize) -> usize {
        let body = match &self.key {
            Key::Ah(_) => payload_len,
            Key::Esp(sealer, _) => payload_len
                .saturating_add(TRAILER_LEN)
                .checked_next_multiple_of(alignment(sealer))
                .unwrap_or(usize::MAX)
                .saturating_add(sealer.icv_len()),
        };
        body.saturating_add(self.payload_offset())
    }

    /// Octets of the largest inner packet whose sealed packet has at most `budget` octets; 0 if there is none.
    #[must_use]
    pub fn max_inner_len(&self, budget: usize) -> usize {
        let payload = match &self.key {
            Key::Ah(_) => budget.saturating_sub(self.payload_offset()),
            Key::Esp(sealer, _) => {
                let body = budget.saturating_sub(self.payload_offset() + sealer.icv_len());
                let body = body - body % alignment(sealer);
                body.saturating_sub(TRAILER_LEN)
            }
        };
        match self.framing.mode {
            Mode::Transport if payload > 0 => payload + self.skipped(),
            _ => payload,
        }
        .min(MAX_INNER_LEN)
    }

    /// Makes sealed packets of payloads in place, with consecutive sequence numbers in the given order.
    ///
    /// # Errors
    /// If a buffer has the wrong length, or the sequence numbers do not suffice for all. Then nothing is sealed and no
    /// number is used.
    pub fn seal_batch(&mut self, packets: &mut [OutboundPacket<'_>]) -> Result<(), OutboundError> {
        for packet in packets.iter() {
            let expected = self.sealed_len(packet.payload_len);
            if packet.buf.len() != expected {
                return Err(OutboundError::WrongLength {
                    expected,
                    actual: packet.buf.len(),
                });
            }
        }
        let last = u64::try_from(packets.len())
            .ok()
            .and_then(|count| self.sequence.checked_add(count));
        if last.is_none_or(|last| last > self.sequence_limit()) {
            return Err(OutboundError::SequenceExhausted);
        }
        let extended = self.extended;
        match &self.key {
            Key::Ah(key) => {
                for packet in packets {
                    self.sequence += 1;
                    let fields = Fields {
                        spi: self.spi,
                        sequence: self.sequence,
                        extended,
                        next_header: packet.next_header,
                        class: packet.class,
                    };
                    if !key.seal(packet.buf, &fields) {
                        return Err(OutboundError::TooLong);
                    }
                }
            }
            Key::Esp(sealer, ivs) => {
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
                        frame(sealer, ivs, packet, (self.spi, self.sequence));
                        item.buf = packet.buf;
                        item.aad_len = ESP_HEADER_LEN;
                        item.esn_high = extended.then_some((self.sequence >> 32) as u32);
                    }
                    sealer.seal_batch(items.get_mut(..count).unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }
}

fn alignment(sealer: &Sealer) -> usize {
    sealer.block_len().max(ALIGNMENT)
}

/// Writes ESP's header, IV, padding and trailer around the payload of a buffer of the right length.
fn frame(sealer: &Sealer, ivs: &Ivs, packet: &mut OutboundPacket<'_>, (spi, sequence): (Spi, u64)) {
    let payload_offset = ESP_HEADER_LEN + sealer.iv_len();
    let Some((head, body)) = packet.buf.split_at_mut_checked(payload_offset) else {
        return;
    };
    let header = spi
        .get()
        .to_be_bytes()
        .into_iter()
        .chain((sequence as u32).to_be_bytes());
    for (to, from) in head.iter_mut().zip(header) {
        *to = from;
    }
    let iv = head.get_mut(ESP_HEADER_LEN..).unwrap_or_default();
    match ivs {
        Ivs::Epoch(epoch) => copy(iv, &(u64::from(*epoch) << 48 | sequence).to_be_bytes()),
        Ivs::Generated(generator) => copy(iv, &generator.iv(sequence)),
    }
    let end = body.len().saturating_sub(sealer.icv_len());
    let trailer = body.get_mut(packet.payload_len..end).unwrap_or_default();
    let [padding @ .., pad_len, next_octet] = trailer else {
        return;
    };
    *pad_len = padding.len() as u8;
    *next_octet = packet.next_header;
    // RFC 4303 section 2.4: the padding counts 1, 2, 3, ...
    for (octet, count) in padding.iter_mut().zip(1..=u8::MAX) {
        *octet = count;
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
            "OutboundSa({}, {:?}, {:?}, sequence {})",
            self.spi,
            self.protocol(),
            self.framing.mode,
            self.sequence
        )
    }
}
