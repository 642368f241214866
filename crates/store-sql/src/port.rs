//! Ports in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::port::Device;
use adit_model::{Noun, Port};
use adit_store::{Only, StoreError};

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for Port {
    const WHAT: &'static str = "port";
    const TABLE: &'static str = "ports";
    const FIXED: &'static [&'static str] = &["resource_group", "network"];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "mac",
        "fixed_ips",
        "router",
        "device_owner",
        "device_id",
        "port_security",
        "security_groups",
        "updated_at",
    ];
    const ONLY: &'static [(Only, &'static str)] = &[(
        Only::Machines,
        // As `Device::INSTANCE` has it.
        "router IS NULL AND substr(device_owner, 1, 8) = 'compute:'",
    )];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::Network, "network = ?"),
        (Noun::Router, "router = ?"),
        (
            Noun::SecurityGroup,
            "id IN (SELECT port FROM port_security_groups WHERE security_group = ?)",
        ),
        (
            Noun::Subnet,
            "id IN (SELECT port FROM fixed_ips WHERE subnet = ?)",
        ),
    ];
    const LISTS: &'static [List] = &[
        List {
            table: "fixed_ips",
            row: "port",
            columns: &["subnet", "address"],
        },
        List {
            table: "port_security_groups",
            row: "port",
            columns: &["security_group"],
        },
    ];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        let device = match row.parsed_option("router")? {
            Some(router) => Device::Router(router),
            None => Device::Other {
                owner: row.plain("device_owner")?,
                id: row.plain("device_id")?,
            },
        };
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            network: row.parsed("network")?,
            name: row.name()?,
            description: row.plain("description")?,
            admin_state_up: row.plain("admin_state_up")?,
            mac: row.parsed("mac")?,
            fixed_ips: row.json("fixed_ips")?,
            device,
            port_security: row.plain("port_security")?,
            security_groups: row.json("security_groups")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.network)),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let (owner, id) = match &self.device {
            Device::Router(_) => (String::new(), String::new()),
            Device::Other { owner, id } => (owner.clone(), id.clone()),
        };
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Flag(self.admin_state_up),
            Value::Text(text(self.mac)),
            Value::Text(json(Self::WHAT, &self.fixed_ips)?),
            Value::OptionalText(self.device.router().map(text)),
            Value::Text(owner),
            Value::Text(id),
            Value::Flag(self.port_security),
            Value::Text(json(Self::WHAT, &self.security_groups)?),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }

    fn lists(&self) -> Vec<Vec<Vec<String>>> {
        let addresses = self.fixed_ips.iter();
        let groups = self.security_groups.iter();
        vec![
            addresses
                .map(|ip| vec![text(ip.subnet), text(ip.address)])
                .collect(),
            groups.map(|group| vec![text(group)]).collect(),
        ]
    }
}
