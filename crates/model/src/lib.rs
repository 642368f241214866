//! Adit's words, shared by every crate that knows the product: ids, names, CIDRs, secrets,
//! policies, gateways, connections, and what is wished ([`desired`]) and seen ([`observed`]).
//!
//! Values here are valid by construction: what comes from outside is parsed once, at a face,
//! and never checked again. Nothing here does I/O, and no dialect's word is used (an IBM VPC
//! is a [`Router`] here).

pub mod authentication;
pub mod change;
pub mod cidr;
pub mod connection;
pub mod connection_request;
pub mod desired;
pub mod endpoint_group;
pub mod floating_ip;
pub mod gateway;
pub mod id;
pub mod mac;
pub mod name;
pub mod network;
pub mod network_acl;
pub mod noun;
pub mod observed;
pub mod outer;
pub mod peer_address;
pub mod policy;
pub mod port;
pub mod project;
pub mod psk;
pub mod public_gateway;
pub mod reason;
pub mod resource_group;
pub mod route;
pub mod router;
pub mod security_group;
pub mod ssh_key;
pub mod subnet;
pub mod translation;
pub mod tunnel_context;
pub mod user;

pub use cidr::Cidr;
pub use connection::Connection;
pub use connection_request::ConnectionRequest;
pub use endpoint_group::EndpointGroup;
pub use floating_ip::FloatingIp;
pub use gateway::Gateway;
pub use id::{
    ApiKeyId, ApplicationCredentialId, ConnectionId, ConnectionRequestId, EndpointGroupId,
    FloatingIpId, GatewayId, HostId, IkePolicyId, IpsecPolicyId, NetworkAclId, NetworkAclRuleId,
    NetworkId, PortId, ProjectId, PublicGatewayId, RouteId, RouterId, SecurityGroupId,
    SecurityGroupRuleId, SshKeyId, SubnetId, TokenId, TranslationId, TunnelContextId, UserId,
};
pub use mac::MacAddress;
pub use name::Name;
pub use network::Network;
pub use network_acl::NetworkAcl;
pub use noun::Noun;
pub use outer::OuterAddresses;
pub use peer_address::{PeerAddress, PeerAddressError};
pub use policy::{IkePolicy, IpsecPolicy};
pub use port::Port;
pub use project::{Project, RoleAssignment};
pub use psk::Psk;
pub use public_gateway::PublicGateway;
pub use reason::{Compared, Fixes, Reason, ReasonCode, Whose};
pub use resource_group::ResourceGroup;
pub use route::Route;
pub use router::Router;
pub use security_group::{SecurityGroup, SecurityGroupRule};
pub use ssh_key::SshKey;
pub use subnet::Subnet;
pub use translation::Translation;
pub use tunnel_context::TunnelContext;
pub use user::{ApplicationCredential, User};

/// A row's version: 1 when created, one more with every stored change.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a row that was just made.
    pub const FIRST: Self = Self(1);

    /// The revision after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
