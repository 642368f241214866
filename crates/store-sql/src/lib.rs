//! The store in a SQL database. A noun's own file says which columns it has, and `rows` makes the
//! statements of that; what a database does with statements is behind `session`'s seam, one module for
//! each. Today that is SQLite; `docs/adr/0010-a-library-for-each-database.md` says what comes.
//!
//! Pre-shared keys lie in it as envelopes under the [`KeyFile`], bound to their connection or tunnel context, and are
//! opened when a row is read.

mod account;
mod addresses_outside;
mod change_log;
mod column;
mod connection;
mod connection_request;
mod credential;
mod endpoint_group;
mod floating_ip;
mod gateway;
mod key_file;
mod network;
mod network_acl;
mod numbers;
mod policy;
mod port;
mod public_gateway;
mod quota;
mod route;
mod router;
mod rows;
mod security_group;
mod session;
mod sqlite;
mod ssh_key;
mod subnet;
mod tunnel_context;

pub use key_file::{KeyFile, KeyFileError};
pub use sqlite::{OpenError, SqliteStore};
