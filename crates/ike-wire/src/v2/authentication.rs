//! What AUTH and its notifications hold beside opaque octets: signatures by named algorithms (RFC 7427), identities of
//! post-quantum pre-shared keys (RFC 8784).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;

/// The authentication methods of RFC 7296 section 3.8 that name no signature algorithm.
pub const SHARED_KEY: u8 = 2;

/// The method of [`DigitalSignature`].
pub const DIGITAL_SIGNATURE: u8 = 14;

/// The encoding of a certificate, and of a wish for one, that is an X.509 certificate in DER, and hashes of authorities'
/// keys (RFC 7296 sections 3.6 and 3.7).
pub const X509_SIGNATURE: u8 = 4;

/// The authentication data of method 14 (RFC 7427 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DigitalSignature<'a> {
    /// An `AlgorithmIdentifier` in DER, of 255 octets at most. It is compared, not read.
    pub algorithm: &'a [u8],
    /// What the algorithm has made.
    pub signature: &'a [u8],
}

impl<'a> DigitalSignature<'a> {
    /// Reads authentication data.
    ///
    /// # Errors
    /// It ends within the algorithm.
    pub fn parse(data: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(data, "digital signature");
        let len = reader.u8()?;
        Ok(Self {
            algorithm: reader.take(usize::from(len))?,
            signature: reader.rest(),
        })
    }

    /// The authentication data. An algorithm that is too long is cut.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let len = u8::try_from(self.algorithm.len()).unwrap_or(u8::MAX);
        let algorithm = self.algorithm.get(..usize::from(len)).unwrap_or_default();
        [&[len], algorithm, self.signature].concat()
    }
}

/// The numbers of hash functions in `SIGNATURE_HASH_ALGORITHMS` (RFC 7427 section 4). What does not fill two octets at
/// the end is left off.
pub fn signature_hashes(data: &[u8]) -> impl Iterator<Item = u16> {
    let (pairs, _) = data.as_chunks::<2>();
    pairs.iter().map(|id| u16::from_be_bytes(*id))
}

/// The notification's data for these numbers.
#[must_use]
pub fn signature_hashes_data(ids: impl Iterator<Item = u16>) -> Vec<u8> {
    ids.flat_map(u16::to_be_bytes).collect()
}

/// Names a post-quantum pre-shared key (RFC 8784 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PpkIdentity<'a> {
    /// How the octets are meant: [`Self::OPAQUE`] or [`Self::FIXED`].
    pub kind: u8,
    /// The name.
    pub data: &'a [u8],
}

impl<'a> PpkIdentity<'a> {
    /// Octets that mean something to both ends alone.
    pub const OPAQUE: u8 = 1;

    /// The name of a key that both ends have (`PPK_ID_FIXED`).
    pub const FIXED: u8 = 2;

    /// Reads the data of `PPK_IDENTITY` in a request. In an answer it is empty.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(data: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(data, "PPK identity");
        Ok(Self {
            kind: reader.u8()?,
            data: reader.rest(),
        })
    }

    /// The notification's data.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        [&[self.kind], self.data].concat()
    }
}
