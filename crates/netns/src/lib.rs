//! The embedded network provider: makes a project's networks real on this host with namespaces,
//! bridges, veth pairs, TUN devices, addresses and routes, all by netlink.
//!
//! ```text
//!   host:       adit-ext (bridge, first address of the external block)
//!                  |  veth adit-x<router> .. adit-e<router>
//!   adit-r-<router>:  adit-e<router>  one /32 for each gateway      table 100
//!                     adit-t<gateway> TUN: peers' blocks point here  main table
//!                     adit-s<subnet>  bridge with the router's address
//!                         |  veth adit-p<instance> .. adit-n<instance>
//!   adit-i-<instance>:    adit-n<instance>, default route via the router
//! ```
//!
//! Private traffic can't leave in clear by construction: packets that are forwarded look only
//! into the main table, which knows subnets and TUN devices; the external network is in table 100,
//! used by sockets bound to `adit-e*` and by packets from a gateway's own address; and what comes
//! in on `adit-e*` for somebody else is dropped by a rule.
//!
//! Everything is idempotent: applying the same twice changes nothing, and what a killed run left
//! behind is reused where it is still wanted and removed where it is not. Names start with a
//! prefix (`adit` unless configured); nothing else is ever touched.

mod error;
mod gateway;
mod namespace;
mod netlink;
mod network;
mod router;

pub use error::NetworkError;
pub use gateway::GatewayPorts;
pub use network::{ExternalNetwork, Network};
