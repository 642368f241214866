//! The receiving half of a Child SA: replay, integrity, padding, next header, selectors, in that order.
//!
//! The order is RFC 4303 section 3.4 and RFC 4301 section 5.2. A packet is counted once, as delivered or under the
//! reason it was dropped for.

use core::ops::Range;

use adit_crypto::{KeyError, OpenError, Opener};

use crate::{ESP_HEADER_LEN, InnerHeader, Keying, ReplayError, ReplayWindow, Selectors, Spi};

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
    /// A length no ESP packet of this SA can have, or the wrong SPI.
    #[error("ESP packet is malformed")]
    Malformed,
    /// The next header is not the inner packet's version.
    #[error("next header does not fit the inner packet")]
    NextHeader,
    /// A dummy packet, sent to hide how much traffic there is; dropped in silence (RFC 4303 section 2.6).
    #[error("dummy packet")]
    Dummy,
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
    drops: [u64; 9],
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

/// One packet of a batch, and what became of it.
#[derive(Debug)]
pub struct InboundPacket<'a> {
    /// The ESP packet from its SPI on.
    pub buf: &'a mut [u8],
    /// Where in `buf` the inner packet stands, once opened.
    pub result: Result<Range<usize>, DropReason>,
}

impl<'a> InboundPacket<'a> {
    /// A packet that has not been looked at, which counts as malformed until it has.
    #[must_use]
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self {
            buf,
            result: Err(DropReason::Malformed),
        }
    }
}

/// The receiving half of a Child SA: keys, replay window, selectors, counters.
pub struct InboundSa {
    spi: Spi,
    opener: Opener,
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
        selectors: Selectors,
        extended: bool,
    ) -> Result<Self, KeyError> {
        let &Keying {
            encryption,
            integrity,
            encryption_key,
            integrity_key,
        } = keying;
        let opener = Opener::new(encryption, integrity, encryption_key, integrity_key)?;
        let window = ReplayWindow::new(extended);
        Ok(Self {
            spi,
            opener,
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

    /// Checks and decrypts an ESP packet in place; answers where in `packet` the inner packet stands.
    ///
    /// # Errors
    /// The reason to drop it. The contents of `packet` are of no use then.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Range<usize>, DropReason> {
        let result = self.try_open(packet);
        match &result {
            Ok(inner) => {
                self.counters.packets += 1;
                self.counters.octets += inner.len() as u64;
            }
            Err(reason) => {
                if let Some(count) = self.counters.drops.get_mut(*reason as usize) {
                    *count += 1;
                }
            }
        }
        result
    }

    /// Opens several packets in their order, each as [`open`](Self::open) does.
    pub fn open_batch(&mut self, packets: &mut [InboundPacket<'_>]) {
        for packet in packets {
            packet.result = self.open(packet.buf);
        }
    }

    fn try_open(&mut self, packet: &mut [u8]) -> Result<Range<usize>, DropReason> {
        let &[s0, s1, s2, s3, q0, q1, q2, q3] = packet
            .first_chunk::<ESP_HEADER_LEN>()
            .ok_or(DropReason::Malformed)?;
        if u32::from_be_bytes([s0, s1, s2, s3]) != self.spi.get() {
            return Err(DropReason::Malformed);
        }
        let sequence = self.window.check(u32::from_be_bytes([q0, q1, q2, q3]))?;
        let esn_high = self.extended.then_some((sequence >> 32) as u32);
        let body = self.opener.open(packet, ESP_HEADER_LEN, esn_high)?;
        self.window.commit(sequence);
        let start = body.start;
        let (inner, next_header) = strip_trailer(packet.get(body).ok_or(DropReason::Malformed)?)?;
        let version = match next_header {
            4 | 41 => next_header,
            NO_NEXT_HEADER => return Err(DropReason::Dummy),
            _ => return Err(DropReason::NextHeader),
        };
        let header = InnerHeader::parse(inner).map_err(|_| DropReason::InnerHeader)?;
        if header.source.is_ipv4() != (version == 4) {
            return Err(DropReason::NextHeader);
        }
        if !self.selectors.allow_inbound(&header) {
            return Err(DropReason::Selector);
        }
        Ok(start..start + header.total_len)
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
            "InboundSa({}, {:?}, highest {})",
            self.spi,
            self.opener,
            self.window.highest()
        )
    }
}
