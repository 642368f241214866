//! Network ACLs in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{NetworkAcl, Noun};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for NetworkAcl {
    const WHAT: &'static str = "network ACL";
    const TABLE: &'static str = "network_acls";
    const FIXED: &'static [&'static str] = &["resource_group", "router", "is_default"];
    const COLUMNS: &'static [&'static str] = &["name", "rules", "updated_at"];
    const OF: &'static [(Noun, &'static str)] = &[(Noun::Router, "router = ?")];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            router: row.parsed("router")?,
            is_default: row.plain("is_default")?,
            name: row.name()?,
            rules: row.json("rules")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.router)),
            Value::Flag(self.is_default),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(json(Self::WHAT, &self.rules)?),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }
}
