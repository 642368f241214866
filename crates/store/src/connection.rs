//! Wishes for tunnels.

use adit_model::{
    Connection, ConnectionId, GatewayId, IkePolicyId, IpsecPolicyId, ProjectId, Revision,
};
use async_trait::async_trait;

use crate::StoreError;

/// Wishes for tunnels.
#[async_trait]
pub trait Connections: Send {
    /// The project's connection of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<Connection>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections(&mut self, project: ProjectId) -> Result<Vec<Connection>, StoreError>;

    /// Everybody's, oldest first. For reconcilers.
    ///
    /// # Errors
    /// The store can't answer.
    async fn all_connections(&mut self) -> Result<Vec<Connection>, StoreError>;

    /// The connections of a gateway, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections_of_gateway(
        &mut self,
        gateway: GatewayId,
    ) -> Result<Vec<Connection>, StoreError>;

    /// The connections that name this policy, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections_of_ike_policy(
        &mut self,
        policy: IkePolicyId,
    ) -> Result<Vec<Connection>, StoreError>;

    /// The connections that name this policy, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn connections_of_ipsec_policy(
        &mut self,
        policy: IpsecPolicyId,
    ) -> Result<Vec<Connection>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_connection(&mut self, row: &Connection) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_connection(&mut self, row: &Connection) -> Result<Revision, StoreError>;

    /// Deletes the project's connection of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<bool, StoreError>;
}
