//! Two IKE endpoints on a simulated network and clock, for tests.
//!
//! A [`Pair`] plays the callers of both endpoints: it carries their datagrams with loss,
//! duplication and reordering drawn from a seed, keeps their clock, installs their Child SAs, and
//! checks after every step that whatever one side sends on, the other side receives on. The same
//! seed gives the same run.

mod authority;
mod network;
mod node;
mod pair;
mod random;

pub use authority::{Authority, Issued, KeyType, NOW, Wanted};
pub use network::{Conditions, Datagram};
pub use node::{InstalledChild, Node};
pub use pair::{Pair, Side};
pub use random::SeededRandom;
