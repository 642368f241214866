//! Gateways in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Gateway, Noun, OuterAddresses};
use adit_store::{Only, StoreError};

use crate::column::{Stored, Value, text};
use crate::rows::{List, Table};

impl Table for Gateway {
    const WHAT: &'static str = "gateway";
    const TABLE: &'static str = "gateways";
    const FIXED: &'static [&'static str] = &[
        "resource_group",
        "router",
        "subnet",
        "public_v4",
        "second_v4",
        "public_v6",
    ];
    const COLUMNS: &'static [&'static str] = &["name", "description", "admin_state_up", "host"];
    const ONLY: &'static [(Only, &'static str)] = &[(
        Only::OnSubnets,
        "subnet IS NOT NULL OR EXISTS (SELECT 1 FROM ports WHERE ports.router = gateways.router)",
    )];
    const OF: &'static [(Noun, &'static str)] =
        &[(Noun::Router, "router = ?"), (Noun::Subnet, "subnet = ?")];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            router: row.parsed("router")?,
            subnet: row.parsed_option("subnet")?,
            name: row.name()?,
            description: row.plain("description")?,
            admin_state_up: row.plain("admin_state_up")?,
            addresses: OuterAddresses {
                v4: row.parsed("public_v4")?,
                second: row.parsed_option("second_v4")?,
                v6: row.parsed_option("public_v6")?,
            },
            created_at: row.created_at()?,
            revision: row.revision()?,
            host: row.parsed("host")?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.router)),
            Value::OptionalText(self.subnet.map(text)),
            Value::Text(text(self.addresses.v4)),
            Value::OptionalText(self.addresses.second.map(text)),
            Value::OptionalText(self.addresses.v6.map(text)),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Flag(self.admin_state_up),
            Value::Text(text(self.host)),
        ])
    }
}
