//! Sealing and opening IKE messages (RFC 7296 section 3.14, RFC 5282).

use alloc::vec::Vec;
use core::ops::Range;

use adit_crypto::{Encryption, Opener, Random, Sealer};
use adit_ike_wire::v2::encrypted::{Layout, strip_padding};
use adit_ike_wire::v2::payload::parse_chain;
use adit_ike_wire::v2::{Message, Payload};
use adit_ike_wire::{Header, ParseError, PayloadType};

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
    let layout = Layout::new(header, payloads, &[], 1, 0);
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

impl Opened {
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

    /// Writes, encrypts and authenticates a message.
    pub(crate) fn seal(
        &mut self,
        header: &Header,
        payloads: &[Payload<'_>],
        random: &mut dyn Random,
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
        let mut layout = Layout::new(
            header,
            payloads,
            iv,
            self.encryption.block_len(),
            self.sealer.icv_len(),
        );
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
    pub(crate) fn open(&self, datagram: &[u8], message: &Message<'_>) -> Result<Opened, OpenError> {
        let Some(Payload::Encrypted(encrypted)) = message.payloads.last() else {
            return Err(OpenError::Clear);
        };
        let associated_len = datagram.len() - encrypted.body.len();
        let mut octets = datagram.to_vec();
        let inner = self
            .opener
            .open(&mut octets, associated_len, None)
            .map_err(|_| OpenError::Integrity)?;
        Ok(Opened {
            octets,
            associated_len,
            first: encrypted.first_inner,
            inner,
        })
    }
}
