//! Routers in SQL.

use std::net::Ipv4Addr;

use adit_crypto::EnvelopeKey;
use adit_model::router::ExternalGateway;
use adit_model::{Noun, OuterAddresses, Router};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

impl Table for Router {
    const WHAT: &'static str = "router";
    const TABLE: &'static str = "routers";
    const FIXED: &'static [&'static str] = &["resource_group"];
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "external_network",
        "external_v4",
        "external_v6",
        "enable_snat",
        "external_on_demand",
        "routes",
        "updated_at",
        "host",
    ];
    const OF: &'static [(Noun, &'static str)] = &[(Noun::Network, "external_network = ?")];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        let network = row.parsed_option("external_network")?;
        let v4: Option<Ipv4Addr> = row.parsed_option("external_v4")?;
        let v6 = row.parsed_option("external_v6")?;
        let enable_snat = row.plain("enable_snat")?;
        let on_demand = row.plain("external_on_demand")?;
        let external = network.zip(v4).map(|(network, v4)| ExternalGateway {
            network,
            addresses: OuterAddresses { v6, ..v4.into() },
            enable_snat,
            on_demand,
        });
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            resource_group: row.parsed_option("resource_group")?,
            name: row.name()?,
            description: row.plain("description")?,
            admin_state_up: row.plain("admin_state_up")?,
            external,
            routes: row.json("routes")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
            host: row.parsed("host")?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::OptionalText(
            self.resource_group.as_ref().map(text),
        )])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let external = self.external;
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(self.description.clone()),
            Value::Flag(self.admin_state_up),
            Value::OptionalText(external.map(|external| text(external.network))),
            Value::OptionalText(external.map(|external| text(external.addresses.v4))),
            Value::OptionalText(
                external
                    .and_then(|external| external.addresses.v6)
                    .map(text),
            ),
            Value::Flag(external.is_some_and(|external| external.enable_snat)),
            Value::Flag(external.is_some_and(|external| external.on_demand)),
            Value::Text(json(Self::WHAT, &self.routes)?),
            Value::Number(nanoseconds(self.updated_at)),
            Value::Text(text(self.host)),
        ])
    }
}
