//! What can go wrong while networks are made.

use std::io;
use std::net::IpAddr;

use adit_model::{Cidr, NetworkId};

/// Why the network could not be made as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A namespace could not be made, entered or removed.
    #[error("network namespace {name}: {doing}")]
    Namespace {
        /// As `ip netns list` shows it.
        name: String,
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The host routes some of the external network's addresses elsewhere already.
    #[error(
        "{setting} {external} overlaps the host's own route to {route}; choose a block the host does not use"
    )]
    ExternalInUse {
        /// The block's setting.
        setting: &'static str,
        /// The block that was to be the external network.
        external: Cidr,
        /// What the host routes.
        route: Cidr,
    },
    /// The kernel refused a change.
    #[error("netlink: {doing}")]
    Netlink {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: rtnetlink::Error,
    },
    /// A router's way outside is not on IPv4, or the external network isn't.
    #[error("a router's way outside must be IPv4 on an IPv4 external network, not {0}")]
    ExternalFamily(IpAddr),
    /// The kernel refused a filter.
    #[error("nft in network namespace {namespace}: {complaint}")]
    Filter {
        /// Where.
        namespace: String,
        /// What `nft` said.
        complaint: String,
    },
    /// `nft` is not installed.
    #[error("the program nft is not there; install it (Debian's package nftables)")]
    NoFilterProgram,
    /// A link that should be there is not.
    #[error("there is no link {0}")]
    NoLink(String),
    /// A network was not applied before a router with an interface on it.
    #[error("network {0} has no namespace")]
    NoNetwork(NetworkId),
    /// The router was not applied before.
    #[error("router {0} has no namespace")]
    NoRouter(String),
    /// A TUN device or a socket could not be opened.
    #[error("{doing}")]
    Open {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process manages links with this prefix.
    #[error(
        "another process already manages links named {0}-* on this host; stop it or set another network.prefix"
    )]
    PrefixInUse(String),
    /// The prefix can't be used in link names.
    #[error("network.prefix {0:?} must be 1 to 5 lower-case letters or digits")]
    Prefix(String),
}
