//! [`Connections`] in SQLite.

use adit_crypto::{EnvelopeKey, SystemRandom};
use adit_model::{
    Connection, ConnectionId, GatewayId, IkePolicyId, IpsecPolicyId, ProjectId, Psk, Revision,
};
use adit_store::{Connections, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, json, nanoseconds, revision, text};

const WHAT: &str = "connection";

fn read(key: &EnvelopeKey, row: &SqliteRow) -> Result<Connection, StoreError> {
    let row = Stored { what: WHAT, row };
    let id = row.parsed("id")?;
    let envelope: Vec<u8> = row.plain("psk")?;
    let psk = key
        .open(&context(id), &envelope)
        .map_err(|e| row.corrupt(e))?;
    let psk = Psk::new(psk.as_slice().to_vec()).map_err(|e| row.corrupt(e))?;
    Ok(Connection {
        id,
        project: row.parsed("project")?,
        name: row.name()?,
        gateway: row.parsed("gateway")?,
        peer_address: row.parsed("peer_address")?,
        psk,
        local_cidrs: row.json("local_cidrs")?,
        peer_cidrs: row.json("peer_cidrs")?,
        dead_peer_detection: row.json("dead_peer_detection")?,
        ike_policy: row.parsed_option("ike_policy")?,
        ipsec_policy: row.parsed_option("ipsec_policy")?,
        admin_state_up: row.plain("admin_state_up")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

/// What a key's envelope is bound to: copied to another row, it doesn't open.
fn context(id: ConnectionId) -> Vec<u8> {
    format!("connection {id} psk").into_bytes()
}

impl SqliteTransaction {
    fn sealed(&self, row: &Connection) -> Vec<u8> {
        self.key
            .seal(&mut SystemRandom, &context(row.id), row.psk.expose())
    }
}

#[async_trait]
impl Connections for SqliteTransaction {
    async fn connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<Connection>, StoreError> {
        let row = sqlx::query("SELECT * FROM connections WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.map(|row| read(&self.key, &row)).transpose()
    }

    async fn connections(&mut self, project: ProjectId) -> Result<Vec<Connection>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM connections WHERE project = ? ORDER BY created_at, id")
                .bind(text(project))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(|row| read(&self.key, row)).collect()
    }

    async fn all_connections(&mut self) -> Result<Vec<Connection>, StoreError> {
        let rows = sqlx::query("SELECT * FROM connections ORDER BY created_at, id")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(|row| read(&self.key, row)).collect()
    }

    async fn connections_of_gateway(
        &mut self,
        gateway: GatewayId,
    ) -> Result<Vec<Connection>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM connections WHERE gateway = ? ORDER BY created_at, id")
                .bind(text(gateway))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(|row| read(&self.key, row)).collect()
    }

    async fn connections_of_ike_policy(
        &mut self,
        policy: IkePolicyId,
    ) -> Result<Vec<Connection>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM connections WHERE ike_policy = ? ORDER BY created_at, id")
                .bind(text(policy))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(|row| read(&self.key, row)).collect()
    }

    async fn connections_of_ipsec_policy(
        &mut self,
        policy: IpsecPolicyId,
    ) -> Result<Vec<Connection>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM connections WHERE ipsec_policy = ? ORDER BY created_at, id")
                .bind(text(policy))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(|row| read(&self.key, row)).collect()
    }

    async fn insert_connection(&mut self, row: &Connection) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO connections (id, project, name, gateway, peer_address, psk, local_cidrs, \
             peer_cidrs, dead_peer_detection, ike_policy, ipsec_policy, admin_state_up, created_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(text(row.gateway))
        .bind(text(row.peer_address))
        .bind(self.sealed(row))
        .bind(json(WHAT, &row.local_cidrs)?)
        .bind(json(WHAT, &row.peer_cidrs)?)
        .bind(json(WHAT, &row.dead_peer_detection)?)
        .bind(row.ike_policy.map(text))
        .bind(row.ipsec_policy.map(text))
        .bind(row.admin_state_up)
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_connection(&mut self, row: &Connection) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE connections SET name = ?, peer_address = ?, psk = ?, local_cidrs = ?, peer_cidrs = ?, dead_peer_detection = ?, \
             ike_policy = ?, ipsec_policy = ?, admin_state_up = ?, revision = ? \
             WHERE project = ? AND id = ? AND revision = ?",
        )
        .bind(row.name.as_str())
        .bind(text(row.peer_address))
        .bind(self.sealed(row))
        .bind(json(WHAT, &row.local_cidrs)?)
        .bind(json(WHAT, &row.peer_cidrs)?)
        .bind(json(WHAT, &row.dead_peer_detection)?)
        .bind(row.ike_policy.map(text))
        .bind(row.ipsec_policy.map(text))
        .bind(row.admin_state_up)
        .bind(revision(row.revision.next()))
        .bind(text(row.project))
        .bind(text(row.id))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Stale);
        }
        Ok(row.revision.next())
    }

    async fn delete_connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM connections WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
