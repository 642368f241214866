//! Why the parts of a gateway, an endpoint group or a connection don't fit together.

use adit_model::endpoint_group::EndpointKind;
use adit_model::{Cidr, EndpointGroupId, RouterId, SubnetId};

/// Why the parts of a gateway, an endpoint group or a connection don't fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misfit {
    /// The policy asks for AH within ESP.
    #[error("ESP within AH is not something that connections can have")]
    AhEsp,
    /// Dead peer detection would end before it began.
    #[error("the timeout of dead peer detection must be longer than its interval")]
    DpdTimeout,
    /// Local and peer blocks are of different families.
    #[error("local and peer blocks are of different IP versions")]
    FamiliesDiffer,
    /// The gateway has a subnet, and groups are given.
    #[error("a gateway with a subnet takes no endpoint groups")]
    GroupsWithSubnet {
        /// Whether the local one is.
        local: bool,
        /// Whether the peer one is.
        peer: bool,
    },
    /// The gateway has no subnet, and groups are missing.
    #[error("a gateway without a subnet needs a local and a peer endpoint group")]
    MissingGroups {
        /// Whether the local one is.
        local: bool,
        /// Whether the peer one is.
        peer: bool,
    },
    /// The gateway has a subnet, and no peer blocks are given.
    #[error("a gateway with a subnet needs the peer's blocks")]
    MissingPeerCidrs,
    /// A group has blocks of both families.
    #[error("the endpoint group {0} has blocks of both IP versions")]
    MixedGroup(EndpointGroupId),
    /// Peer blocks are of both families.
    #[error("the peer's blocks are of both IP versions")]
    MixedPeerCidrs,
    /// The MTU is below the least of its IP version.
    #[error("an MTU of {mtu} is too small")]
    MtuTooSmall {
        /// What was asked for.
        mtu: u32,
        /// Whether local blocks are IPv4.
        is_ipv4: bool,
    },
    /// The router has no external address of the peer's family.
    #[error("the router {router} has no external address to reach that peer from")]
    NoExternalFamily {
        /// The gateway's.
        router: RouterId,
        /// Whether the peer is IPv4.
        is_ipv4: bool,
    },
    /// The gateway has no subnet, and peer blocks are given.
    #[error("peer blocks and endpoint groups don't go together")]
    PeerCidrsWithGroups,
    /// The host can't be found.
    #[error("the address of the peer {0} can't be found")]
    PeerUnresolved(String),
    /// The router has no way outside.
    #[error("the router {0} has no way outside")]
    RouterNotExternal(RouterId),
    /// The router has no interface on that subnet.
    #[error("the subnet {subnet} is not on the router {router}")]
    SubnetNotOnRouter {
        /// One that the project has.
        subnet: SubnetId,
        /// One that the project has.
        router: RouterId,
    },
    /// The policy asks for transport mode, and the blocks are not the two ends' own addresses.
    #[error("transport mode is between {local} and {peer} alone")]
    TransportBlocks {
        /// The gateway's address.
        local: Cidr,
        /// The peer's.
        peer: Cidr,
    },
    /// A group names a subnet that is not there.
    #[error("the subnet {0} is not there")]
    UnknownSubnetInGroup(String),
    /// A group is of a kind that can't be used there.
    #[error("the endpoint group {group} must be of the kind {}", wanted.as_str())]
    WrongGroupKind {
        /// One of the two that the connection names.
        group: EndpointGroupId,
        /// The kind it is.
        kind: EndpointKind,
        /// The kind it must be.
        wanted: EndpointKind,
    },
}
