//! SSH keys in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, SshKey};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, text};
use crate::rows::{List, Table};

impl Table for SshKey {
    const WHAT: &'static str = "SSH key";
    const TABLE: &'static str = "ssh_keys";
    const FIXED: &'static [&'static str] = &[
        "resource_group",
        "public_key",
        "kind",
        "bits",
        "fingerprint",
    ];
    const COLUMNS: &'static [&'static str] = &["name"];
    const OF: &'static [(Noun, &'static str)] = &[];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            name: row.name()?,
            public_key: row.plain("public_key")?,
            kind: row.json("kind")?,
            bits: row.plain("bits")?,
            fingerprint: row.plain("fingerprint")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(self.public_key.clone()),
            Value::Text(json(Self::WHAT, &self.kind)?),
            Value::Number(self.bits.into()),
            Value::Text(self.fingerprint.clone()),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::Text(self.name.to_string())])
    }
}
