//! Endpoint groups in SQLite.

use adit_crypto::EnvelopeKey;
use adit_model::{EndpointGroup, Noun};
use adit_store::StoreError;

use crate::column::{Stored, json};
use crate::rows::{List, Table, Value};

impl Table for EndpointGroup {
    const WHAT: &'static str = "endpoint group";
    const TABLE: &'static str = "endpoint_groups";
    const FIXED: &'static [&'static str] = &["kind", "endpoints"];
    const COLUMNS: &'static [&'static str] = &["name", "description"];
    const OF: &'static [(Noun, &'static str)] = &[(
        Noun::Subnet,
        "id IN (SELECT endpoint_group FROM endpoints WHERE endpoint = ?)",
    )];
    const LISTS: &'static [List] = &[List {
        table: "endpoints",
        row: "endpoint_group",
        columns: &["endpoint"],
    }];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            name: row.name()?,
            description: row.plain("description")?,
            kind: row.json("kind")?,
            endpoints: row.json("endpoints")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(json(Self::WHAT, &self.kind)?),
            Value::Text(json(Self::WHAT, &self.endpoints)?),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
        ])
    }

    fn lists(&self) -> Vec<Vec<Vec<String>>> {
        let endpoints = self.endpoints.iter();
        vec![endpoints.map(|endpoint| vec![endpoint.clone()]).collect()]
    }
}
