//! One gateway's process. It is given a TUN device, UDP sockets and a control socket, gives up
//! every privilege, and then negotiates the gateway's tunnels and carries their traffic.
//!
//! ```text
//!   supervisor == control socket ==> control loop (this crate) ==> ike::Endpoint
//!                                      |   ^                            |
//!                     UDP 500 ---------+   | IKE messages               | SA commands
//!                     UDP 4500 <--> dataplane::Userspace <--------------+
//!                     TUN      <-->
//! ```
//!
//! The worker opens nothing: `privileges::drop_all` makes sure it can't. It holds one gateway's
//! keys and no other's, and it dies with its parent.

mod algorithms;
mod authentication;
mod conversion;
mod descriptors;
mod doubt;
mod drops;
mod error;
mod finding;
mod flood;
mod forwarder;
mod keepalive;
mod line_limit;
mod members;
mod privileges;
pub mod protocol;
mod reason;
mod run;
mod system_calls;
mod tunnel;
mod wiping;

pub use adit_ike::Encapsulation;
pub use error::WorkerError;
pub use run::run;
