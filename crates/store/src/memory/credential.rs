//! [`ApiKeys`], [`ApplicationCredentials`] and [`RevokedTokens`] in memory.

use adit_model::user::{ApiKey, KeyHash, RevokedToken};
use adit_model::{ApiKeyId, ApplicationCredential, ApplicationCredentialId, TokenId, UserId};
use async_trait::async_trait;
use time::OffsetDateTime;

use super::{MemoryTransaction, need};
use crate::{
    ApiKeys, ApplicationCredentials, RevokedTokens, StoreError, WriteApiKeys,
    WriteApplicationCredentials, WriteRevokedTokens,
};

#[async_trait]
impl ApiKeys for MemoryTransaction {
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.tables.api_keys.get(hash).cloned())
    }

    async fn api_key_of_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut keys = self.tables.api_keys.values();
        Ok(keys.find(|key| key.id == id).cloned())
    }

    async fn api_keys(&mut self, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
        let keys = self.tables.api_keys.values();
        let mut keys: Vec<_> = keys.filter(|key| key.user == user).cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }
}

#[async_trait]
impl WriteApiKeys for MemoryTransaction {
    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        self.identity = true;
        need(self.tables.users.contains_key(&row.user))?;
        let keys = &mut self.writable().api_keys;
        if keys
            .values()
            .any(|key| key.hash == row.hash || key.id == row.id)
        {
            return Err(StoreError::Duplicate);
        }
        keys.insert(row.hash, row.clone());
        Ok(())
    }

    async fn update_api_key(&mut self, row: &ApiKey) -> Result<bool, StoreError> {
        let mut keys = self.writable().api_keys.values_mut();
        let Some(key) = keys.find(|key| key.id == row.id) else {
            return Ok(false);
        };
        key.name.clone_from(&row.name);
        key.description.clone_from(&row.description);
        Ok(true)
    }

    async fn delete_api_key(&mut self, id: ApiKeyId) -> Result<bool, StoreError> {
        self.identity = true;
        let keys = &mut self.writable().api_keys;
        let before = keys.len();
        keys.retain(|_, key| key.id != id);
        Ok(keys.len() < before)
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.identity = true;
        let keys = &mut self.writable().api_keys;
        let before = keys.len();
        keys.retain(|_, key| key.user != user);
        Ok(before.saturating_sub(keys.len()) as u64)
    }
}

#[async_trait]
impl ApplicationCredentials for MemoryTransaction {
    async fn application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<Option<ApplicationCredential>, StoreError> {
        Ok(self.tables.application_credentials.get(&id).cloned())
    }

    async fn application_credentials(
        &mut self,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, StoreError> {
        let rows = self.tables.application_credentials.values();
        let mut rows: Vec<_> = rows.filter(|row| row.user == user).cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }
}

#[async_trait]
impl WriteApplicationCredentials for MemoryTransaction {
    async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        self.identity = true;
        need(self.tables.users.contains_key(&row.user))?;
        self.need_project(row.project)?;
        let rows = &mut self.writable().application_credentials;
        if rows
            .values()
            .any(|other| other.id == row.id || (other.user == row.user && other.name == row.name))
        {
            return Err(StoreError::Duplicate);
        }
        rows.insert(row.id, row.clone());
        Ok(())
    }

    async fn delete_application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<bool, StoreError> {
        self.identity = true;
        let rows = &mut self.writable().application_credentials;
        Ok(rows.remove(&id).is_some())
    }
}

#[async_trait]
impl RevokedTokens for MemoryTransaction {
    async fn is_token_revoked(&mut self, id: TokenId) -> Result<bool, StoreError> {
        Ok(self.tables.revoked_tokens.contains_key(&id))
    }
}

#[async_trait]
impl WriteRevokedTokens for MemoryTransaction {
    async fn insert_revoked_token(&mut self, row: &RevokedToken) -> Result<(), StoreError> {
        self.identity = true;
        self.writable().revoked_tokens.insert(row.id, *row);
        Ok(())
    }

    async fn delete_revoked_tokens(&mut self, before: OffsetDateTime) -> Result<u64, StoreError> {
        self.identity = true;
        let rows = &mut self.writable().revoked_tokens;
        let count = rows.len();
        rows.retain(|_, row| row.expires_at >= before);
        Ok(count.saturating_sub(rows.len()) as u64)
    }
}
