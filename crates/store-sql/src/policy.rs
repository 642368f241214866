//! IKE and IPsec policies in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::{IkePolicy, IpsecPolicy, Noun};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, text};
use crate::rows::{List, Table};

macro_rules! policies {
    ($($noun:ident: $what:literal, $table:literal;)+) => {$(
        impl Table for $noun {
            const WHAT: &'static str = $what;
            const TABLE: &'static str = $table;
            const FIXED: &'static [&'static str] = &["resource_group"];
            const COLUMNS: &'static [&'static str] = &["name", "description", "parameters"];
            const OF: &'static [(Noun, &'static str)] = &[];
            const LISTS: &'static [List] = &[];

            fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
                Ok(Self {
                    id: row.parsed("id")?,
                    project: row.parsed("project")?,
                    resource_group: row.parsed_option("resource_group")?,
                    name: row.name()?,
                    description: row.plain("description")?,
                    parameters: row.json("parameters")?,
                    created_at: row.created_at()?,
                    revision: row.revision()?,
                })
            }

            fn fixed(&self) -> Result<Vec<Value>, StoreError> {
                Ok(vec![Value::OptionalText(self.resource_group.as_ref().map(text))])
            }

            fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
                Ok(vec![
                    Value::Text(self.name.to_string()),
                    Value::Text(self.description.clone()),
                    Value::Text(json(Self::WHAT, &self.parameters)?),
                ])
            }
        }
    )+};
}

policies! {
    IkePolicy: "IKE policy", "ike_policies";
    IpsecPolicy: "IPsec policy", "ipsec_policies";
}
