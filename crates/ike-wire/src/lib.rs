//! IKEv2 datagrams to typed payloads and back (RFC 7296 section 3).
//!
//! [`Header::parse`] reads the 28 octets that IKEv1 and IKEv2 share; [`Message::parse`] reads the
//! chain of payloads behind an IKEv2 header. What is parsed borrows from the datagram; the same
//! types are written by [`emit`] and [`encrypted::Layout`].
//!
//! There is no cryptography and no state here. No input makes a function of this crate panic, and
//! what is allocated is bounded by the datagram's length and by the caps named `MAX_*`.
//! Reserved bits and fields are ignored when read and zero when written. IKEv1 payloads get a
//! module of their own beside these; only the header is shared.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::cast_possible_truncation)]

extern crate alloc;

pub mod delete;
pub mod encrypted;
pub mod header;
pub mod identification;
pub mod message;
pub mod notify;
pub mod payload;
mod reader;
pub mod security_association;
pub mod traffic_selector;

pub use delete::Delete;
pub use encrypted::{Encrypted, EncryptedFragment};
pub use header::{ExchangeType, Flags, Header, Spi};
pub use identification::{IdType, Identification};
pub use message::{Message, emit};
pub use notify::{Notify, NotifyType};
pub use payload::{Payload, PayloadType};
pub use security_association::{Proposal, ProtocolId, Transform, TransformType};
pub use traffic_selector::{AddressRange, TrafficSelector};

/// Why octets are no IKEv2 message, or part of one.
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
