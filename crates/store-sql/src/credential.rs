//! [`ApiKeys`], [`ApplicationCredentials`] and [`RevokedTokens`] in SQLite.

use adit_model::user::{ApiKey, KeyHash, PasswordHash, RevokedToken};
use adit_model::{ApplicationCredential, ApplicationCredentialId, TokenId, UserId};
use adit_store::{
    ApiKeys, ApplicationCredentials, RevokedTokens, StoreError, WriteApiKeys,
    WriteApplicationCredentials, WriteRevokedTokens,
};
use async_trait::async_trait;
use rusqlite::params;
use time::OffsetDateTime;

use crate::SqliteTransaction;
use crate::column::{self, Stored, execute, nanoseconds, text};

const API_KEY: &str = "API key";

fn read_api_key(row: &Stored<'_>) -> Result<ApiKey, StoreError> {
    let hash = <[u8; 32]>::try_from(row.octets("hash")?).map_err(|e| row.corrupt(e))?;
    Ok(ApiKey {
        hash: KeyHash(hash),
        user: row.parsed("user")?,
        created_at: row.created_at()?,
    })
}

const APPLICATION_CREDENTIAL: &str = "application credential";

fn read_application_credential(row: &Stored<'_>) -> Result<ApplicationCredential, StoreError> {
    Ok(ApplicationCredential {
        id: row.parsed("id")?,
        name: row.name()?,
        description: row.plain("description")?,
        user: row.parsed("user")?,
        project: row.parsed("project")?,
        role: row.parsed("role")?,
        secret: PasswordHash(row.plain("secret")?),
        unrestricted: row.plain("unrestricted")?,
        created_at: row.created_at()?,
        expires_at: row.time_option("expires_at")?,
    })
}

#[async_trait]
impl ApiKeys for SqliteTransaction {
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let sql = "SELECT * FROM api_keys WHERE hash = ?";
        column::row(
            self.connection()?,
            API_KEY,
            sql,
            [hash.0.to_vec()],
            read_api_key,
        )
    }
}

#[async_trait]
impl WriteApiKeys for SqliteTransaction {
    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        self.identity = true;
        execute(
            self.connection()?,
            "INSERT INTO api_keys (hash, user, created_at) VALUES (?, ?, ?)",
            params![
                row.hash.0.to_vec(),
                text(row.user),
                nanoseconds(row.created_at)
            ],
        )?;
        Ok(())
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.identity = true;
        let done = execute(
            self.connection()?,
            "DELETE FROM api_keys WHERE user = ?",
            [text(user)],
        )?;
        Ok(done as u64)
    }
}

#[async_trait]
impl ApplicationCredentials for SqliteTransaction {
    async fn application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<Option<ApplicationCredential>, StoreError> {
        let sql = "SELECT * FROM application_credentials WHERE id = ?";
        column::row(
            self.connection()?,
            APPLICATION_CREDENTIAL,
            sql,
            [text(id)],
            read_application_credential,
        )
    }

    async fn application_credentials(
        &mut self,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, StoreError> {
        let sql = "SELECT * FROM application_credentials WHERE user = ? ORDER BY name";
        let (what, read) = (APPLICATION_CREDENTIAL, read_application_credential);
        self.apart(move |connection| column::rows(connection, what, sql, [text(user)], read))
            .await
    }
}

#[async_trait]
impl WriteApplicationCredentials for SqliteTransaction {
    async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO application_credentials (id, name, description, user, project, role, \
                   secret, unrestricted, created_at, expires_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        execute(
            self.connection()?,
            sql,
            params![
                text(row.id),
                row.name.as_str(),
                row.description.as_str(),
                text(row.user),
                text(row.project),
                row.role.as_str(),
                row.secret.0.as_str(),
                row.unrestricted,
                nanoseconds(row.created_at),
                row.expires_at.map(nanoseconds)
            ],
        )?;
        Ok(())
    }

    async fn delete_application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<bool, StoreError> {
        self.identity = true;
        let done = execute(
            self.connection()?,
            "DELETE FROM application_credentials WHERE id = ?",
            [text(id)],
        )?;
        Ok(done > 0)
    }
}

#[async_trait]
impl RevokedTokens for SqliteTransaction {
    async fn is_token_revoked(&mut self, id: TokenId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM revoked_tokens WHERE id = ?";
        let found = column::row(self.connection()?, "revoked token", sql, [text(id)], |_| {
            Ok(())
        })?;
        Ok(found.is_some())
    }
}

#[async_trait]
impl WriteRevokedTokens for SqliteTransaction {
    async fn insert_revoked_token(&mut self, row: &RevokedToken) -> Result<(), StoreError> {
        self.identity = true;
        let sql =
            "INSERT INTO revoked_tokens (id, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
        execute(
            self.connection()?,
            sql,
            params![text(row.id), nanoseconds(row.expires_at)],
        )?;
        Ok(())
    }

    async fn delete_revoked_tokens(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.identity = true;
        let done = execute(
            self.connection()?,
            "DELETE FROM revoked_tokens WHERE expires_at < ?",
            [nanoseconds(before)],
        )?;
        Ok(done as u64)
    }
}
