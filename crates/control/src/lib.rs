//! What can be done with networks, routers, gateways and connections, by whom, and how wishes
//! become true.
//!
//! ```text
//!   face --> Control: use cases --write--> Store
//!                |                           | read
//!                +--wakes-> Reconciler <-----+
//!                               |  ^
//!                      RouterSpec, |  AgentEvent
//!                      GatewaySpec v  |
//!                              Agent -+--> View (what was seen; status is computed from both)
//! ```
//!
//! A use case checks and writes in one unit of work ([`Together`] is several in one), which also
//! writes the change log and wakes the reconciler for what was changed.
//! This crate knows neither HTTP nor SQL nor sockets.

pub mod account;
mod address;
pub mod agent;
mod agents;
pub mod api_key;
pub mod application_credential;
mod caller;
mod change;
mod change_log;
mod cidr_rules;
mod clock;
pub mod config;
pub mod connection;
pub mod connection_request;
mod control;
pub mod crypto_profile;
mod csrf;
mod ending;
pub mod endpoint_group;
pub mod error;
pub mod events;
pub mod external;
mod external_address;
#[cfg(feature = "fake")]
pub mod fake;
pub mod floating_ip;
pub mod follow;
mod foreign_session;
pub mod gateway;
mod hashing;
pub mod identity;
mod known_quotas;
mod listed;
pub mod login;
mod misfit;
pub mod network;
pub mod network_acl;
pub mod numbers;
mod on_router;
mod operator;
pub mod origin;
pub mod outside_port;
pub mod password;
mod phase;
mod policies;
pub mod policy;
pub mod port;
pub mod project;
pub mod public_gateway;
pub mod quota;
pub mod reachability;
pub mod reconcile;
mod reference;
pub mod resolver;
mod resource;
mod resource_group;
pub mod role_assignment;
pub mod route;
pub mod router;
mod router_default;
pub mod router_interface;
mod rules;
pub mod security_group;
pub mod session;
mod sessions;
pub mod snapshot;
mod spec;
pub mod ssh_key;
pub mod subnet;
mod throttle;
pub mod token;
mod touch;
pub mod tunnel_context;
mod tunnel_log;
pub mod user;
mod view;
mod wake;
mod way_outside;

pub use adit_model::Noun;
pub use adit_store::{AuditQuery, NumberOf, Only, Order, OrderBy, Query};
pub use agent::{Agent, AgentError, AgentErrorCode, AgentEvent, Echo, Probe};
pub use caller::Caller;
pub use change::Together;
pub use clock::{Clock, SystemClock};
pub use config::{Config, ExternalPool, Limits, LogLimits, Timing};
pub use control::{Control, ExternalSubnets};
pub use crypto_profile::CryptoProfile;
pub use error::{Error, Quota, Rule};
pub use identity::IdentityProvider;
pub use listed::{Listed, Part};
pub use misfit::Misfit;
pub use password::Password;
pub use policy::PolicyEdit;
pub use reconcile::Reconciler;
pub use resolver::{Resolver, SystemResolver};
pub use resource::Resource;
pub use rules::{Allowance, Naming, OnDelete};
pub use session::Session;
pub use throttle::LoginLimits;
pub use tunnel_log::LogLine;
pub use view::Rates;
