//! IKEv1's payloads (RFC 2408 section 3, with the numbers of RFC 2407 and RFC 2409).
//!
//! An IKEv1 message is a header and a chain of payloads. From the fifth message of main mode on the
//! chain is encrypted as a whole, so it is parsed after the header, not with it.

mod exchange;
pub mod identification;
pub mod notify;
pub mod payload;
pub mod security_association;

pub use identification::Identification;
pub use notify::{Notify, NotifyType};
pub use payload::{Delete, Payload, emit, emit_chain, parse_chain};
pub use security_association::{Attribute, Proposal, ProtocolId, SecurityAssociation, Transform};
