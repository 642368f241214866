//! What a use case's refusal is in Neutron's words.

use adit_api::answer::log;
use adit_api::body::BodyError;
use adit_control::Resource as Counted;
use adit_control::token::TokenError;
use adit_control::{Error, Misfit, Rule};

use crate::error::ApiError;
use crate::policy;
use crate::resource::Resource;

/// Why something was not done: a refusal already, or what a use case said.
#[derive(Debug)]
pub(crate) enum Failure {
    Failed(Error),
    Refused(ApiError),
}

impl From<ApiError> for Failure {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Failure {
    /// The refusal of what was asked of the thing of this id.
    pub(crate) fn about<R: Resource>(self, id: &str) -> ApiError {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Failed(Error::NotFound(noun)) if noun == R::NOUN => R::missing(id.to_owned()),
            Self::Failed(Error::Used { noun, by, users }) if noun == R::NOUN => {
                R::in_use(id.to_owned(), by, &users)
            }
            Self::Failed(error) => error.into(),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) | Error::NotListed => Self::NotFound,
            Error::Misfit(error) => error.into(),
            Error::ProjectQuota(resource) => Self::OverQuota {
                resource: counted(resource).to_owned(),
            },
            Error::Invalid { field, message, .. } => {
                Self::attribute(policy::attribute_of(field), message)
            }
            Error::Conflict {
                rule: Rule::NoExternalAddress | Rule::NoPrivateAddress,
                message,
            } => Self::NoAddress { message },
            Error::Conflict { message, .. } | Error::NoWayOutside(message) => {
                Self::Conflict { message }
            }
            Error::Used { .. } | Error::QuotaExceeded { .. } => Self::Conflict {
                message: error.to_string(),
            },
            // The roles that use cases want were looked at before.
            Error::Forbidden(_) => Self::Policy {
                rule: "default".to_owned(),
            },
            // Passwords are the identity API's.
            Error::Busy { .. } | Error::TooManyAttempts { .. } => Self::Unavailable,
            Error::Unavailable(_) => {
                log(&error);
                Self::Unavailable
            }
            Error::Internal(_) => {
                log(&error);
                Self::Internal
            }
        }
    }
}

/// What is counted, as quotas name it.
pub(crate) const fn counted(resource: Counted) -> &'static str {
    match resource {
        Counted::Connection => "ipsec_site_connection",
        Counted::FloatingIp => "floatingip",
        Counted::Gateway => "vpnservice",
        Counted::IkePolicy => "ikepolicy",
        Counted::IpsecPolicy => "ipsecpolicy",
        other => other.as_str(),
    }
}

/// One of two groups, or both.
fn groups(local: bool, peer: bool) -> String {
    let groups = match (local, peer) {
        (true, false) => "group local",
        (false, true) => "group peer",
        _ => "groups local and peer",
    };
    groups.to_owned()
}

impl From<Misfit> for ApiError {
    fn from(error: Misfit) -> Self {
        match error {
            Misfit::AhEsp => Self::UnsupportedTransform {
                transform: "ah-esp".to_owned(),
            },
            Misfit::DpdTimeout => Self::DpdInterval,
            Misfit::FamiliesDiffer => Self::MixedVersions,
            Misfit::GroupsWithSubnet { local, peer } => Self::InvalidEndpointGroup {
                groups: groups(local, peer),
            },
            Misfit::MissingGroups { local, peer } => Self::MissingEndpointGroup {
                groups: groups(local, peer),
            },
            Misfit::MissingPeerCidrs => Self::MissingPeerCidrs,
            Misfit::MixedGroup(id) => Self::MixedVersionsInGroup { id: id.to_string() },
            Misfit::MixedPeerCidrs => Self::MixedVersionsInPeerCidrs,
            Misfit::MtuTooSmall { mtu, is_ipv4 } => Self::Mtu {
                mtu: mtu.to_string(),
                version: if is_ipv4 { "ipv4" } else { "ipv6" }.to_owned(),
            },
            Misfit::NoExternalFamily { router, is_ipv4 } => Self::ExternalNetworkHasNoSubnet {
                router: router.to_string(),
                version: if is_ipv4 { "IPv4" } else { "IPv6" }.to_owned(),
            },
            Misfit::PeerCidrsWithGroups => Self::PeerCidrsInvalid,
            Misfit::PeerUnresolved(address) => Self::PeerAddressNotResolved { address },
            Misfit::RouterNotExternal(router) => Self::RouterIsNotExternal {
                router: router.to_string(),
            },
            Misfit::SubnetNotOnRouter { subnet, router } => Self::SubnetIsNotConnectedToRouter {
                subnet: subnet.to_string(),
                router: router.to_string(),
            },
            Misfit::TransportBlocks { local, peer } => Self::TransportBlocks {
                local: local.to_string(),
                peer: peer.to_string(),
            },
            Misfit::UnknownSubnetInGroup(subnet) => Self::NonExistingSubnet { subnet },
            Misfit::WrongGroupKind {
                group,
                kind,
                wanted,
            } => Self::WrongEndpointGroupType {
                id: group.to_string(),
                is: kind.as_str().to_owned(),
                should: wanted.as_str().to_owned(),
            },
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unavailable(error) => Error::from(error).into(),
            TokenError::Unasked(error) => {
                log(&error.into());
                Self::IdentityUnavailable
            }
            TokenError::NoRole => Self::NoRole,
            _ => Self::Unauthorized,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::NotJson { .. } => Self::NotJson,
            BodyError::NotObject => Self::NoObject,
            BodyError::TooLarge => Self::TooLarge,
        }
    }
}
