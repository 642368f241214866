//! Messages that are encrypted as a whole (RFC 2409 appendix B) and, after phase 1, begin with a hash.

use alloc::vec::Vec;

use adit_crypto::{CbcCipher, Secret, equal};
use adit_ike_wire::v1::{Payload, emit_chain, parse_chain};
use adit_ike_wire::{ExchangeType, Header};

use crate::v1::keys::Keys;
use crate::v1::link::Link;

/// An encrypted message, and the IV of the next one of its exchange.
pub(super) struct Sealed {
    pub(super) octets: Vec<u8>,
    pub(super) next_iv: Vec<u8>,
}

/// Encrypts a chain of payloads. `None` only where the IV is none of the cipher's.
pub(super) fn seal(
    cipher: &CbcCipher,
    iv: &[u8],
    header: Header,
    payloads: &[Payload<'_>],
) -> Option<Sealed> {
    let mut plain = Vec::with_capacity(512);
    let first = emit_chain(payloads, &mut plain);
    let block = cipher.block_len();
    plain.resize(plain.len().next_multiple_of(block), 0);
    let sealed = cipher.encrypt(iv, &plain)?;
    let mut header = header;
    header.flags.encryption = true;
    header.next_payload = first;
    header.length = u32::try_from(Header::LEN + sealed.len()).ok()?;
    let mut octets = Vec::with_capacity(Header::LEN + sealed.len());
    header.emit(&mut octets);
    octets.extend_from_slice(&sealed);
    let next_iv = sealed.get(sealed.len().checked_sub(block)?..)?.to_vec();
    Some(Sealed { octets, next_iv })
}

/// What was within an encrypted message; nothing is known of who wrote it.
pub(super) struct Opened {
    plain: Vec<u8>,
    header: Header,
    pub(super) next_iv: Vec<u8>,
}

/// Decrypts a message. `None` where it is not encrypted, or not in whole blocks.
pub(super) fn open(
    cipher: &CbcCipher,
    iv: &[u8],
    header: &Header,
    datagram: &[u8],
) -> Option<Opened> {
    let sealed = datagram.get(Header::LEN..)?;
    if !header.flags.encryption || sealed.is_empty() {
        return None;
    }
    let plain = cipher.decrypt(iv, sealed)?;
    let next_iv = sealed.get(sealed.len().checked_sub(cipher.block_len())?..)?;
    Some(Opened {
        plain,
        header: *header,
        next_iv: next_iv.to_vec(),
    })
}

impl Opened {
    /// The payloads; with another key there are hardly any.
    pub(super) fn payloads(&self) -> Option<Vec<Payload<'_>>> {
        let chain = parse_chain(self.header.next_payload, &self.plain);
        chain.ok().map(|(payloads, _)| payloads)
    }

    /// The payloads after the hash that the message begins with, if that is the one of `expected`, which
    /// gets what is hashed of the message.
    pub(super) fn authentic(
        &self,
        expected: impl FnOnce(&[u8]) -> Secret,
    ) -> Option<Vec<Payload<'_>>> {
        let (mut payloads, padding) = parse_chain(self.header.next_payload, &self.plain).ok()?;
        let Some(Payload::Hash(hash)) = payloads.first() else {
            return None;
        };
        let hash = *hash;
        let end = self.plain.len() - padding.len();
        let hashed = self.plain.get(4 + hash.len()..end)?;
        if !equal(expected(hashed).as_slice(), hash) {
            return None;
        }
        payloads.remove(0);
        Some(payloads)
    }
}

/// Encrypts a message that begins with HASH(1) or HASH(2): `before` goes between the message ID and the
/// payloads in what is hashed.
pub(super) fn seal_hashed(
    keys: &Keys,
    link: &Link,
    exchange: ExchangeType,
    message_id: u32,
    iv: &[u8],
    before: &[u8],
    payloads: &[Payload<'_>],
) -> Option<Sealed> {
    let mut rest = Vec::with_capacity(512);
    emit_chain(payloads, &mut rest);
    let hash = keys.hash(message_id, &[before, &rest]);
    let mut all = Vec::with_capacity(payloads.len() + 1);
    all.push(Payload::Hash(hash.as_slice()));
    all.extend_from_slice(payloads);
    seal(&keys.cipher, iv, link.header(exchange, message_id), &all)
}
