//! VPN endpoints. Two can't have one public address. Deleting one deletes its connections.

use adit_model::{Gateway, GatewayId, ProjectId, Revision, RouterId};
use async_trait::async_trait;

use crate::StoreError;

/// VPN endpoints. Two can't have one public address. Deleting one deletes its connections.
#[async_trait]
pub trait Gateways: Send {
    /// The project's gateway of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<Option<Gateway>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn gateways(&mut self, project: ProjectId) -> Result<Vec<Gateway>, StoreError>;

    /// The gateway of this id, whosever it is. For reconcilers.
    ///
    /// # Errors
    /// The store can't answer.
    async fn any_gateway(&mut self, id: GatewayId) -> Result<Option<Gateway>, StoreError>;

    /// Everybody's, oldest first. For reconcilers.
    ///
    /// # Errors
    /// The store can't answer.
    async fn all_gateways(&mut self) -> Result<Vec<Gateway>, StoreError>;

    /// The gateways of a router, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn gateways_of_router(&mut self, router: RouterId) -> Result<Vec<Gateway>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_gateway(&mut self, row: &Gateway) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_gateway(&mut self, row: &Gateway) -> Result<Revision, StoreError>;

    /// Deletes the project's gateway of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<bool, StoreError>;
}
