//! IKEv2 (RFC 7296) and IKEv1 (RFC 2409) without I/O: negotiate Child SAs for ESP and AH, with pre-shared
//! keys or, by IKEv2, certificates.
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
//!     +-- SAs, found by index (endpoint/register.rs): what the endpoint knows of one is in sa.rs
//!           |
//!           +-- v2: one IKE SA of IKEv2, its states and its tasks
//!           +-- v1: one IKE SA of IKEv1, its modes and its exchanges
//!           +-- ChildSa (child.rs): its life, whichever version has made it
//! ```
//!
//! What an endpoint has of a connection can go on elsewhere (`handover.rs`), and what happened to it can happen again
//! (`recording.rs`); both are written down by `codec.rs`.
//!
//! Read `sa.rs`, then `v2/mod.rs`, then one task, such as `v2/task/child_rekey.rs`.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::cast_possible_truncation)]

extern crate alloc;

pub mod authentication;
mod carriage;
mod child;
mod codec;
pub mod config;
mod endpoint;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod handover;
mod nonces;
pub mod offers;
pub mod output;
mod recording;
mod resend;
mod sa;
pub mod selectors;
mod suite;
mod time;
mod v1;
mod v2;
mod wanted;

pub use authentication::{Authentication, Demand, Distrust, Means, Ppk, PpkFault, Proof};
pub use carriage::{Carriage, Encapsulation};
pub use config::{
    ChildConfig, Childless, ConnectionConfig, ConnectionKey, EndpointConfig, EspAlgorithms,
    Identity, IkeAlgorithms, Liveness, Mode, Protocol, Versions,
};
pub use endpoint::{Command, Endpoint, Statistics};
pub use failure::{Failure, Judge};
pub use handover::{ExportError, ImportError, MAX_SNAPSHOT, Snapshot};
pub use offers::Offers;
pub use output::{
    Age, ChildKey, Deadline, DirectionKeys, Event, InstallChild, Output, Part, Polled, Progress,
    Transmit,
};
pub use recording::{MAX_RECORDING, Recording, RecordingError, ReplayError, Replayed};
pub use time::Instant;
