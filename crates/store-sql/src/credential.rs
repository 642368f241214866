//! [`ApiKeys`], [`ApplicationCredentials`] and [`RevokedTokens`] in SQLite.

use adit_model::user::{ApiKey, KeyHash, PasswordHash, RevokedToken};
use adit_model::{ApplicationCredential, ApplicationCredentialId, TokenId, UserId};
use adit_store::{ApiKeys, ApplicationCredentials, RevokedTokens, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, text};

fn read_api_key(row: &SqliteRow) -> Result<ApiKey, StoreError> {
    let row = Stored {
        what: "API key",
        row,
    };
    let hash: Vec<u8> = row.plain("hash")?;
    let hash = <[u8; 32]>::try_from(hash.as_slice()).map_err(|e| row.corrupt(e))?;
    Ok(ApiKey {
        hash: KeyHash(hash),
        user: row.parsed("user")?,
        created_at: row.created_at()?,
    })
}

fn read_application_credential(row: &SqliteRow) -> Result<ApplicationCredential, StoreError> {
    let row = Stored {
        what: "application credential",
        row,
    };
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
        let row = sqlx::query("SELECT * FROM api_keys WHERE hash = ?")
            .bind(hash.0.to_vec())
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read_api_key).transpose()
    }

    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        self.identity = true;
        sqlx::query("INSERT INTO api_keys (hash, user, created_at) VALUES (?, ?, ?)")
            .bind(row.hash.0.to_vec())
            .bind(text(row.user))
            .bind(nanoseconds(row.created_at))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.identity = true;
        let done = sqlx::query("DELETE FROM api_keys WHERE user = ?")
            .bind(text(user))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected())
    }
}

#[async_trait]
impl ApplicationCredentials for SqliteTransaction {
    async fn application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<Option<ApplicationCredential>, StoreError> {
        let row = sqlx::query("SELECT * FROM application_credentials WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read_application_credential).transpose()
    }

    async fn application_credentials(
        &mut self,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM application_credentials WHERE user = ? ORDER BY name")
                .bind(text(user))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(read_application_credential).collect()
    }

    async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO application_credentials (id, name, description, user, project, role, \
                   secret, unrestricted, created_at, expires_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(text(row.id))
            .bind(row.name.as_str())
            .bind(row.description.as_str())
            .bind(text(row.user))
            .bind(text(row.project))
            .bind(row.role.as_str())
            .bind(row.secret.0.as_str())
            .bind(row.unrestricted)
            .bind(nanoseconds(row.created_at))
            .bind(row.expires_at.map(nanoseconds))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn delete_application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<bool, StoreError> {
        self.identity = true;
        let done = sqlx::query("DELETE FROM application_credentials WHERE id = ?")
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}

#[async_trait]
impl RevokedTokens for SqliteTransaction {
    async fn is_token_revoked(&mut self, id: TokenId) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM revoked_tokens WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(row.is_some())
    }

    async fn insert_revoked_token(&mut self, row: &RevokedToken) -> Result<(), StoreError> {
        self.identity = true;
        let sql =
            "INSERT INTO revoked_tokens (id, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(text(row.id))
            .bind(nanoseconds(row.expires_at))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn delete_revoked_tokens(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.identity = true;
        let done = sqlx::query("DELETE FROM revoked_tokens WHERE expires_at < ?")
            .bind(nanoseconds(before))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected())
    }
}
