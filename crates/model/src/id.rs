//! Typed identifiers: a UUID that knows what it names, so that one noun's id can't be passed
//! where another's is wanted. Dialects may print them with a prefix of their own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh random (version 4) id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// Takes a UUID for this kind of id.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The first eight hexadecimal digits, used in kernel names.
            #[must_use]
            pub fn short(self) -> String {
                let mut text = self.0.simple().to_string();
                text.truncate(8);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

typed_id! {
    /// Names a [`crate::user::ApiKey`].
    ApiKeyId;
    /// Names an [`crate::ApplicationCredential`].
    ApplicationCredentialId;
    /// Names a [`crate::Connection`].
    ConnectionId;
    /// Names a [`crate::ConnectionRequest`].
    ConnectionRequestId;
    /// Names an [`crate::EndpointGroup`].
    EndpointGroupId;
    /// Names a [`crate::FloatingIp`].
    FloatingIpId;
    /// Names a [`crate::Gateway`].
    GatewayId;
    /// Names a host: where networks, routers and gateways are made.
    HostId;
    /// Names a [`crate::IkePolicy`].
    IkePolicyId;
    /// Names a [`crate::IpsecPolicy`].
    IpsecPolicyId;
    /// Names a [`crate::Network`].
    NetworkId;
    /// Names a [`crate::NetworkAcl`].
    NetworkAclId;
    /// Names a [`crate::network_acl::NetworkAclRule`].
    NetworkAclRuleId;
    /// Names a [`crate::Port`].
    PortId;
    /// Names a [`crate::Project`].
    ProjectId;
    /// Names a [`crate::Route`].
    RouteId;
    /// Names a [`crate::PublicGateway`].
    PublicGatewayId;
    /// Names a [`crate::Router`].
    RouterId;
    /// Names a [`crate::SecurityGroup`].
    SecurityGroupId;
    /// Names a [`crate::SecurityGroupRule`].
    SecurityGroupRuleId;
    /// Names a [`crate::SshKey`].
    SshKeyId;
    /// Names a [`crate::Subnet`].
    SubnetId;
    /// Names a token.
    TokenId;
    /// Names a [`crate::tunnel_context::Translation`].
    TranslationId;
    /// Names a [`crate::TunnelContext`].
    TunnelContextId;
    /// Names a [`crate::User`].
    UserId;
}

impl HostId {
    /// The one host that there is, until there are more.
    pub const ONLY: Self = Self::from_uuid(Uuid::from_u128(1));
}
