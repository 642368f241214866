//! Floating IPs in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::floating_ip::Association;
use adit_model::{FloatingIp, Noun};
use adit_store::StoreError;

use crate::column::{Stored, Value, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for FloatingIp {
    const WHAT: &'static str = "floating IP";
    const TABLE: &'static str = "floating_ips";
    const FIXED: &'static [&'static str] = &["resource_group", "network", "address", "zone"];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "port",
        "fixed_ip",
        "router",
        "updated_at",
    ];
    const OF: &'static [(Noun, &'static str)] = &[
        (Noun::Network, "network = ?"),
        (Noun::Port, "port = ?"),
        (Noun::Router, "router = ?"),
    ];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        let (port, router) = (row.parsed_option("port")?, row.parsed_option("router")?);
        let whole = port.zip(row.parsed_option("fixed_ip")?).zip(router);
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            name: row.name()?,
            description: row.plain("description")?,
            network: row.parsed("network")?,
            address: row.parsed("address")?,
            zone: row.plain("zone")?,
            association: whole.map(|((port, fixed_ip), router)| Association {
                port,
                fixed_ip,
                router,
            }),
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::OptionalText(self.resource_group.as_ref().map(text)),
            Value::Text(text(self.network)),
            Value::Text(text(self.address)),
            Value::Text(self.zone.clone()),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let association = self.association;
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::OptionalText(association.map(|of| text(of.port))),
            Value::OptionalText(association.map(|of| text(of.fixed_ip))),
            Value::OptionalText(association.map(|of| text(of.router))),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }
}
