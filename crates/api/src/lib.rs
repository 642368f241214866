//! What the HTTP dialects share, so that one more is written and not copied.
//!
//! | for | what |
//! |---|---|
//! | requests | `request_id`, `bearer`, `origin`, `body` |
//! | what a resource is | `attribute`, `kind`, `wrong`: a table of its attributes |
//! | bodies | `values`, read by such a table; `fields`, read one by one |
//! | answers | `object`, `answer`, `times`, `ids`, `paging` |
//! | the operator | `server`, `health`, `metrics` |
//!
//! No dialect's words are here: what goes wrong is an enum, which each dialect puts into its own
//! body and code.

pub mod answer;
pub mod attribute;
pub mod bearer;
pub mod body;
mod client;
pub mod fields;
pub mod health;
pub mod ids;
pub mod kind;
pub mod metrics;
pub mod object;
pub mod origin;
pub mod paging;
pub mod request_id;
pub mod server;
pub mod times;
pub mod values;
pub mod wrong;

pub use client::{ClientAddress, ConnectionEnd, Operator};
