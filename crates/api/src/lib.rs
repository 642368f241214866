//! What the HTTP dialects share: request ids, bearer tokens, bodies, pages, health and metrics.
//!
//! No dialect's words are here: what goes wrong is an enum, which each dialect puts into its own
//! body and code.

pub mod bearer;
pub mod body;
mod client;
pub mod health;
pub mod metrics;
pub mod origin;
pub mod paging;
pub mod request_id;
pub mod server;

pub use client::ClientAddress;
pub use request_id::RequestId;
