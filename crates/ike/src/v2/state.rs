//! The states of an IKE SA, each with what is valid in it alone. What a state does is in `task`.
//!
//! ```text
//!  initiator                               responder
//!  InitSent --(IKE_SA_INIT response)--+    (IKE_SA_INIT request)--> HalfOpen
//!     | COOKIE, INVALID_KE: again     |                               | 30 s: gone
//!     v                               v                               |
//!  NoAnswer: gone                IntermediateSent      (IKE_INTERMEDIATE request, if
//!                                     | if agreed       agreed: still HalfOpen)
//!                                     v                               |
//!                                  AuthSent                    (IKE_AUTH request)
//!                                     |                               |
//!        Refusing <--(AUTH is bad)----|                               |AUTH verified
//!           |            AUTH verified|                               |
//!           +--> gone                 +--------> Established <--------+
//!                                                     |  tasks, see [`crate::v2::established`]
//!                                                     v
//!                                              Closing --> gone
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_crypto::{AdditionalExchange, Decapsulation, KeyExchange, Secret, SignatureHash};

use crate::config::{ConnectionConfig, ConnectionKey};
use crate::endpoint::candidates::Candidates;
use crate::time::Instant;
use crate::v2::agreement::Wish;
use crate::v2::established::Established;
use crate::v2::keys::{Roots, SaKeys};
use crate::v2::protection::Protection;

/// The state of an IKE SA.
pub(crate) enum State {
    AuthSent(Box<AuthSent>),
    Established(Box<Established>),
    /// Between two states, and after the end; an SA found so is dropped.
    Gone,
    HalfOpen(Box<HalfOpen>),
    InitSent(Box<InitSent>),
    IntermediateSent(Box<IntermediateSent>),
    Refusing(Box<Refusing>),
    Withdrawn(Box<Withdrawn>),
}

impl State {
    /// What messages are sealed and opened by, where there are keys. A request that `is_repeated` has those before an
    /// additional exchange, if that was it.
    pub(crate) fn protection_mut(&mut self, is_repeated: bool) -> Option<&mut Protection> {
        let keys = match self {
            Self::AuthSent(state) => &mut state.inputs.keys,
            Self::Established(established) => &mut established.keys,
            Self::HalfOpen(state) => match &mut state.before {
                Some(before) if is_repeated => before,
                _ => &mut state.keys,
            },
            Self::IntermediateSent(state) => &mut state.inputs.keys,
            Self::Refusing(state) => &mut state.keys,
            Self::Withdrawn(state) => &mut state.keys,
            Self::Gone | Self::InitSent(_) => return None,
        };
        Some(&mut keys.protection)
    }
}

/// The initiator's state while it waits for the answer to its first message.
pub(crate) struct InitSent {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) key_exchange: Box<dyn KeyExchange>,
    pub(crate) nonce: Vec<u8>,
    pub(crate) cookie: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) restarts: u8,
    /// The peer answered, though not with what we need.
    pub(crate) hinted: bool,
    /// The peer has refused a Child SA in IKE_AUTH.
    pub(crate) childless: bool,
}

/// When the first Child SA is made (RFC 6023).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FirstChild {
    /// After IKE_AUTH.
    After,
    /// In it.
    InAuth,
    /// In it, and after it where the peer refuses that.
    InAuthOrAfter,
}

/// The responder's state between IKE_SA_INIT and IKE_AUTH.
pub(crate) struct HalfOpen {
    /// The connections the peer may turn out to be, by its address.
    pub(crate) candidates: Arc<Candidates>,
    pub(crate) keys: SaKeys,
    /// What is to be exchanged before IKE_AUTH.
    pub(crate) additional: Option<AdditionalExchange>,
    /// The keys before the additional exchange, by which a repetition of it is known.
    pub(crate) before: Option<SaKeys>,
    /// IntAuth_i | IntAuth_r (RFC 9242 section 3.3.1), once there was an additional exchange.
    pub(crate) intermediate: Vec<u8>,
    pub(crate) initiator_nonce: Vec<u8>,
    pub(crate) responder_nonce: Vec<u8>,
    pub(crate) initiator_message: Vec<u8>,
    pub(crate) responder_message: Vec<u8>,
    /// The hash functions that the peer takes in signatures, if it knows RFC 7427.
    pub(crate) hashes: Option<Vec<SignatureHash>>,
    /// Both have said that they use post-quantum pre-shared keys.
    pub(crate) uses_ppk: bool,
    pub(crate) begun: Instant,
    pub(crate) expires: Instant,
}

/// What both sides have before IKE_AUTH.
pub(crate) struct Inputs {
    pub(crate) connection: ConnectionKey,
    pub(crate) config: Arc<ConnectionConfig>,
    pub(crate) keys: SaKeys,
    pub(crate) initiator_nonce: Vec<u8>,
    pub(crate) responder_nonce: Vec<u8>,
    pub(crate) initiator_message: Vec<u8>,
    pub(crate) responder_message: Vec<u8>,
    /// IntAuth (RFC 9242 section 3.3.1); nothing where there was no IKE_INTERMEDIATE.
    pub(crate) intermediate: Vec<u8>,
    /// The hash functions that the peer takes in signatures, if it knows RFC 7427.
    pub(crate) hashes: Option<Vec<SignatureHash>>,
    /// Both have said that they use post-quantum pre-shared keys.
    pub(crate) uses_ppk: bool,
    /// When our first Child SA is made.
    pub(crate) first_child: FirstChild,
    /// When the exchange before began.
    pub(crate) begun: Instant,
}

/// The initiator's state while it waits for the answer to IKE_INTERMEDIATE.
pub(crate) struct IntermediateSent {
    pub(crate) inputs: Inputs,
    pub(crate) decapsulation: Decapsulation,
    /// Our part of IntAuth.
    pub(crate) signed: Secret,
}

/// The initiator's state while it waits for the answer to IKE_AUTH.
pub(crate) struct AuthSent {
    pub(crate) inputs: Inputs,
    pub(crate) wish: Option<Wish>,
    /// What keys rest on if the peer has our post-quantum pre-shared key.
    pub(crate) mixed: Option<Roots>,
}

/// The initiator's state while it waits for the answer to its refusal, or to its Delete.
pub(crate) struct Refusing {
    pub(crate) keys: SaKeys,
}

/// The initiator's state when its connection went while IKE_AUTH was under way.
pub(crate) struct Withdrawn {
    pub(crate) keys: SaKeys,
}
