//! Requests for connections in SQL.

use adit_crypto::EnvelopeKey;
use adit_model::change::Actor;
use adit_model::connection_request::{RequestState, RequestStep};
use adit_model::{ConnectionRequest, Noun};
use adit_store::StoreError;
use time::OffsetDateTime;

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

/// A step: how far it led, when in nanoseconds since 1970, and by whom.
type StoredStep = (RequestState, i64, Option<String>);

impl Table for ConnectionRequest {
    const WHAT: &'static str = "connection request";
    const TABLE: &'static str = "connection_requests";
    const FIXED: &'static [&'static str] = &[
        "peer_address",
        "peer_cidrs",
        "local_cidrs",
        "test_addresses",
        "recipient",
        "connection",
        "made_gateway",
    ];
    const COLUMNS: &'static [&'static str] = &["name", "steps", "secret", "report"];
    const OF: &'static [(Noun, &'static str)] = &[];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, _key: &EnvelopeKey) -> Result<Self, StoreError> {
        let steps: Vec<StoredStep> = row.json("steps")?;
        let steps = steps.into_iter().map(|step| read_step(row, step));
        Ok(Self {
            id: row.parsed("id")?,
            project: row.parsed("project")?,
            name: row.name()?,
            peer_address: row.plain("peer_address")?,
            peer_cidrs: row.json("peer_cidrs")?,
            local_cidrs: row.json("local_cidrs")?,
            test_addresses: row.json("test_addresses")?,
            recipient: row.plain("recipient")?,
            connection: row.parsed("connection")?,
            made_gateway: row.parsed_option("made_gateway")?,
            steps: steps.collect::<Result<_, _>>()?,
            secret: row.json("secret")?,
            report: row.json("report")?,
            created_at: row.created_at()?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![
            Value::Text(self.peer_address.clone()),
            Value::Text(json(Self::WHAT, &self.peer_cidrs)?),
            Value::Text(json(Self::WHAT, &self.local_cidrs)?),
            Value::Text(json(Self::WHAT, &self.test_addresses)?),
            Value::Text(self.recipient.clone()),
            Value::Text(text(self.connection)),
            Value::OptionalText(self.made_gateway.map(text)),
        ])
    }

    fn values(&self, _key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let step = |step: &RequestStep| (step.state, nanoseconds(step.at), step.by.map(text));
        let steps: Vec<StoredStep> = self.steps.iter().map(step).collect();
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(json(Self::WHAT, &steps)?),
            Value::Text(json(Self::WHAT, &self.secret)?),
            Value::Text(json(Self::WHAT, &self.report)?),
        ])
    }
}

fn read_step(row: &Stored<'_>, (state, at, by): StoredStep) -> Result<RequestStep, StoreError> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(at.into());
    let by = by.map(|text| text.parse::<Actor>()).transpose();
    Ok(RequestStep {
        state,
        at: at.map_err(|error| row.corrupt(error))?,
        by: by.map_err(|error| row.corrupt(error))?,
    })
}
