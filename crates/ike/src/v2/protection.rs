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

/// A message that was opened; its payloads borrow from it.
pub(crate) struct Opened {
    octets: Vec<u8>,
    first: PayloadType,
    inner: Range<usize>,
}

impl Opened {
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
            first: encrypted.first_inner,
            inner,
        })
    }
}
