//! IKEv1 (RFC 2409): main mode with a pre-shared key, then quick modes; NAT traversal (RFC 3947) and dead
//! peer detection (RFC 3706).
//!
//! ```text
//!  IkeSa (sa.rs) -- Link: cookies and path (link.rs)
//!    |              state (state.rs): the six messages of main mode (main_mode.rs), or Established
//!    +-- Established (established.rs) -- exchanges by message ID, several at once (quick_mode.rs)
//!          |            deletes, notifications, dead peer detection (informational.rs)
//!          +-- Child SAs: one for each pair of blocks; they outlive the SA that made them
//! ```
//!
//! There is no aggressive mode: it shows a hash of the pre-shared key to anybody who asks.

mod answer;
mod description;
mod established;
mod informational;
mod input;
mod keys;
mod link;
mod main_mode;
mod nat;
mod proposal;
mod protection;
mod quick_answer;
mod quick_contents;
mod quick_mode;
mod quick_refused;
mod rewish;
pub(crate) mod sa;
mod state;
mod timers;

pub(crate) use answer::{FirstMessage, Verdict};
pub(crate) use input::cookies;
