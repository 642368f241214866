//! IKE datagrams to typed payloads and back.
//!
//! [`Header::parse`] reads the 28 octets that IKEv1 and IKEv2 share; [`v2::Message::parse`] reads the
//! chain of payloads behind an IKEv2 header (RFC 7296 section 3), [`v1::parse_chain`] that behind an IKEv1
//! header (RFC 2408 section 3), once it is decrypted. What is parsed borrows from the datagram; the same
//! types are written by [`v2::emit`] and [`v2::encrypted::Layout`], and by [`v1::emit_chain`].
//!
//! There is no cryptography and no state here. No input makes a function of this crate panic, and
//! what is allocated is bounded by the datagram's length and by the caps named `MAX_*`.
//! Reserved bits and fields are ignored when read and zero when written. Out here is what both
//! versions have: the header, the kinds of identities, and which traffic is meant.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::cast_possible_truncation)]

extern crate alloc;

mod header;
mod id_type;
mod reader;
mod selector;
pub mod v1;
pub mod v2;
mod writer;

pub use header::{ExchangeType, Flags, Header, PayloadType, Spi};
pub use id_type::IdType;
pub use selector::{AddressRange, TrafficSelector};

/// Why octets are no IKE message, or part of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A length field does not fit what it measures.
    #[error("a length field in the {0} does not fit")]
    Length(&'static str),
    /// More elements than this crate is willing to hold.
    #[error("too many elements in the {0}")]
    TooMany(&'static str),
    /// The octets end too early.
    #[error("the {0} is cut short")]
    Truncated(&'static str),
    /// A field holds a value its RFC does not allow.
    #[error("the {0} holds a value that is not allowed")]
    Value(&'static str),
    /// The major version is not 2.
    #[error("major version {0} is not IKEv2")]
    Version(u8),
}
