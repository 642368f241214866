//! Tunnel contexts in SQL. Their keys are sealed.

use adit_crypto::{EnvelopeKey, SystemRandom};
use adit_model::{Noun, Psk, TunnelContext, TunnelContextId};
use adit_store::StoreError;

use crate::column::{Stored, Value, json, nanoseconds, text};
use crate::rows::{List, Table};

/// What a key's envelope is bound to: copied to another row, it doesn't open.
fn context(id: TunnelContextId) -> Vec<u8> {
    format!("tunnel context {id} psk").into_bytes()
}

impl Table for TunnelContext {
    const WHAT: &'static str = "tunnel context";
    const TABLE: &'static str = "tunnel_contexts";
    const FIXED: &'static [&'static str] = &["gateway"];
    const COLUMNS: &'static [&'static str] =
        &["name", "staged", "psk", "running", "ends_at", "updated_at"];
    const OF: &'static [(Noun, &'static str)] = &[];
    const LISTS: &'static [List] = &[];

    fn read(row: &Stored<'_>, key: &EnvelopeKey) -> Result<Self, StoreError> {
        let id = row.parsed("id")?;
        // One that can't be opened is this row's trouble alone, as a connection's is.
        let psk = key.open(&context(id), row.octets("psk")?).ok();
        let psk = psk.and_then(|psk| Psk::new(psk.as_slice().to_vec()).ok());
        Ok(Self {
            id,
            project: row.parsed("project")?,
            name: row.name()?,
            gateway: row.parsed("gateway")?,
            staged: row.json("staged")?,
            psk: psk.unwrap_or_else(Psk::lost),
            running: row.json("running")?,
            ends_at: row.time_option("ends_at")?,
            created_at: row.created_at()?,
            updated_at: row.time("updated_at")?,
            revision: row.revision()?,
        })
    }

    fn fixed(&self) -> Result<Vec<Value>, StoreError> {
        Ok(vec![Value::Text(text(self.gateway))])
    }

    fn values(&self, key: &EnvelopeKey) -> Result<Vec<Value>, StoreError> {
        let sealed = key.seal(&mut SystemRandom, &context(self.id), self.psk.expose());
        Ok(vec![
            Value::Text(self.name.to_string()),
            Value::Text(json(Self::WHAT, &self.staged)?),
            Value::Octets(sealed),
            Value::Text(json(Self::WHAT, &self.running)?),
            Value::from(self.ends_at.map(nanoseconds)),
            Value::Number(nanoseconds(self.updated_at)),
        ])
    }
}
