//! [`ApiKeys`], [`ApplicationCredentials`] and [`RevokedTokens`] in SQL.

use adit_model::user::{ApiKey, KeyHash, PasswordHash, RevokedToken};
use adit_model::{ApiKeyId, ApplicationCredential, ApplicationCredentialId, TokenId, UserId};
use adit_store::{
    ApiKeys, ApplicationCredentials, RevokedTokens, StoreError, WriteApiKeys,
    WriteApplicationCredentials, WriteRevokedTokens,
};
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::column::{Stored, nanoseconds, text};
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

const API_KEY: &str = "API key";

fn read_api_key(row: &Stored<'_>) -> Result<ApiKey, StoreError> {
    let hash = <[u8; 32]>::try_from(row.octets("hash")?).map_err(|e| row.corrupt(e))?;
    Ok(ApiKey {
        id: row.parsed("id")?,
        name: row.name()?,
        description: row.plain("description")?,
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
impl<S: Session> ApiKeys for SqlTransaction<S> {
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let sql = "SELECT * FROM api_keys WHERE hash = ?";
        self.session
            .row(
                API_KEY,
                Statement::new(sql, values![hash.0.to_vec()]),
                read_api_key,
            )
            .await
    }

    async fn api_key_of_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let sql = "SELECT * FROM api_keys WHERE id = ?";
        let statement = Statement::new(sql, values![text(id)]);
        self.session.row(API_KEY, statement, read_api_key).await
    }

    async fn api_keys(&mut self, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
        let sql = "SELECT * FROM api_keys WHERE \"user\" = ? ORDER BY created_at, id";
        let statement = Statement::new(sql, values![text(user)]);
        let rows = self
            .session
            .rows(Finds::Many, API_KEY, statement, read_api_key);
        rows.await
    }
}

#[async_trait]
impl<S: Session> WriteApiKeys for SqlTransaction<S> {
    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        self.identity = true;
        self.session
            .execute(Statement::new(
                "INSERT INTO api_keys (id, name, description, hash, \"user\", created_at) \
                 VALUES (?, ?, ?, ?, ?, ?)",
                values![
                    text(row.id),
                    text(&row.name),
                    row.description.clone(),
                    row.hash.0.to_vec(),
                    text(row.user),
                    nanoseconds(row.created_at)
                ],
            ))
            .await?;
        Ok(())
    }

    async fn update_api_key(&mut self, row: &ApiKey) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET name = ?, description = ? WHERE id = ?";
        let values = values![text(&row.name), row.description.clone(), text(row.id)];
        Ok(self.session.execute(Statement::new(sql, values)).await? > 0)
    }

    async fn delete_api_key(&mut self, id: ApiKeyId) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "DELETE FROM api_keys WHERE id = ?";
        let statement = Statement::new(sql, values![text(id)]);
        Ok(self.session.execute(statement).await? > 0)
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.identity = true;
        let statement = Statement::new(
            "DELETE FROM api_keys WHERE \"user\" = ?",
            values![text(user)],
        );
        self.session.execute(statement).await
    }
}

#[async_trait]
impl<S: Session> ApplicationCredentials for SqlTransaction<S> {
    async fn application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<Option<ApplicationCredential>, StoreError> {
        let sql = "SELECT * FROM application_credentials WHERE id = ?";
        self.session
            .row(
                APPLICATION_CREDENTIAL,
                Statement::new(sql, values![text(id)]),
                read_application_credential,
            )
            .await
    }

    async fn application_credentials(
        &mut self,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, StoreError> {
        let sql = "SELECT * FROM application_credentials WHERE \"user\" = ? ORDER BY name";
        let statement = Statement::new(sql, values![text(user)]);
        let (what, read) = (APPLICATION_CREDENTIAL, read_application_credential);
        self.session.rows(Finds::Many, what, statement, read).await
    }
}

#[async_trait]
impl<S: Session> WriteApplicationCredentials for SqlTransaction<S> {
    async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO application_credentials (id, name, description, \"user\", project, role, \
                   secret, unrestricted, created_at, expires_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.session
            .execute(Statement::new(
                sql,
                values![
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
            ))
            .await?;
        Ok(())
    }

    async fn delete_application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<bool, StoreError> {
        self.identity = true;
        let statement = Statement::new(
            "DELETE FROM application_credentials WHERE id = ?",
            values![text(id)],
        );
        Ok(self.session.execute(statement).await? > 0)
    }
}

#[async_trait]
impl<S: Session> RevokedTokens for SqlTransaction<S> {
    async fn is_token_revoked(&mut self, id: TokenId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM revoked_tokens WHERE id = ?";
        let statement = Statement::new(sql, values![text(id)]);
        let found = self.session.row("revoked token", statement, |_| Ok(()));
        Ok(found.await?.is_some())
    }
}

#[async_trait]
impl<S: Session> WriteRevokedTokens for SqlTransaction<S> {
    async fn insert_revoked_token(&mut self, row: &RevokedToken) -> Result<(), StoreError> {
        self.identity = true;
        let sql =
            "INSERT INTO revoked_tokens (id, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING";
        self.session
            .execute(Statement::new(
                sql,
                values![text(row.id), nanoseconds(row.expires_at)],
            ))
            .await?;
        Ok(())
    }

    async fn delete_revoked_tokens(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.identity = true;
        let statement = Statement::new(
            "DELETE FROM revoked_tokens WHERE expires_at < ?",
            values![nanoseconds(before)],
        );
        self.session.execute(statement).await
    }
}
