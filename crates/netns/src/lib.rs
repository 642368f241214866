//! The embedded network provider: makes networks, machines and routers real on this host with
//! namespaces, bridges, veth pairs, TUN devices, addresses and routes by netlink, and filters and
//! address translation by the program `nft`.
//!
//! ```text
//!   host:       adit-ext (bridge, first address of each external block)
//!                  |  veth adit-x<router> .. adit-e<router>
//!   adit-r-<router>:  adit-e<router>  a /32 (/128) for each gateway  table 100
//!                                     the router's, floating IPs     table 101 (IPv6: 100)
//!                     adit-t<gateway> TUN: peers' blocks point here  main table
//!                     adit-s<port>    an interface with its addresses
//!                         |  veth adit-s<port> .. adit-p<port>
//!   adit-n-<network>:     adit-b<network> bridge, nobody's addresses
//!                         |  veth adit-p<port> .. adit-n<port>
//!   adit-i-<port>:        adit-n<port>, a machine with its addresses and routes
//! ```
//!
//! # What never leaves in clear
//!
//! Packets that are forwarded look first into the main table, which knows the router's networks,
//! its static routes, and the blocks behind VPN peers: those point into a TUN device, with an
//! "unreachable" route under each for the time in which the device is gone. A router's spec lists
//! these blocks too: they lead nowhere before there is a way outside, so that none is open while
//! gateways are still to come. Static routes come after both.
//!
//! - A router without a way outside has nothing more. The external network is in table 100, used
//!   by sockets bound to `adit-e*` and by what this namespace itself sends from a gateway's own
//!   address; and what comes in on `adit-e*` for somebody else is dropped by rule 100.
//! - With a way outside, rule 33000 leads IPv4 on to table 101, but only where the main table has
//!   no route at all: a peer's block wins over the external network, however wide it is. Rule 100
//!   gives way to a filter that lets in what answers and what is for floating IPs, and lets out
//!   what has an external source by then. The filter is there before the rules change, and goes
//!   after they changed back.
//! - IPv6 is not translated, and none of it is forwarded, out or in: no rule leads there what this
//!   namespace doesn't send itself, rule 100 never gives way to it, and the filter drops it too.
//!   Only the router speaks there, from its own address by way of table 100, as its gateways do
//!   from theirs. These addresses are not preferred: the kernel takes one of them for what goes
//!   elsewhere, into a tunnel say, only if there is no other.
//!
//! # Filters
//!
//! A machine's filter is in its own namespace. It could not be in the bridge: that needs connection
//! tracking there, which kernels are often built without (`nf_conntrack_bridge`). Whoever is root
//! in such a namespace can take its filter away; machines of this provider are for trying things.
//!
//! Everything is idempotent: applying the same twice changes nothing, and what a killed run left
//! behind is reused where it is still wanted and removed where it is not. Names start with a
//! prefix (`adit` unless configured); nothing else is ever touched.

mod applied;
mod blocks;
mod error;
mod external;
mod filter;
mod gateway;
mod instance;
mod namespace;
mod netlink;
mod network;
mod nft;
mod probe;
mod provider;
mod router;

pub use error::NetworkError;
pub use gateway::{GatewayPorts, OuterPorts};
pub use probe::EchoReply;
pub use provider::{ExternalNetwork, Network};
