//! Networks in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Network, Noun};
use adit_store::StoreError;

use crate::column::{Stored, Value, nanoseconds};
use crate::rows::{List, Table};

impl Table for Network {
    const WHAT: &'static str = "network";
    const TABLE: &'static str = "networks";
    const FIXED: &'static [&'static str] = &[];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "external",
        "shared",
        "mtu",
        "port_security",
        "updated_at",
    ];
    const OF: &'static [(Noun, &'static str)] = &[];
    const PUBLIC: Option<&'static str> = Some("external OR shared");
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            name: row.name()?,
            description: row.plain("description")?,
            admin_state_up: row.plain("admin_state_up")?,
            external: row.plain("external")?,
            shared: row.plain("shared")?,
            mtu: row.plain("mtu")?,
            port_security: row.plain("port_security")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(Vec::new())
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Flag(self.admin_state_up),
            Value::Flag(self.external),
            Value::Flag(self.shared),
            Value::Number(self.mtu.into()),
            Value::Flag(self.port_security),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }
}
