//! What may pass the edge of a subnet: rules in order, of which the first that fits decides. An answer is
//! a packet like any other here; what no rule is for doesn't pass.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::cidr::CidrError;
use crate::{
    Cidr, Name, NetworkAclId, NetworkAclRuleId, ProjectId, ResourceGroup, Revision, RouterId,
};

/// Rules for the edges of subnets of a router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkAcl {
    /// Random, made with the row, and its own for good.
    pub id: NetworkAclId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// The router it is of, and goes with.
    pub router: RouterId,
    /// Whether it is that of subnets which name none.
    pub is_default: bool,
    /// What the user calls it.
    pub name: Name,
    /// Its rules, in their order.
    pub rules: Vec<NetworkAclRule>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// A rule of a network ACL, for IPv4.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkAclRule {
    /// Random, made with the rule, and its own for good.
    pub id: NetworkAclRuleId,
    /// What the user calls it.
    pub name: Name,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Which packets it is for, and what becomes of them.
    #[serde(flatten)]
    pub content: AclRule,
}

/// Which packets a rule is for, and what becomes of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AclRule {
    /// What becomes of them.
    pub action: Action,
    /// Which way they go.
    pub flow: Flow,
    /// Who they are from.
    pub source: Place,
    /// Whom they are for.
    pub destination: Place,
    /// The protocol's number; `None` is any.
    pub protocol: Option<u8>,
    /// The ports they are from, first and last; `None` is all.
    pub source_ports: Option<(u16, u16)>,
    /// The ports they are for, first and last; `None` is all.
    pub destination_ports: Option<(u16, u16)>,
    /// ICMP's type; `None` is any.
    pub icmp_type: Option<u8>,
    /// The code of ICMP's type; `None` is any.
    pub icmp_code: Option<u8>,
}

impl AclRule {
    /// One for every packet of IPv4 that goes this way.
    #[must_use]
    pub fn allowing(flow: Flow) -> Self {
        Self {
            action: Action::Allow,
            flow,
            source: Place::everywhere(),
            destination: Place::everywhere(),
            protocol: None,
            source_ports: None,
            destination_ports: None,
            icmp_type: None,
            icmp_code: None,
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It passes.
    Allow,
    /// It doesn't.
    Deny,
}

/// Which way a packet goes, as the subnet sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// Into the subnet.
    Inbound,
    /// Out of it.
    Outbound,
}

/// One end of a packet's way, as the user wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// One address.
    Address(IpAddr),
    /// The addresses of a block.
    Block(Cidr),
}

impl Place {
    /// All of IPv4's addresses.
    #[must_use]
    pub fn everywhere() -> Self {
        let none = IpAddr::from([0; 4]);
        // No address has fewer bits than none.
        Cidr::new(none, 0).map_or(Self::Address(none), Self::Block)
    }

    /// Its addresses.
    #[must_use]
    pub fn cidr(self) -> Cidr {
        match self {
            Self::Address(address) => Cidr::host(address),
            Self::Block(cidr) => cidr,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Block(cidr) => cidr.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) => text.parse().map(Self::Block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_written() {
        for text in ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "0.0.0.0/0"] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), text);
            let json = serde_json::to_string(&place).unwrap();
            assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        }
        for text in ["", "10.0.0.1/8", "10.0.0", "x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        assert_eq!(Place::everywhere().to_string(), "0.0.0.0/0");
    }

    #[test]
    fn a_rule_travels() {
        let rule = NetworkAclRule {
            id: NetworkAclRuleId::random(),
            name: Name::parse("ssh").unwrap(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            content: AclRule {
                action: Action::Deny,
                destination: "10.0.0.1".parse().unwrap(),
                protocol: Some(6),
                destination_ports: Some((22, 23)),
                ..AclRule::allowing(Flow::Inbound)
            },
        };
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<NetworkAclRule>(&json).unwrap(), rule);
    }
}
