//! An IKE SA: two message-ID windows, and the state it is in.
//!
//! ```text
//!  initiator                               responder
//!  InitSent --(IKE_SA_INIT response)--+    (IKE_SA_INIT request)--> HalfOpen
//!     | COOKIE, INVALID_KE: again     |                               | 30 s: gone
//!     v                               v                               |
//!  NoAnswer: gone                  AuthSent                    (IKE_AUTH request)
//!                                     |                               |
//!        Refusing <--(AUTH is bad)----|                               |AUTH verified
//!           |            AUTH verified|                               |
//!           +--> gone                 +--------> Established <--------+
//!                                                     |  tasks, see [`crate::v2::established`]
//!                                                     v
//!                                              Closing --> gone
//! ```

use alloc::boxed::Box;

use crate::output::Deadline;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::auth::AuthSent;
use crate::v2::task::init::{HalfOpen, InitSent};
use crate::v2::task::refuse::{Refusing, Withdrawn};

/// The state of an IKE SA.
pub(crate) enum State {
    AuthSent(Box<AuthSent>),
    Established(Box<Established>),
    /// Between two states, and after the end; an SA found so is dropped.
    Gone,
    HalfOpen(Box<HalfOpen>),
    InitSent(Box<InitSent>),
    Refusing(Box<Refusing>),
    Withdrawn(Box<Withdrawn>),
}

/// An IKE SA.
pub(crate) struct IkeSa {
    pub(crate) link: Link,
    pub(crate) state: State,
}

impl core::fmt::Debug for IkeSa {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeSa({:?} {:?})", self.link.key, self.link.spis())
    }
}

impl IkeSa {
    /// Takes back an attempt whose connection is gone; whether the SA has to stay, since the
    /// responder may come to believe in it.
    pub(crate) fn withdraw(&mut self) -> bool {
        match core::mem::replace(&mut self.state, State::Gone) {
            State::AuthSent(state) => {
                let keys = state.inputs.keys;
                self.state = State::Withdrawn(Box::new(Withdrawn { keys }));
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    pub(crate) fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        }
    }

    pub(crate) fn established_mut(&mut self) -> Option<&mut Established> {
        match &mut self.state {
            State::Established(established) => Some(established),
            State::AuthSent(_)
            | State::Gone
            | State::HalfOpen(_)
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        }
    }

    /// When something is to be done if nothing comes in.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let retransmit = self.link.requests.deadline().map(|at| Deadline {
            at,
            why: "retransmission",
        });
        let state = match &self.state {
            State::Established(established) => established.deadline(&self.link),
            State::HalfOpen(half_open) => Some(Deadline {
                at: half_open.expires,
                why: "half-open time-out",
            }),
            State::AuthSent(_)
            | State::Gone
            | State::InitSent(_)
            | State::Refusing(_)
            | State::Withdrawn(_) => None,
        };
        retransmit.into_iter().chain(state).min()
    }
}
