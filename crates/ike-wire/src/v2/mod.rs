//! IKEv2's messages and payloads (RFC 7296 section 3).

pub mod authentication;
pub mod delete;
pub mod encrypted;
pub mod identification;
pub mod message;
pub mod notify;
pub mod payload;
pub mod security_association;
pub mod traffic_selector;

pub use authentication::{DigitalSignature, PpkIdentity};
pub use delete::Delete;
pub use encrypted::{Encrypted, EncryptedFragment};
pub use identification::Identification;
pub use message::{Message, emit};
pub use notify::{Notify, NotifyType};
pub use payload::Payload;
pub use security_association::{Proposal, ProtocolId, Transform, TransformType};
