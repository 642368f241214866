//! Security groups and their rules in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::security_group::Remote;
use adit_model::{Noun, SecurityGroup, SecurityGroupRule};
use adit_store::{Only, StoreError};

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for SecurityGroup {
    const WHAT: &'static str = "security group";
    const TABLE: &'static str = "security_groups";
    const FIXED: &'static [&'static str] = &["resource_group", "router", "is_default"];
    const COLUMNS: &'static [&'static str] = &["name", "description", "updated_at"];
    const ONLY: &'static [(Only, &'static str)] = &[(Only::OfRouters, "router IS NOT NULL")];
    const OF: &'static [(Noun, &'static str)] = &[(Noun::Router, "router = ?")];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            router: row.parsed_option("router")?,
            is_default: row.plain("is_default")?,
            name: row.name()?,
            description: row.plain("description")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::OptionalText(self.router.map(text)),
            Value::Flag(self.is_default),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }
}

impl Table for SecurityGroupRule {
    const WHAT: &'static str = "security group rule";
    const TABLE: &'static str = "security_group_rules";
    const FIXED: &'static [&'static str] = &["security_group"];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "direction",
        "family",
        "protocol",
        "port_min",
        "port_max",
        "remote_block",
        "remote_group",
    ];
    const OF: &'static [(Noun, &'static str)] = &[(Noun::SecurityGroup, "security_group = ?")];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        // An address is one that has no length behind it.
        let place: Option<String> = row.plain("remote_block")?;
        let block = match place.is_some_and(|place| place.contains('/')) {
            true => row.parsed_option("remote_block")?.map(Remote::Block),
            false => row.parsed_option("remote_block")?.map(Remote::Address),
        };
        let group = row.parsed_option("remote_group")?.map(Remote::Group);
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            group: row.parsed("security_group")?,
            name: row.name()?,
            description: row.plain("description")?,
            direction: row.json("direction")?,
            family: row.json("family")?,
            protocol: row.plain("protocol")?,
            port_min: row.plain("port_min")?,
            port_max: row.plain("port_max")?,
            remote: block.or(group).unwrap_or(Remote::Any),
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::Text(text(self.group))])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let (block, group) = match self.remote {
            Remote::Any => (None, None),
            Remote::Address(address) => (Some(text(address)), None),
            Remote::Block(cidr) => (Some(text(cidr)), None),
            Remote::Group(id) => (None, Some(text(id))),
        };
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Text(json(Self::WHAT, &self.direction)?),
            Value::Text(json(Self::WHAT, &self.family)?),
            Value::OptionalText(self.protocol.clone()),
            Value::OptionalNumber(self.port_min.map(i64::from)),
            Value::OptionalNumber(self.port_max.map(i64::from)),
            Value::OptionalText(block),
            Value::OptionalText(group),
        ])
    }
}
