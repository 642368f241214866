//! IKEv2 (RFC 7296) without I/O: negotiates Child SAs for ESP in UDP with pre-shared keys.
//!
//! # The contract
//!
//! *Mutate once, then drain.* After each call of [`Endpoint::handle_datagram`],
//! [`Endpoint::handle_command`] or [`Endpoint::handle_timeout`], call [`Endpoint::poll_output`]
//! until it answers [`Polled::Idle`], which names the next deadline and why it is one. There is no
//! clock, socket, thread or randomness of its own here: time is an argument, randomness was passed
//! in. The same inputs give the same outputs, octet for octet.
//!
//! # The shape
//!
//! ```text
//!  Endpoint -- connections: what is wanted, and when to try again
//!     |
//!     +-- IkeSa (by SPI) -- two message-ID windows (window.rs)
//!           |               state: InitSent | AuthSent | HalfOpen | Established (sa.rs)
//!           +-- Established -- queue of tasks, one under way (established.rs, task/*.rs)
//!                 |            what meets what: collision.rs
//!                 +-- ChildSa (child.rs)
//! ```
//!
//! Read `sa.rs`, then `established.rs`, then one task, such as `task/child_rekey.rs`.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::cast_possible_truncation)]

extern crate alloc;

mod child;
mod collision;
pub mod config;
mod contents;
mod cookie;
mod endpoint;
mod established;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod keys;
mod nat;
pub mod output;
mod proposal;
mod protection;
mod sa;
pub mod selectors;
mod task;
mod time;
mod window;

pub use config::{
    ChildConfig, ConnectionConfig, ConnectionKey, EndpointConfig, EspAlgorithms, Identity,
    IkeAlgorithms, Liveness,
};
pub use endpoint::{Command, Endpoint, Statistics};
pub use failure::{Failure, Judge};
pub use output::{
    ChildKey, Deadline, DirectionKeys, Event, InstallChild, Output, Part, Polled, Transmit,
};
pub use time::Instant;
