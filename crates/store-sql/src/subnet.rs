//! Subnets in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, Subnet};
use adit_store::{Only, StoreError};

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for Subnet {
    const WHAT: &'static str = "subnet";
    const TABLE: &'static str = "subnets";
    const FIXED: &'static [&'static str] = &[
        "resource_group",
        "network",
        "cidr",
        "ipv6_address_mode",
        "ipv6_ra_mode",
        "zone",
    ];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "gateway",
        "pools",
        "enable_dhcp",
        "dns_nameservers",
        "host_routes",
        "updated_at",
        "public_gateway",
        "network_acl",
    ];
    const ONLY: &'static [(Only, &'static str)] = &[(
        Only::OnRouters,
        "EXISTS (SELECT 1 FROM fixed_ips JOIN ports ON ports.id = fixed_ips.port \
         WHERE fixed_ips.subnet = subnets.id AND ports.router IS NOT NULL)",
    )];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::Network, "network = ?"),
        (Noun::PublicGateway, "public_gateway = ?"),
        (Noun::NetworkAcl, "network_acl = ?"),
    ];
    const PUBLIC: Option<&'static str> = Some("network IN (SELECT id FROM networks WHERE shared)");
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            network: row.parsed("network")?,
            name: row.name()?,
            description: row.plain("description")?,
            cidr: row.parsed("cidr")?,
            gateway: row.parsed_option("gateway")?,
            pools: row.json("pools")?,
            enable_dhcp: row.plain("enable_dhcp")?,
            dns_nameservers: row.json("dns_nameservers")?,
            host_routes: row.json("host_routes")?,
            ipv6_address_mode: row.plain("ipv6_address_mode")?,
            ipv6_ra_mode: row.plain("ipv6_ra_mode")?,
            network_acl: row.parsed_option("network_acl")?,
            public_gateway: row.parsed_option("public_gateway")?,
            zone: row.plain("zone")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.network)),
            Value::Text(text(self.cidr)),
            Value::OptionalText(self.ipv6_address_mode.clone()),
            Value::OptionalText(self.ipv6_ra_mode.clone()),
            Value::Text(self.zone.clone()),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::OptionalText(self.gateway.map(text)),
            Value::Text(json(Self::WHAT, &self.pools)?),
            Value::Flag(self.enable_dhcp),
            Value::Text(json(Self::WHAT, &self.dns_nameservers)?),
            Value::Text(json(Self::WHAT, &self.host_routes)?),
            Value::Number(nanoseconds(self.updated_at)),
            Value::OptionalText(self.public_gateway.map(text)),
            Value::OptionalText(self.network_acl.map(text)),
        ])
    }
}
