//! A request for a connection: what somebody at the other end asked for, what was made of it, and how far it has come
//! until both ends agree that it works.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::change::Actor;
use crate::{Cidr, ConnectionId, ConnectionRequestId, GatewayId, Name, ProjectId, Revision};

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Somebody asked.
    Submitted,
    /// This end is made: the connection, and a gateway where there was none.
    Configured,
    /// Whom the pre-shared key is for has read it.
    SecretFetched,
    /// It was tried whether packets come through.
    Tested,
    /// Somebody said that it works.
    Confirmed,
    /// Nothing is left to do.
    Closed,
}

/// A step that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestStep {
    /// Which.
    pub state: RequestState,
    /// When, UTC.
    pub at: OffsetDateTime,
    /// By whom; nobody known, where it was whoever has the link to the key.
    pub by: Option<Actor>,
}

/// A link by which one person may read the pre-shared key, once. What opens it is not here, but its hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretLink {
    /// The hash (SHA-256) of what the link proves itself by.
    pub proof: [u8; 32],
    /// The hash of the passphrase that is told by another way, together with the proof.
    pub passphrase: [u8; 32],
    /// From then on it opens nothing, UTC.
    #[serde(with = "time::serde::timestamp")]
    pub expires_at: OffsetDateTime,
    /// How often a wrong passphrase was said.
    pub failures: u8,
}

/// What came of trying whether packets come through between two blocks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PairReport {
    /// The block here.
    pub local: Cidr,
    /// The block at the other end.
    pub peer: Cidr,
    /// Whether there is a Child SA for it.
    pub is_carried: bool,
    /// The address here that asked; none where this end has none in the block.
    pub from: Option<IpAddr>,
    /// The addresses that were asked, in this order, until one answered.
    pub asked: Vec<IpAddr>,
    /// The one that answered.
    pub answered: Option<IpAddr>,
    /// After how long, in microseconds.
    pub after_us: Option<u64>,
    /// The largest packet that came through and back unbroken, in octets, its IP header included.
    pub path_mtu: Option<u16>,
}

/// What somebody at the other end asked for, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionRequest {
    /// Random, made with the row, and its own for good.
    pub id: ConnectionRequestId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the connection is called.
    pub name: Name,
    /// The other end's gateway: an address or a name.
    pub peer_address: String,
    /// What is to be reached there.
    pub peer_cidrs: Vec<Cidr>,
    /// What is to be reached here.
    pub local_cidrs: Vec<Cidr>,
    /// Addresses there that answer echo requests, if any were said.
    pub test_addresses: Vec<IpAddr>,
    /// Whom the pre-shared key is for, as people say it.
    pub recipient: String,
    /// The connection that was made. Somebody may have deleted it since.
    pub connection: ConnectionId,
    /// The gateway that was made along, if there was none.
    pub made_gateway: Option<GatewayId>,
    /// What was done, oldest first.
    pub steps: Vec<RequestStep>,
    /// How the key is told.
    pub secret: SecretLink,
    /// What came of the last test.
    pub report: Vec<PairReport>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl ConnectionRequest {
    /// How far it has come.
    #[must_use]
    pub fn state(&self) -> RequestState {
        let states = self.steps.iter().map(|step| step.state);
        states.max().unwrap_or(RequestState::Submitted)
    }

    /// Whether a step was made.
    #[must_use]
    pub fn was(&self, state: RequestState) -> bool {
        self.steps.iter().any(|step| step.state == state)
    }
}
