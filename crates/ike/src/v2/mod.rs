//! IKEv2 (RFC 7296): the state machine of one IKE SA, and the answer to a first message.
//!
//! ```text
//!  IkeSa (sa.rs) -- Link: two message-ID windows (link.rs, window.rs)
//!    |              state: InitSent | IntermediateSent | AuthSent | HalfOpen | Established (state.rs)
//!    +-- Established -- queue of tasks, one under way (established.rs, task/*.rs)
//!          |            what meets what: collision.rs
//!          +-- Child SAs: what is agreed (agreement.rs)
//! ```

pub(crate) mod active;
pub(crate) mod agreement;
pub(crate) mod authentication;
pub(crate) mod collision;
pub(crate) mod contents;
pub(crate) mod cookie;
pub(crate) mod established;
mod fragments;
pub(crate) mod handover;
pub(crate) mod input;
pub(crate) mod keys;
pub(crate) mod link;
pub(crate) mod message_ids;
mod nat;
pub(crate) mod outgoing;
pub(crate) mod ppk;
pub(crate) mod private_value;
pub(crate) mod proposal;
pub(crate) mod protection;
pub(crate) mod sa;
pub(crate) mod state;
pub(crate) mod task;
pub(crate) mod window;
