//! Identification payloads (RFC 7296 section 3.5).

use alloc::vec::Vec;

use crate::ParseError;
use crate::reader::Reader;

/// How an identity is written (RFC 7296 section 3.5; IANA "IKEv2 Identification Payload ID Types").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdType(pub u8);

impl IdType {
    /// Four octets of IPv4 address.
    pub const IPV4_ADDR: Self = Self(1);
    /// A host name.
    pub const FQDN: Self = Self(2);
    /// A mail address.
    pub const RFC822_ADDR: Self = Self(3);
    /// Sixteen octets of IPv6 address.
    pub const IPV6_ADDR: Self = Self(5);
    /// Opaque octets.
    pub const KEY_ID: Self = Self(11);
}

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
