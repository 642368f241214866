//! Which traffic machines' ports let through: a set of rules, each of which allows something.
//! What answers something allowed is always let through.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    Cidr, Name, ProjectId, ResourceGroup, Revision, RouterId, SecurityGroupId, SecurityGroupRuleId,
};

/// A set of rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecurityGroup {
    /// Random, made with the row, and its own for good.
    pub id: SecurityGroupId,
    /// Whose it is.
    pub project: ProjectId,
    /// The group it is in; `None` is the project's default one.
    pub resource_group: Option<ResourceGroup>,
    /// Of which router it is, and goes with; `None` is the project's own.
    pub router: Option<RouterId>,
    /// Whether it is the one that its router, or else its project, has by itself.
    pub is_default: bool,
    /// What the user calls it.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

impl SecurityGroup {
    /// The name of the group that every project has and that ports get unless they say otherwise.
    pub const DEFAULT: &'static str = "default";
}

/// Which way traffic goes, as the machine sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Out of the machine.
    Egress,
    /// Into the machine.
    Ingress,
}

/// Which IP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    /// The family of a block.
    #[must_use]
    pub fn of(cidr: Cidr) -> Self {
        if cidr.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// With whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remote {
    /// Anybody.
    Any,
    /// One address.
    Address(IpAddr),
    /// Addresses of a block.
    Block(Cidr),
    /// Addresses of ports that have this group.
    Group(SecurityGroupId),
}

/// Something that is allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecurityGroupRule {
    /// Random, made with the row, and its own for good.
    pub id: SecurityGroupRuleId,
    /// Whose it is.
    pub project: ProjectId,
    /// It goes with that one.
    pub group: SecurityGroupId,
    /// What the user calls it; may be empty.
    pub name: Name,
    /// What the user says of it.
    pub description: String,
    /// Which way.
    pub direction: Direction,
    /// Which IP.
    pub family: Family,
    /// The protocol as the user spelled it: a name such as `tcp`, or a number; `None` is any.
    pub protocol: Option<String>,
    /// The first destination port, or the ICMP type.
    pub port_min: Option<u16>,
    /// The last destination port, or the ICMP code.
    pub port_max: Option<u16>,
    /// With whom.
    pub remote: Remote,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}

/// The number of a protocol that a user spelled (IANA's protocol numbers); `any` and what is
/// unknown have none.
#[must_use]
pub fn protocol_number(text: &str, family: Family) -> Option<u8> {
    Some(match text.to_ascii_lowercase().as_str() {
        "ah" => 51,
        "dccp" => 33,
        "egp" => 8,
        "esp" => 50,
        "gre" => 47,
        // The name means the family's own.
        "icmp" if family == Family::V6 => 58,
        "icmp" => 1,
        "icmpv6" | "ipv6-icmp" => 58,
        "igmp" => 2,
        "ipip" => 4,
        "ipv6-encap" => 41,
        "ipv6-frag" => 44,
        "ipv6-nonxt" => 59,
        "ipv6-opts" => 60,
        "ipv6-route" => 43,
        "ospf" => 89,
        "pgm" => 113,
        "rsvp" => 46,
        "sctp" => 132,
        "tcp" => 6,
        "udp" => 17,
        "udplite" => 136,
        "vrrp" => 112,
        number => return number.parse().ok(),
    })
}
