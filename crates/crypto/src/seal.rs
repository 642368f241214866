//! Encryption with integrity for one direction, as the SK payload of IKEv2 and ESP use it.
//!
//! A buffer is `aad | IV | plaintext | ICV`, all in one slice. AES-GCM (RFC 4106, RFC 5282) authenticates the aad
//! and the ciphertext; AES-CBC is followed by an HMAC over everything before the ICV (RFC 4303 section 3.3.2,
//! RFC 7296 section 3.14). The ICV is checked before anything is decrypted.

use core::fmt;
use core::ops::Range;

use aws_lc_rs::aead;

use crate::algorithm::{Encryption, GCM_IV_LEN, GCM_SALT_LEN, Integrity};
use crate::cbc::{CbcKey, LANES};
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

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per SA and direction, and it is read for every packet"
)]
enum Keys {
    Gcm {
        key: aead::LessSafeKey,
        salt: [u8; GCM_SALT_LEN],
    },
    Cbc {
        key: CbcKey,
        mac: MacKey,
        icv_len: usize,
    },
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
        if let Some((key, salt)) = enc_key
            .split_last_chunk::<GCM_SALT_LEN>()
            .filter(|_| enc.is_aead())
        {
            if integ.is_some() || !integ_key.is_empty() {
                return Err(KeyError::IntegrityUnexpected);
            }
            let algorithm = match enc {
                Encryption::AesGcm128 => &aead::AES_128_GCM,
                Encryption::AesGcm192 => &aead::AES_192_GCM,
                _ => &aead::AES_256_GCM,
            };
            let key = aead::UnboundKey::new(algorithm, key).map_err(|_| KeyError::WrongLength {
                expected: enc.cipher_key_len(),
                actual: key.len(),
            })?;
            return Ok(Self::Gcm {
                key: aead::LessSafeKey::new(key),
                salt: *salt,
            });
        }
        let integ = integ.ok_or(KeyError::IntegrityMissing)?;
        check_length(integ.key_len(), integ_key)?;
        let key = CbcKey::new(enc, enc_key).ok_or(KeyError::WrongLength {
            expected: enc.cipher_key_len(),
            actual: enc_key.len(),
        })?;
        Ok(Self::Cbc {
            key,
            mac: integ.key(integ_key),
            icv_len: integ.icv_len(),
        })
    }

    fn icv_len(&self) -> usize {
        match self {
            Self::Gcm { .. } => crate::algorithm::GCM_ICV_LEN,
            Self::Cbc { icv_len, .. } => *icv_len,
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

/// What GCM authenticates: the aad, with the high half of an extended sequence number put before the low one
/// (RFC 4106 section 5).
enum GcmAad<'a> {
    Plain(&'a [u8]),
    Extended([u8; 12]),
}

impl<'a> GcmAad<'a> {
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

impl AsRef<[u8]> for GcmAad<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Plain(aad) => aad,
            Self::Extended(aad) => aad,
        }
    }
}

fn gcm_nonce(salt: [u8; GCM_SALT_LEN], iv: [u8; GCM_IV_LEN]) -> aead::Nonce {
    let [s0, s1, s2, s3] = salt;
    let [i0, i1, i2, i3, i4, i5, i6, i7] = iv;
    aead::Nonce::assume_unique_for_key([s0, s1, s2, s3, i0, i1, i2, i3, i4, i5, i6, i7])
}

/// HMAC over the buffer and, as if it followed there, the high half of the sequence number (RFC 4303 section 2.2.1).
fn mac(key: &MacKey, covered: &[u8], esn_high: Option<u32>) -> Tag {
    match esn_high {
        None => key.sign(&[covered]),
        Some(high) => key.sign(&[covered, &high.to_be_bytes()]),
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
    /// for the ICV`; the IV is the caller's to choose, unique for GCM and unpredictable for CBC.
    ///
    /// `esn_high` holds the high 32 bits of an extended sequence number (RFC 4303 section 2.2.1): GCM puts them
    /// between the first and the last 4 octets of the aad, which must have 8; HMAC appends them.
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
    /// they are of equal length; GCM takes one after the other.
    ///
    /// # Errors
    /// If any buffer is malformed. All are checked first, so that either all are sealed or none.
    pub fn seal_batch(&self, items: &mut [SealItem<'_>]) -> Result<(), SealError> {
        for item in items.iter() {
            self.check(item)?;
        }
        match &self.keys {
            Keys::Gcm { key, salt } => items
                .iter_mut()
                .try_for_each(|item| seal_gcm(key, *salt, item)),
            Keys::Cbc { key, mac, icv_len } => items
                .chunks_mut(LANES)
                .try_for_each(|chunk| seal_cbc(key, mac, *icv_len, chunk)),
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

fn seal_gcm(
    key: &aead::LessSafeKey,
    salt: [u8; GCM_SALT_LEN],
    item: &mut SealItem<'_>,
) -> Result<(), SealError> {
    let (aad, rest) = item
        .buf
        .split_at_mut_checked(item.aad_len)
        .ok_or(SealError::TooShort)?;
    let (iv, rest) = rest
        .split_first_chunk_mut::<GCM_IV_LEN>()
        .ok_or(SealError::TooShort)?;
    let (plain, icv) = rest
        .split_last_chunk_mut::<{ crate::algorithm::GCM_ICV_LEN }>()
        .ok_or(SealError::TooShort)?;
    let aad = GcmAad::new(aad, item.esn_high).ok_or(SealError::NotAnEspHeader)?;
    let tag = key
        .seal_in_place_separate_tag(gcm_nonce(salt, *iv), aead::Aad::from(aad), plain)
        .map_err(|_| SealError::Refused)?;
    copy(icv, tag.as_ref());
    Ok(())
}

/// Seals at most [`LANES`] buffers.
fn seal_cbc(
    key: &CbcKey,
    mac_key: &MacKey,
    icv_len: usize,
    items: &mut [SealItem<'_>],
) -> Result<(), SealError> {
    let count = items.len();
    let mut lanes: [&mut [u8]; LANES] = core::array::from_fn(|_| &mut [][..]);
    for (lane, item) in lanes.iter_mut().zip(items.iter_mut()) {
        let end = item
            .buf
            .len()
            .checked_sub(icv_len)
            .ok_or(SealError::TooShort)?;
        *lane = item
            .buf
            .get_mut(item.aad_len..end)
            .ok_or(SealError::TooShort)?;
    }
    key.encrypt(lanes.get_mut(..count).unwrap_or_default());
    for item in items {
        let end = item
            .buf
            .len()
            .checked_sub(icv_len)
            .ok_or(SealError::TooShort)?;
        let (covered, icv) = item
            .buf
            .split_at_mut_checked(end)
            .ok_or(SealError::TooShort)?;
        copy(icv, mac(mac_key, covered, item.esn_high).as_ref());
    }
    Ok(())
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
    /// If the length is impossible or the ICV does not match. With CBC the buffer is unchanged then; with GCM its
    /// ciphertext may be lost.
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
            Keys::Gcm { key, salt } => {
                let (aad, rest) = buf
                    .split_at_mut_checked(aad_len)
                    .ok_or(OpenError::Malformed)?;
                let (iv, sealed) = rest
                    .split_first_chunk_mut::<GCM_IV_LEN>()
                    .ok_or(OpenError::Malformed)?;
                let aad = GcmAad::new(aad, esn_high).ok_or(OpenError::Malformed)?;
                key.open_in_place(gcm_nonce(*salt, *iv), aead::Aad::from(aad), sealed)
                    .map_err(|_| OpenError::Integrity)?;
            }
            Keys::Cbc {
                key,
                mac: mac_key,
                icv_len,
            } => {
                let (covered, icv) = buf.split_at_mut_checked(end).ok_or(OpenError::Malformed)?;
                let tag = mac(mac_key, covered, esn_high);
                let tag = tag.as_ref().get(..*icv_len).ok_or(OpenError::Malformed)?;
                if !crate::equal(tag, icv) {
                    return Err(OpenError::Integrity);
                }
                let rest = covered.get_mut(aad_len..).ok_or(OpenError::Malformed)?;
                if !key.decrypt(rest) {
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
