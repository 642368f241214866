//! Sealing and opening IKE messages (RFC 7296 section 3.14, RFC 5282).

use alloc::vec::Vec;
use core::ops::Range;

use adit_crypto::{Encryption, Opener, Random, Sealer, Secret};
use adit_ike_wire::v2::encrypted::{FragmentNumber, Inner, Layout, Shape, strip_padding};
use adit_ike_wire::v2::payload::{emit_chain, parse_chain};
use adit_ike_wire::v2::{EncryptedFragment, Message, Payload};
use adit_ike_wire::{Header, ParseError, PayloadType};

use crate::v2::fragments::Fragment;
use crate::v2::outgoing::{Outgoing, Source};

/// Why a message could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the message is not encrypted")]
    Clear,
    #[error("the integrity check failed")]
    Integrity,
}

/// Both directions of an IKE SA's encryption.
pub(crate) struct Protection {
    encryption: Encryption,
    sealer: Sealer,
    opener: Opener,
    iv_epoch: u16,
    iv_counter: u64,
}

/// What RFC 9242 section 3.3.2 has signed of a message: all before the encrypted payload's IV, with lengths as
/// if nothing but the payloads came then, and the payloads.
pub(crate) fn covered(associated: &[u8], plain: &[u8]) -> Vec<u8> {
    /// Where the header has the message's length.
    const LENGTH: Range<usize> = 24..28;
    let mut octets = [associated, plain].concat();
    let total = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    if let Some(length) = octets.get_mut(LENGTH) {
        length.copy_from_slice(&total.to_be_bytes());
    }
    // The encrypted payload's own length, over its generic header of 4 octets.
    let own = u16::try_from(plain.len() + 4).unwrap_or(u16::MAX);
    let at = associated.len();
    if let Some(length) = octets.get_mut(at.saturating_sub(2)..at) {
        length.copy_from_slice(&own.to_be_bytes());
    }
    octets
}

/// The same of a message that is to be sealed.
pub(crate) fn covered_of(header: &Header, payloads: &[Payload<'_>]) -> Vec<u8> {
    let shape = Shape {
        iv: &[],
        block_len: 1,
        icv_len: 0,
    };
    let layout = Layout::new(header, payloads, shape);
    let (associated, padded) = layout
        .octets
        .split_at_checked(layout.associated_len)
        .unwrap_or_default();
    covered(associated, strip_padding(padded).unwrap_or_default())
}

/// A message that was opened; its payloads borrow from it.
pub(crate) struct Opened {
    octets: Vec<u8>,
    associated_len: usize,
    first: PayloadType,
    inner: Range<usize>,
}

/// What was opened of a message.
pub(crate) enum Piece {
    Part(Fragment),
    Whole(Opened),
}

impl Piece {
    /// Whether it stands for its message where that was answered before (RFC 7383 section 2.6.1).
    pub(crate) const fn is_first(&self) -> bool {
        match self {
            Self::Part(fragment) => fragment.place.number == 1,
            Self::Whole(_) => true,
        }
    }
}

impl Opened {
    /// What is there once all fragments are, as if it had come in one (RFC 9242 section 3.3.2).
    pub(crate) fn whole(mut header: [u8; Header::LEN], first: PayloadType, plain: &[u8]) -> Self {
        const NEXT_PAYLOAD: usize = 16;
        if let Some(next) = header.get_mut(NEXT_PAYLOAD) {
            *next = PayloadType::SK.0;
        }
        let generic = [first.0, 0, 0, 0];
        let associated_len = header.len() + generic.len();
        // The last octet says that there is no padding.
        let octets = [&header[..], &generic, plain, &[0]].concat();
        Self {
            inner: associated_len..octets.len(),
            octets,
            associated_len,
            first,
        }
    }

    /// What is signed of it (RFC 9242 section 3.3.2).
    pub(crate) fn covered(&self) -> Vec<u8> {
        let plain = self.octets.get(self.inner.clone()).unwrap_or_default();
        let associated = self.octets.get(..self.associated_len).unwrap_or_default();
        covered(associated, strip_padding(plain).unwrap_or_default())
    }

    /// The payloads inside. A peer that authenticated itself can still send malformed ones.
    pub(crate) fn payloads(&self) -> Result<Vec<Payload<'_>>, ParseError> {
        let plain = self.octets.get(self.inner.clone()).unwrap_or_default();
        let inner = strip_padding(plain).ok_or(ParseError::Length("encrypted payload"))?;
        parse_chain(self.first, inner)
    }
}

impl Protection {
    pub(crate) const fn new(
        encryption: Encryption,
        sealer: Sealer,
        opener: Opener,
        iv_epoch: u16,
    ) -> Self {
        Self {
            encryption,
            sealer,
            opener,
            iv_epoch,
            iv_counter: 0,
        }
    }

    /// What its counter-mode IVs begin with.
    pub(crate) const fn iv_epoch(&self) -> u16 {
        self.iv_epoch
    }

    /// Writes, encrypts and authenticates a message, in fragments where it does not fit into `limit`.
    pub(crate) fn seal(
        &mut self,
        header: &Header,
        payloads: &[Payload<'_>],
        limit: Option<usize>,
        random: &mut dyn Random,
    ) -> Outgoing {
        let mut plain = Vec::with_capacity(512);
        let first = emit_chain(payloads, &mut plain);
        let source = Source {
            header: *header,
            first,
            plain: Secret::new(plain),
        };
        let datagrams = self.seal_within(&source, limit, random);
        Outgoing::sealed(datagrams, limit.map(|_| source))
    }

    /// The datagrams of a message that are no longer than `limit`.
    pub(crate) fn seal_within(
        &mut self,
        source: &Source,
        limit: Option<usize>,
        random: &mut dyn Random,
    ) -> Vec<Vec<u8>> {
        let Source {
            header,
            first,
            plain,
        } = source;
        let plain = plain.as_slice();
        let parts = limit.and_then(|limit| self.parts(plain, limit));
        let Some(parts) = parts else {
            let inner = Inner {
                first: *first,
                octets: plain,
            };
            let whole = self.seal_one(random, |shape| Layout::of(header, inner, shape));
            return alloc::vec![whole];
        };
        let total = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        let numbered = (1..=total).zip(parts).map(|(number, octets)| {
            let first = if number == 1 {
                *first
            } else {
                PayloadType::NONE
            };
            let place = FragmentNumber { number, total };
            let inner = Inner { first, octets };
            self.seal_one(random, |shape| {
                Layout::of_fragment(header, place, inner, shape)
            })
        });
        numbered.collect()
    }

    /// One fragment, whatever it says of itself.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn seal_fragment(
        &mut self,
        header: &Header,
        place: FragmentNumber,
        inner: Inner<'_>,
        random: &mut dyn Random,
    ) -> Vec<u8> {
        self.seal_one(random, |shape| {
            Layout::of_fragment(header, place, inner, shape)
        })
    }

    /// What goes into each fragment, if a message does not fit into one datagram.
    fn parts<'p>(&self, plain: &'p [u8], limit: usize) -> Option<Vec<&'p [u8]>> {
        let iv = [0; 16];
        let shape = Shape {
            iv: iv.get(..self.sealer.iv_len()).unwrap_or_default(),
            block_len: self.encryption.block_len(),
            icv_len: self.sealer.icv_len(),
        };
        let room = shape.room_in_fragment(limit);
        (plain.len() > room && room > 0).then(|| plain.chunks(room).collect())
    }

    fn seal_one(
        &mut self,
        random: &mut dyn Random,
        lay_out: impl FnOnce(Shape<'_>) -> Layout,
    ) -> Vec<u8> {
        let mut iv = [0; 16];
        let iv = iv.get_mut(..self.sealer.iv_len()).unwrap_or_default();
        if self.encryption.is_cbc() {
            random.fill(iv);
        } else {
            // A takeover raises the epoch, so no node can repeat another's IV (ARCHITECTURE.md).
            let value = (u64::from(self.iv_epoch) << 48) | (self.iv_counter & ((1 << 48) - 1));
            self.iv_counter += 1;
            iv.copy_from_slice(&value.to_be_bytes());
        }
        let mut layout = lay_out(Shape {
            iv,
            block_len: self.encryption.block_len(),
            icv_len: self.sealer.icv_len(),
        });
        if self
            .sealer
            .seal(&mut layout.octets, layout.associated_len, None)
            .is_err()
        {
            // The layout above always fits; a message that does not is not sent.
            layout.octets.clear();
        }
        layout.octets
    }

    /// Checks and decrypts `datagram`, which was parsed into `message`.
    pub(crate) fn open(&self, datagram: &[u8], message: &Message<'_>) -> Result<Piece, OpenError> {
        match message.payloads.as_slice() {
            [.., Payload::Encrypted(encrypted)] => {
                let (octets, associated_len, inner) = self.decrypt(datagram, encrypted.body)?;
                Ok(Piece::Whole(Opened {
                    octets,
                    associated_len,
                    first: encrypted.first_inner,
                    inner,
                }))
            }
            // No message of ours, nor of a peer's that we know, has payloads in front of it.
            [Payload::EncryptedFragment(fragment)] => {
                self.open_fragment(datagram, fragment).map(Piece::Part)
            }
            _ => Err(OpenError::Clear),
        }
    }

    fn open_fragment(
        &self,
        datagram: &[u8],
        fragment: &EncryptedFragment<'_>,
    ) -> Result<Fragment, OpenError> {
        let (octets, _, inner) = self.decrypt(datagram, fragment.body)?;
        let plain = octets.get(inner).and_then(strip_padding);
        let header = datagram.first_chunk();
        let (Some(plain), Some(header)) = (plain, header) else {
            return Err(OpenError::Integrity);
        };
        Ok(Fragment {
            place: FragmentNumber {
                number: fragment.number,
                total: fragment.total,
            },
            first: fragment.first_inner,
            plain: plain.to_vec(),
            len: datagram.len(),
            header: *header,
        })
    }

    /// The octets with those behind the associated data in clear, how many those are, and what is in clear.
    fn decrypt(
        &self,
        datagram: &[u8],
        body: &[u8],
    ) -> Result<(Vec<u8>, usize, Range<usize>), OpenError> {
        let associated_len = datagram.len() - body.len();
        let mut octets = datagram.to_vec();
        let inner = self
            .opener
            .open(&mut octets, associated_len, None)
            .map_err(|_| OpenError::Integrity)?;
        Ok((octets, associated_len, inner))
    }
}
