//! The receiving half of a Child SA: replay, integrity, padding, next header, selectors, in that order.
//!
//! The order is RFC 4303 section 3.4, RFC 4302 section 3.4 and RFC 4301 section 5.2. A packet is counted once, as
//! delivered or under the reason it was dropped for.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use adit_crypto::{KeyError, OpenError, Opener};

use crate::ah::AhKey;
use crate::hosts::Way;
use crate::{
    ESP_HEADER_LEN, Framing, InnerHeader, Keying, Mode, Protection, Protocol, ReplayError,
    ReplayWindow, Selectors, Spi,
};

/// Octets of no more use before every delivered packet, at least: ESP's header and the shortest IV.
pub const HEADROOM: usize = 16;

/// IPv4 and IPv6, as what a tunnel carries.
const IPV4: u8 = 4;
const IPV6: u8 = 41;

/// The next header of a dummy packet (RFC 4303 section 2.6).
const NO_NEXT_HEADER: u8 = 59;

/// Why a packet was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum DropReason {
    /// The ICV does not match: wrong keys, damage, or forgery.
    #[error("integrity check failed")]
    Integrity,
    /// The inner packet is no IP packet.
    #[error("inner packet is malformed")]
    InnerHeader,
    /// A length no packet of this SA can have, or the wrong SPI.
    #[error("sealed packet is malformed")]
    Malformed,
    /// The next header is not the inner packet's version.
    #[error("next header does not fit the inner packet")]
    NextHeader,
    /// A dummy packet, sent to hide how much traffic there is; dropped in silence (RFC 4303 section 2.6).
    #[error("dummy packet")]
    Dummy,
    /// The header outside of AH has options, of which it is not known here what AH covers.
    #[error("outer header has options")]
    OuterHeader,
    /// The padding is not 1, 2, 3, ...
    #[error("padding is malformed")]
    Padding,
    /// The sequence number was seen before.
    #[error("sequence number was seen before")]
    Replayed,
    /// The selectors do not allow the inner packet (RFC 4301 section 5.2).
    #[error("inner packet is outside the selectors")]
    Selector,
    /// The sequence number is behind the window.
    #[error("sequence number is behind the replay window")]
    TooOld,
}

impl DropReason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::Integrity,
        Self::InnerHeader,
        Self::Malformed,
        Self::NextHeader,
        Self::Dummy,
        Self::OuterHeader,
        Self::Padding,
        Self::Replayed,
        Self::Selector,
        Self::TooOld,
    ];

    /// A short name for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::InnerHeader => "inner_header",
            Self::Malformed => "malformed",
            Self::NextHeader => "next_header",
            Self::Dummy => "dummy",
            Self::OuterHeader => "outer_header",
            Self::Padding => "padding",
            Self::Replayed => "replayed",
            Self::Selector => "selector",
            Self::TooOld => "too_old",
        }
    }

    /// Whether the packet came from the peer for certain, though it was dropped.
    #[must_use]
    pub fn is_authenticated(self) -> bool {
        matches!(
            self,
            Self::InnerHeader | Self::NextHeader | Self::Dummy | Self::Padding | Self::Selector
        )
    }
}

impl From<ReplayError> for DropReason {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Impossible => Self::Malformed,
            ReplayError::Replayed => Self::Replayed,
            ReplayError::TooOld => Self::TooOld,
        }
    }
}

impl From<OpenError> for DropReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Malformed => Self::Malformed,
            OpenError::Integrity => Self::Integrity,
        }
    }
}

/// What became of the packets of one SA.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboundCounters {
    /// Inner packets delivered.
    pub packets: u64,
    /// Octets of the inner packets delivered.
    pub octets: u64,
    drops: [u64; DropReason::ALL.len()],
}

impl InboundCounters {
    /// Packets dropped for one reason.
    #[must_use]
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or(0)
    }

    /// Packets dropped for any reason but the peer's own dummies.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let all: u64 = self.drops.iter().sum();
        all - self.drops(DropReason::Dummy)
    }
}

/// An inner packet that may go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivered {
    /// It stands there in the buffer that was opened, with [`HEADROOM`] before it.
    InPlace(Range<usize>),
    /// Transport mode: with an IP header of its own again, which stands behind [`HEADROOM`] octets. Of that the DSCP
    /// and ECN are those of the outer header, which the caller knows, and an IPv4 header's checksum is zero.
    Rebuilt(Vec<u8>),
}

impl Delivered {
    /// The inner packet, of a buffer that was opened.
    #[must_use]
    pub fn packet<'a>(&'a self, opened: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::InPlace(range) => opened.get(range.clone()),
            Self::Rebuilt(frame) => frame.get(HEADROOM..),
        }
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per SA and direction, and it is read for every packet"
)]
enum Key {
    Ah(AhKey),
    Esp(Opener),
}

/// The receiving half of a Child SA: keys, replay window, selectors, counters.
pub struct InboundSa {
    spi: Spi,
    key: Key,
    framing: Framing,
    window: ReplayWindow,
    extended: bool,
    selectors: Selectors,
    counters: InboundCounters,
}

impl InboundSa {
    /// Prepares the SA. `extended`: 64-bit sequence numbers were negotiated.
    ///
    /// # Errors
    /// If keys and algorithms do not fit together.
    pub fn new(
        spi: Spi,
        keying: &Keying<'_>,
        framing: Framing,
        selectors: Selectors,
        extended: bool,
    ) -> Result<Self, KeyError> {
        let &Keying {
            protection,
            encryption_key,
            integrity_key,
        } = keying;
        let key = match protection {
            Protection::Ah(integrity) => {
                Key::Ah(AhKey::new(integrity, integrity_key, framing.hosts)?)
            }
            Protection::Esp(encryption, integrity) => Key::Esp(Opener::new(
                encryption,
                integrity,
                encryption_key,
                integrity_key,
            )?),
        };
        let window = ReplayWindow::new(extended);
        Ok(Self {
            spi,
            key,
            framing,
            window,
            extended,
            selectors,
            counters: InboundCounters::default(),
        })
    }

    /// Our SPI, which we chose and the peer writes into every packet.
    #[must_use]
    pub fn spi(&self) -> Spi {
        self.spi
    }

    /// Takes this number and all before it for seen if it is ahead, for a takeover of keys: another holder has had them.
    pub fn skip_to(&mut self, sequence: u64) {
        if sequence > self.window.highest() {
            let most = if self.extended {
                u64::MAX
            } else {
                u32::MAX.into()
            };
            self.window = ReplayWindow::after(sequence.min(most), self.extended);
        }
    }

    /// What its packets are.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self.key {
            Key::Ah(_) => Protocol::Ah,
            Key::Esp(_) => Protocol::Esp,
        }
    }

    /// What of packets it protects.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.framing.mode
    }

    /// Which packets the peer may send.
    #[must_use]
    pub fn selectors(&self) -> &Selectors {
        &self.selectors
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counters(&self) -> &InboundCounters {
        &self.counters
    }

    /// The highest authenticated sequence number.
    #[must_use]
    pub fn highest_sequence(&self) -> u64 {
        self.window.highest()
    }

    /// Checks and decrypts a packet of the SA's protocol, from its SPI on, or of AH over IPv4 from the outer header on.
    ///
    /// # Errors
    /// The reason to drop it. The contents of `packet` are of no use then.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Delivered, DropReason> {
        let result = self.try_open(packet);
        match &result {
            Ok((_, len)) => {
                self.counters.packets += 1;
                self.counters.octets += *len as u64;
            }
            Err(reason) => {
                if let Some(count) = self.counters.drops.get_mut(*reason as usize) {
                    *count += 1;
                }
            }
        }
        result.map(|(delivered, _)| delivered)
    }

    fn try_open(&mut self, packet: &mut [u8]) -> Result<(Delivered, usize), DropReason> {
        let (payload, next_header) = match &self.key {
            Key::Ah(key) => {
                let header = key.header(packet)?;
                if header.spi != self.spi.get() {
                    return Err(DropReason::Malformed);
                }
                let sequence = self.window.check(header.sequence)?;
                let payload = key.open(packet, header, self.esn_high(sequence))?;
                self.window.commit(sequence);
                (payload, header.next_header)
            }
            Key::Esp(opener) => {
                let &[s0, s1, s2, s3, q0, q1, q2, q3] = packet
                    .first_chunk::<ESP_HEADER_LEN>()
                    .ok_or(DropReason::Malformed)?;
                if u32::from_be_bytes([s0, s1, s2, s3]) != self.spi.get() {
                    return Err(DropReason::Malformed);
                }
                let sequence = self.window.check(u32::from_be_bytes([q0, q1, q2, q3]))?;
                let body = opener.open(packet, ESP_HEADER_LEN, self.esn_high(sequence))?;
                self.window.commit(sequence);
                let start = body.start;
                let (inner, next_header) =
                    strip_trailer(packet.get(body).ok_or(DropReason::Malformed)?)?;
                (start..start + inner.len(), next_header)
            }
        };
        if next_header == NO_NEXT_HEADER {
            return Err(DropReason::Dummy);
        }
        let inner = packet.get(payload.clone()).ok_or(DropReason::Malformed)?;
        match self.framing.mode {
            Mode::Transport => self.rebuilt(inner, next_header),
            Mode::Tunnel => self.in_place(inner, next_header, payload.start),
        }
    }

    fn esn_high(&self, sequence: u64) -> Option<u32> {
        self.extended.then_some((sequence >> 32) as u32)
    }

    fn in_place(
        &self,
        inner: &[u8],
        next_header: u8,
        start: usize,
    ) -> Result<(Delivered, usize), DropReason> {
        let version = match next_header {
            IPV4 | IPV6 => next_header,
            _ => return Err(DropReason::NextHeader),
        };
        let header = InnerHeader::parse(inner).map_err(|_| DropReason::InnerHeader)?;
        if header.source.is_ipv4() != (version == IPV4) {
            return Err(DropReason::NextHeader);
        }
        if !self.selectors.allow_inbound(&header) {
            return Err(DropReason::Selector);
        }
        let range = start..start + header.total_len;
        Ok((Delivered::InPlace(range), header.total_len))
    }

    /// Transport mode: the datagram is from the peer itself to us, whatever the outer header said (RFC 4301 section
    /// 5.2, which has the selectors compared with it).
    fn rebuilt(&self, payload: &[u8], protocol: u8) -> Result<(Delivered, usize), DropReason> {
        let start = HEADROOM + self.framing.hosts.header_len();
        let mut frame = vec![0; start + payload.len()];
        let packet = frame.get_mut(HEADROOM..).unwrap_or_default();
        let hosts = self.framing.hosts;
        if !hosts.write_header(packet, Way::In, protocol, payload.len()) {
            return Err(DropReason::InnerHeader);
        }
        if let Some(room) = frame.get_mut(start..) {
            room.copy_from_slice(payload);
        }
        let packet = frame.get(HEADROOM..).unwrap_or_default();
        let header = InnerHeader::parse(packet).map_err(|_| DropReason::InnerHeader)?;
        // Fragments are made of sealed packets, never the other way round (RFC 4303 section 3.3.4).
        if header.is_fragment {
            return Err(DropReason::InnerHeader);
        }
        if !self.selectors.allow_inbound(&header) {
            return Err(DropReason::Selector);
        }
        let len = packet.len();
        Ok((Delivered::Rebuilt(frame), len))
    }
}

/// Takes padding, pad length and next header off the end (RFC 4303 sections 2.4 to 2.6).
fn strip_trailer(body: &[u8]) -> Result<(&[u8], u8), DropReason> {
    let [rest @ .., pad_len, next_header] = body else {
        return Err(DropReason::Padding);
    };
    let inner_len = rest
        .len()
        .checked_sub(usize::from(*pad_len))
        .ok_or(DropReason::Padding)?;
    let (inner, padding) = rest
        .split_at_checked(inner_len)
        .ok_or(DropReason::Padding)?;
    // A dummy's content is anything at all; its padding still counts.
    if padding
        .iter()
        .zip(1..=u8::MAX)
        .any(|(octet, count)| *octet != count)
    {
        return Err(DropReason::Padding);
    }
    Ok((inner, *next_header))
}

impl core::fmt::Debug for InboundSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "InboundSa({}, {:?}, {:?}, highest {})",
            self.spi,
            self.protocol(),
            self.framing.mode,
            self.window.highest()
        )
    }
}
