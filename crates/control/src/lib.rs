//! What can be done with routers, gateways and connections, by whom, and how wishes become true.
//!
//! Faces call the use cases; the reconciler calls an [`Agent`]. This crate knows neither HTTP nor
//! SQL nor sockets.

pub mod agent;

pub use agent::{Agent, AgentError, AgentEvent};
