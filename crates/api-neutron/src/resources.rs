//! Which resources there are.

use adit_model::policy::{IkeParameters, IpsecParameters};

use crate::endpoint_groups::EndpointGroups;
use crate::floating_ips::FloatingIps;
use crate::networks::Networks;
use crate::policies::Policies;
use crate::ports::Ports;
use crate::resource::Table;
use crate::routers::Routers;
use crate::security_group_rules::SecurityGroupRules;
use crate::security_groups::SecurityGroups;
use crate::site_connections::SiteConnections;
use crate::subnets::Subnets;
use crate::vpn_services::VpnServices;

/// What there is.
pub(crate) const RESOURCES: &[Table] = &[
    Table::of::<Networks>(),
    Table::of::<Subnets>(),
    Table::of::<Ports>(),
    Table::of::<Routers>(),
    Table::of::<FloatingIps>(),
    Table::of::<SecurityGroups>(),
    Table::of::<SecurityGroupRules>(),
    Table::of::<VpnServices>(),
    Table::of::<Policies<IkeParameters>>(),
    Table::of::<Policies<IpsecParameters>>(),
    Table::of::<EndpointGroups>(),
    Table::of::<SiteConnections>(),
];

/// Where an attribute may be said.
#[derive(Clone, Copy, Debug)]
pub struct InBodies {
    /// The resource's key in bodies.
    pub resource: &'static str,
    /// As bodies, queries and `fields` spell it.
    pub attribute: &'static str,
    /// Whether in a POST.
    pub post: bool,
    /// Whether in a PUT.
    pub put: bool,
}

/// All attributes of all resources, for tests that walk them.
pub fn attributes() -> impl Iterator<Item = InBodies> {
    RESOURCES.iter().flat_map(|table| {
        table.attributes.iter().map(|attribute| InBodies {
            resource: table.words.one,
            attribute: attribute.name,
            post: attribute.post.is_some(),
            put: attribute.put,
        })
    })
}
