//! Encryption with integrity for one direction, as the SK payload of IKEv2 and ESP use it.
//!
//! A buffer is `aad | IV | plaintext | ICV`, all in one slice. A cipher with integrity of its own (RFC 4106, RFC 4309,
//! RFC 7634, RFC 5282) authenticates the aad and the ciphertext; others are followed by a MAC over everything before
//! the ICV (RFC 4303 section 3.3.2, RFC 7296 section 3.14). Nothing is given out before the ICV was checked.

use core::fmt;
use core::ops::Range;

use crate::cbc::{AesKey, CbcKey, LANES};
use crate::combined::CombinedKey;
use crate::encryption::{COUNTED_IV_LEN, Encryption, Mode, SALT_LEN};
use crate::integrity::Integrity;
use crate::mac::{MacKey, Tag};

/// Keys and algorithms do not fit together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// A cipher without integrity of its own was given none.
    #[error("cipher needs an integrity algorithm beside it")]
    IntegrityMissing,
    /// A cipher with integrity of its own was given another.
    #[error("cipher has its own integrity and takes no other")]
    IntegrityUnexpected,
    /// A key has the wrong length.
    #[error("key has {actual} octets instead of {expected}")]
    WrongLength {
        /// Octets the algorithm asks for.
        expected: usize,
        /// Octets given.
        actual: usize,
    },
}

/// The buffer cannot be sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// The buffer has no room for aad, IV and ICV.
    #[error("buffer is too short for its own overhead")]
    TooShort,
    /// The plaintext is not a multiple of the cipher's block.
    #[error("plaintext is not padded to whole blocks")]
    Unaligned,
    /// Extended sequence numbers were asked for with an aad that is no ESP header.
    #[error("an extended sequence number needs an aad of 8 octets")]
    NotAnEspHeader,
    /// The cipher library refused, which it does for absurd lengths alone.
    #[error("cipher refused the buffer")]
    Refused,
}

/// The buffer does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// The buffer is too short or its ciphertext no whole number of blocks.
    #[error("sealed data has an impossible length")]
    Malformed,
    /// The ICV does not match.
    #[error("integrity check failed")]
    Integrity,
}

/// One buffer of a batch, laid out as [`Sealer::seal`] wants it.
#[derive(Debug)]
pub struct SealItem<'a> {
    /// `aad | IV | plaintext, already padded | room for the ICV`.
    pub buf: &'a mut [u8],
    /// Octets of `buf` that are authenticated but not encrypted.
    pub aad_len: usize,
    /// The high 32 bits of an extended sequence number, if the SA uses them.
    pub esn_high: Option<u32>,
}

enum Keys {
    Combined {
        key: CombinedKey,
        icv_len: usize,
    },
    Cbc {
        key: CbcKey,
        mac: Mac,
    },
    Ctr {
        key: AesKey,
        nonce: [u8; SALT_LEN],
        mac: Mac,
    },
}

/// The MAC beside a cipher without integrity of its own.
struct Mac {
    key: MacKey,
    icv_len: usize,
}

/// Seals what one side sends.
pub struct Sealer {
    enc: Encryption,
    keys: Keys,
}

/// Opens what the other side sent.
pub struct Opener {
    enc: Encryption,
    keys: Keys,
}

impl Keys {
    fn new(
        enc: Encryption,
        integ: Option<Integrity>,
        enc_key: &[u8],
        integ_key: &[u8],
    ) -> Result<Self, KeyError> {
        check_length(enc.key_len(), enc_key)?;
        let wrong = KeyError::WrongLength {
            expected: enc.key_len(),
            actual: enc_key.len(),
        };
        if enc.is_aead() {
            if integ.is_some() || !integ_key.is_empty() {
                return Err(KeyError::IntegrityUnexpected);
            }
            let key = CombinedKey::new(enc, enc_key).ok_or(wrong)?;
            let icv_len = enc.icv_len();
            return Ok(Self::Combined { key, icv_len });
        }
        let integ = integ.ok_or(KeyError::IntegrityMissing)?;
        check_length(integ.key_len(), integ_key)?;
        let mac = Mac {
            key: integ.key(integ_key).ok_or(KeyError::WrongLength {
                expected: integ.key_len(),
                actual: integ_key.len(),
            })?,
            icv_len: integ.icv_len(),
        };
        if enc.mode() == Mode::Ctr {
            let (key, nonce) = enc_key.split_last_chunk().ok_or(wrong)?;
            let key = AesKey::new(key).ok_or(wrong)?;
            let nonce = *nonce;
            return Ok(Self::Ctr { key, nonce, mac });
        }
        let key = CbcKey::new(enc, enc_key).ok_or(wrong)?;
        Ok(Self::Cbc { key, mac })
    }

    fn icv_len(&self) -> usize {
        match self {
            Self::Combined { icv_len, .. } => *icv_len,
            Self::Cbc { mac, .. } | Self::Ctr { mac, .. } => mac.icv_len,
        }
    }
}

fn check_length(expected: usize, key: &[u8]) -> Result<(), KeyError> {
    if key.len() == expected {
        Ok(())
    } else {
        Err(KeyError::WrongLength {
            expected,
            actual: key.len(),
        })
    }
}

/// What a cipher with integrity of its own authenticates: the aad, with the high half of an extended sequence number
/// put before the low one (RFC 4106 section 5, RFC 4309 section 5, RFC 7634 section 2.1).
enum CombinedAad<'a> {
    Plain(&'a [u8]),
    Extended([u8; 12]),
}

impl<'a> CombinedAad<'a> {
    fn new(aad: &'a [u8], esn_high: Option<u32>) -> Option<Self> {
        let Some(high) = esn_high else {
            return Some(Self::Plain(aad));
        };
        let &[s0, s1, s2, s3, l0, l1, l2, l3] = aad else {
            return None;
        };
        let [h0, h1, h2, h3] = high.to_be_bytes();
        Some(Self::Extended([
            s0, s1, s2, s3, h0, h1, h2, h3, l0, l1, l2, l3,
        ]))
    }
}

impl AsRef<[u8]> for CombinedAad<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Plain(aad) => aad,
            Self::Extended(aad) => aad,
        }
    }
}

impl Mac {
    /// Over the octets and, as if it followed there, the high half of the sequence number (RFC 4303 section 2.2.1).
    fn sign(&self, covered: &[u8], esn_high: Option<u32>) -> Tag {
        match esn_high {
            None => self.key.sign(&[covered]),
            Some(high) => self.key.sign(&[covered, &high.to_be_bytes()]),
        }
    }

    /// Writes the ICV over all that stands before it.
    fn seal(&self, buf: &mut [u8], esn_high: Option<u32>) -> Result<(), SealError> {
        let (covered, icv) = buf
            .len()
            .checked_sub(self.icv_len)
            .and_then(|end| buf.split_at_mut_checked(end))
            .ok_or(SealError::TooShort)?;
        copy(icv, self.sign(covered, esn_high).as_ref());
        Ok(())
    }

    /// What stands before the ICV, if that is right.
    fn open<'a>(
        &self,
        buf: &'a mut [u8],
        esn_high: Option<u32>,
    ) -> Result<&'a mut [u8], OpenError> {
        let (covered, icv) = buf
            .len()
            .checked_sub(self.icv_len)
            .and_then(|end| buf.split_at_mut_checked(end))
            .ok_or(OpenError::Malformed)?;
        let tag = self.sign(covered, esn_high);
        let tag = tag.as_ref().get(..self.icv_len);
        if !crate::equal(tag.ok_or(OpenError::Malformed)?, icv) {
            return Err(OpenError::Integrity);
        }
        Ok(covered)
    }
}

impl Sealer {
    /// Prepares the keys; `enc_key` has [`Encryption::key_len`] octets, `integ_key` [`Integrity::key_len`] or none.
    ///
    /// # Errors
    /// If a length is wrong, or an integrity algorithm is missing or superfluous.
    pub fn new(
        enc: Encryption,
        integ: Option<Integrity>,
        enc_key: &[u8],
        integ_key: &[u8],
    ) -> Result<Self, KeyError> {
        Ok(Self {
            enc,
            keys: Keys::new(enc, integ, enc_key, integ_key)?,
        })
    }

    /// Octets of the IV between aad and plaintext.
    #[must_use]
    pub fn iv_len(&self) -> usize {
        self.enc.iv_len()
    }

    /// Octets of the ICV at the end.
    #[must_use]
    pub fn icv_len(&self) -> usize {
        self.keys.icv_len()
    }

    /// What the plaintext's length must be a multiple of.
    #[must_use]
    pub fn block_len(&self) -> usize {
        self.enc.block_len()
    }

    /// Encrypts and authenticates in place. `buf` is `aad (aad_len octets) | IV | plaintext, already padded | room
    /// for the ICV`; the IV is the caller's to choose, unpredictable for CBC and unique for the others.
    ///
    /// `esn_high` holds the high 32 bits of an extended sequence number (RFC 4303 section 2.2.1): a cipher
    /// with integrity of its own has them between the first and the last 4 octets of the aad, which must have 8; a MAC
    /// has them behind all.
    ///
    /// # Errors
    /// If the buffer is too short or the plaintext not padded; it is unchanged then.
    pub fn seal(
        &self,
        buf: &mut [u8],
        aad_len: usize,
        esn_high: Option<u32>,
    ) -> Result<(), SealError> {
        self.seal_batch(&mut [SealItem {
            buf,
            aad_len,
            esn_high,
        }])
    }

    /// Seals several buffers as [`seal`](Self::seal) does. AES-CBC runs up to 16 of them side by side, best when
    /// they are of equal length; others take one after the other.
    ///
    /// # Errors
    /// If any buffer is malformed. All are checked first, so that either all are sealed or none.
    pub fn seal_batch(&self, items: &mut [SealItem<'_>]) -> Result<(), SealError> {
        for item in items.iter() {
            self.check(item)?;
        }
        match &self.keys {
            Keys::Combined { key, icv_len } => items
                .iter_mut()
                .try_for_each(|item| seal_combined(key, *icv_len, item)),
            Keys::Cbc { key, mac } => items
                .chunks_mut(LANES)
                .try_for_each(|chunk| seal_cbc(key, mac, chunk)),
            Keys::Ctr { key, nonce, mac } => items
                .iter_mut()
                .try_for_each(|item| seal_ctr(key, *nonce, mac, item)),
        }
    }

    fn check(&self, item: &SealItem<'_>) -> Result<(), SealError> {
        let overhead = item.aad_len.saturating_add(self.iv_len() + self.icv_len());
        let plain_len = item
            .buf
            .len()
            .checked_sub(overhead)
            .ok_or(SealError::TooShort)?;
        if plain_len % self.block_len() != 0 {
            return Err(SealError::Unaligned);
        }
        if item.esn_high.is_some() && item.aad_len != 8 {
            return Err(SealError::NotAnEspHeader);
        }
        Ok(())
    }
}

fn seal_combined(
    key: &CombinedKey,
    icv_len: usize,
    item: &mut SealItem<'_>,
) -> Result<(), SealError> {
    let (aad, rest) = item
        .buf
        .split_at_mut_checked(item.aad_len)
        .ok_or(SealError::TooShort)?;
    let (iv, rest) = rest
        .split_first_chunk_mut::<COUNTED_IV_LEN>()
        .ok_or(SealError::TooShort)?;
    let (plain, icv) = rest
        .len()
        .checked_sub(icv_len)
        .and_then(|end| rest.split_at_mut_checked(end))
        .ok_or(SealError::TooShort)?;
    let aad = CombinedAad::new(aad, item.esn_high).ok_or(SealError::NotAnEspHeader)?;
    let taken = key.seal(*iv, aad, plain, icv);
    taken.then_some(()).ok_or(SealError::Refused)
}

/// Seals at most [`LANES`] buffers.
fn seal_cbc(key: &CbcKey, mac: &Mac, items: &mut [SealItem<'_>]) -> Result<(), SealError> {
    let count = items.len();
    let mut lanes: [&mut [u8]; LANES] = core::array::from_fn(|_| &mut [][..]);
    for (lane, item) in lanes.iter_mut().zip(items.iter_mut()) {
        let end = item
            .buf
            .len()
            .checked_sub(mac.icv_len)
            .ok_or(SealError::TooShort)?;
        *lane = item
            .buf
            .get_mut(item.aad_len..end)
            .ok_or(SealError::TooShort)?;
    }
    key.encrypt(lanes.get_mut(..count).unwrap_or_default());
    items
        .iter_mut()
        .try_for_each(|item| mac.seal(item.buf, item.esn_high))
}

fn seal_ctr(
    key: &AesKey,
    nonce: [u8; SALT_LEN],
    mac: &Mac,
    item: &mut SealItem<'_>,
) -> Result<(), SealError> {
    let end = item.buf.len().checked_sub(mac.icv_len);
    let (iv, plain) = end
        .and_then(|end| item.buf.get_mut(item.aad_len..end))
        .and_then(<[u8]>::split_first_chunk_mut)
        .ok_or(SealError::TooShort)?;
    if !key.count(nonce, *iv, 1, plain) {
        return Err(SealError::Refused);
    }
    mac.seal(item.buf, item.esn_high)
}

/// Copies as many octets as `to` has, which for an ICV is the truncation.
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

impl Opener {
    /// Prepares the keys, as [`Sealer::new`] does.
    ///
    /// # Errors
    /// If a length is wrong, or an integrity algorithm is missing or superfluous.
    pub fn new(
        enc: Encryption,
        integ: Option<Integrity>,
        enc_key: &[u8],
        integ_key: &[u8],
    ) -> Result<Self, KeyError> {
        Ok(Self {
            enc,
            keys: Keys::new(enc, integ, enc_key, integ_key)?,
        })
    }

    /// Octets of the IV between aad and ciphertext.
    #[must_use]
    pub fn iv_len(&self) -> usize {
        self.enc.iv_len()
    }

    /// Octets of the ICV at the end.
    #[must_use]
    pub fn icv_len(&self) -> usize {
        self.keys.icv_len()
    }

    /// What the ciphertext's length must be a multiple of.
    #[must_use]
    pub fn block_len(&self) -> usize {
        self.enc.block_len()
    }

    /// Checks the ICV in constant time, decrypts in place and answers where in `buf` the plaintext stands, with its
    /// padding. `esn_high` is the inferred high half of an extended sequence number, as in [`Sealer::seal`].
    ///
    /// # Errors
    /// If the length is impossible or the ICV does not match. With a MAC beside the cipher the buffer is unchanged
    /// then; without, its ciphertext may be lost.
    pub fn open(
        &self,
        buf: &mut [u8],
        aad_len: usize,
        esn_high: Option<u32>,
    ) -> Result<Range<usize>, OpenError> {
        let start = aad_len
            .checked_add(self.iv_len())
            .ok_or(OpenError::Malformed)?;
        let end = buf
            .len()
            .checked_sub(self.icv_len())
            .ok_or(OpenError::Malformed)?;
        let cipher_len = end.checked_sub(start).ok_or(OpenError::Malformed)?;
        if cipher_len % self.block_len() != 0 || (esn_high.is_some() && aad_len != 8) {
            return Err(OpenError::Malformed);
        }
        match &self.keys {
            Keys::Combined { key, icv_len } => {
                let (aad, rest) = buf
                    .split_at_mut_checked(aad_len)
                    .ok_or(OpenError::Malformed)?;
                let (iv, sealed) = rest
                    .split_first_chunk_mut::<COUNTED_IV_LEN>()
                    .ok_or(OpenError::Malformed)?;
                let aad = CombinedAad::new(aad, esn_high).ok_or(OpenError::Malformed)?;
                if !key.open(*iv, aad, sealed, *icv_len) {
                    return Err(OpenError::Integrity);
                }
            }
            Keys::Cbc { key, mac } => {
                let covered = mac.open(buf, esn_high)?;
                let rest = covered.get_mut(aad_len..).ok_or(OpenError::Malformed)?;
                if !key.decrypt(rest) {
                    return Err(OpenError::Malformed);
                }
            }
            Keys::Ctr { key, nonce, mac } => {
                let covered = mac.open(buf, esn_high)?;
                let rest = covered.get_mut(aad_len..);
                let (iv, ciphertext) = rest
                    .and_then(<[u8]>::split_first_chunk_mut)
                    .ok_or(OpenError::Malformed)?;
                if !key.count(*nonce, *iv, 1, ciphertext) {
                    return Err(OpenError::Malformed);
                }
            }
        }
        Ok(start..end)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.enc.name())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({})", self.enc.name())
    }
}

#[cfg(test)]
mod tests;
