//! Public keys of users for SSH. Nothing runs here that they could log in to: they are kept for clients
//! that make them before they make machines.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Name, ProjectId, ResourceGroup, Revision, SshKeyId};

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SshKey {
    /// Random, made with the row, and its own for good.
    pub id: SshKeyId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// What the user calls it.
    pub name: Name,
    /// The key, as OpenSSH writes it and as it was given.
    pub public_key: String,
    /// Of which system it is.
    pub kind: KeyKind,
    /// How many bits it has.
    pub bits: u32,
    /// `SHA256:` and the key's hash, as OpenSSH writes it.
    pub fingerprint: String,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// Of which system a key is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// RFC 8709.
    Ed25519,
    /// RFC 4253 section 6.6.
    Rsa,
}
