//! Every kind of row there is, for what is said of rows of any kind: what hangs on what, what
//! happened to which, what is missing or in use.

use std::fmt;
use std::str::FromStr;

macro_rules! nouns {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $title:literal;)+) => {
        /// A kind of row.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Noun {
            $($(#[$doc])* $variant,)+
        }

        impl Noun {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in the store, and in whatever else programs read.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What people call it.
            const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                }
            }
        }
    };
}

nouns! {
    /// A [`crate::user::ApiKey`].
    ApiKey = "api_key", "API key";
    /// A [`crate::ApplicationCredential`].
    ApplicationCredential = "application_credential", "application credential";
    /// A [`crate::Connection`].
    Connection = "connection", "connection";
    /// A [`crate::ConnectionRequest`].
    ConnectionRequest = "connection_request", "connection request";
    /// A [`crate::EndpointGroup`].
    EndpointGroup = "endpoint_group", "endpoint group";
    /// A [`crate::FloatingIp`].
    FloatingIp = "floating_ip", "floating IP";
    /// A [`crate::Gateway`].
    Gateway = "gateway", "gateway";
    /// A [`crate::IkePolicy`].
    IkePolicy = "ike_policy", "IKE policy";
    /// A [`crate::IpsecPolicy`].
    IpsecPolicy = "ipsec_policy", "IPsec policy";
    /// A [`crate::Network`].
    Network = "network", "network";
    /// A [`crate::NetworkAcl`].
    NetworkAcl = "network_acl", "network ACL";
    /// A [`crate::Port`].
    Port = "port", "port";
    /// A [`crate::Project`].
    Project = "project", "project";
    /// A [`crate::PublicGateway`].
    PublicGateway = "public_gateway", "public gateway";
    /// How many of something a project may have.
    Quota = "quota", "quota";
    /// A [`crate::user::RevokedToken`].
    RevokedToken = "revoked_token", "revoked token";
    /// A [`crate::RoleAssignment`].
    RoleAssignment = "role_assignment", "role assignment";
    /// A [`crate::Route`].
    Route = "route", "route";
    /// A [`crate::Router`].
    Router = "router", "router";
    /// A [`crate::SecurityGroup`].
    SecurityGroup = "security_group", "security group";
    /// A [`crate::SecurityGroupRule`].
    SecurityGroupRule = "security_group_rule", "security group rule";
    /// A [`crate::SshKey`].
    SshKey = "ssh_key", "SSH key";
    /// A [`crate::Subnet`].
    Subnet = "subnet", "subnet";
    /// A [`crate::TunnelContext`].
    TunnelContext = "tunnel_context", "tunnel context";
    /// A [`crate::User`].
    User = "user", "user";
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// Not the word for a [`Noun`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no such kind of row")]
pub struct NounError;

impl FromStr for Noun {
    type Err = NounError;

    fn from_str(text: &str) -> Result<Self, NounError> {
        let mut all = Self::ALL.iter().copied();
        all.find(|noun| noun.as_str() == text).ok_or(NounError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_back_from_its_word() {
        for noun in Noun::ALL {
            assert_eq!(noun.as_str().parse(), Ok(*noun));
        }
        assert_eq!("networks".parse::<Noun>(), Err(NounError));
    }
}
