//! Identification payloads (RFC 7296 section 3.5).

use alloc::vec::Vec;

use crate::reader::Reader;
use crate::{IdType, ParseError};

/// An identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identification<'a> {
    /// How it is written.
    pub kind: IdType,
    /// Its octets.
    pub data: &'a [u8],
}

impl<'a> Identification<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(body, "identification payload");
        let [kind, _, _, _] = reader.array()?;
        Ok(Self {
            kind: IdType(kind),
            data: reader.rest(),
        })
    }

    /// Appends the payload's body; AUTH is computed over these octets (section 2.15).
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind.0, 0, 0, 0]);
        out.extend_from_slice(self.data);
    }
}
