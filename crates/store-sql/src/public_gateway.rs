//! Public gateways in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, PublicGateway};
use adit_store::StoreError;

use crate::column::{Stored, Value, text};
use crate::rows::{List, Table};

impl Table for PublicGateway {
    const WHAT: &'static str = "public gateway";
    const TABLE: &'static str = "public_gateways";
    const FIXED: &'static [&'static str] = &[
        "resource_group",
        "router",
        "zone",
        "floating_ip",
        "owns_floating_ip",
    ];
    const COLUMNS: &'static [&'static str] = &["name"];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::FloatingIp, "floating_ip = ?"),
        (Noun::Router, "router = ?"),
    ];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            router: row.parsed("router")?,
            zone: row.plain("zone")?,
            name: row.name()?,
            floating_ip: row.parsed("floating_ip")?,
            owns_floating_ip: row.plain("owns_floating_ip")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.router)),
            Value::Text(self.zone.clone()),
            Value::Text(text(self.floating_ip)),
            Value::Flag(self.owns_floating_ip),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::Text(self.name.to_string())])
    }
}
