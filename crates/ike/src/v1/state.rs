//! What main mode has at each of its steps, as its initiator and as its responder.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::KeyExchange;

use crate::config::{ConnectionConfig, ConnectionKey};
use crate::endpoint::candidates::Candidates;
use crate::resend::Resend;
use crate::suite::IkeSuite;
use crate::time::Instant;
use crate::v1::keys::{Keys, Material};
use crate::v1::nat::{Abilities, Dialect, Wrapping};

/// What is known of a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) abilities: Abilities,
    pub(super) wrapping: Wrapping,
}

/// What every state of an initiator has.
pub(super) struct Attempt {
    pub(super) connection: ConnectionKey,
    pub(super) config: Arc<ConnectionConfig>,
    pub(super) begun: Instant,
    pub(super) resend: Resend<Vec<u8>>,
    /// The peer answered, though not with what we need.
    pub(super) hinted: bool,
}

/// The initiator's first message is out.
pub(super) struct SaSent {
    pub(super) attempt: Attempt,
    pub(super) sa_body: Vec<u8>,
}

/// Its public value is out.
pub(super) struct KeSent {
    pub(super) attempt: Attempt,
    pub(super) sa_body: Vec<u8>,
    pub(super) suite: IkeSuite,
    pub(super) key_exchange: Box<dyn KeyExchange>,
    pub(super) nonce: Vec<u8>,
    pub(super) abilities: Abilities,
    /// None where the peer does not speak of NAT traversal.
    pub(super) dialect: Option<Dialect>,
}

/// It has said who it is.
pub(super) struct AuthSent {
    pub(super) attempt: Attempt,
    pub(super) material: Material,
    pub(super) keys: Keys,
    /// The IV of the answer.
    pub(super) iv: Vec<u8>,
    pub(super) peer: Peer,
}

/// What was said last, for whoever repeats what it was said to.
pub(super) struct Said {
    pub(super) to: Vec<u8>,
    pub(super) octets: Vec<u8>,
}

/// What every state of a responder has.
pub(super) struct Half {
    /// The connections the peer may turn out to be, by its address.
    pub(super) candidates: Arc<Candidates>,
    pub(super) begun: Instant,
    pub(super) expires: Instant,
    pub(super) said: Said,
}

/// The first message is answered.
pub(super) struct SaAnswered {
    pub(super) half: Half,
    pub(super) sa_body: Vec<u8>,
    pub(super) suite: IkeSuite,
    pub(super) lifetime: Option<Duration>,
    pub(super) abilities: Abilities,
    /// None where the peer does not speak of NAT traversal.
    pub(super) dialect: Option<Dialect>,
}

/// The third is.
pub(super) struct KeAnswered {
    pub(super) half: Half,
    pub(super) material: Material,
    pub(super) lifetime: Option<Duration>,
    pub(super) peer: Peer,
    /// The connections were told that the peer can't be read.
    pub(super) reported: bool,
}
