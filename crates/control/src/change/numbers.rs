//! Numbers of things. What is told of in the change log is the thing itself.

use adit_model::ProjectId;
use adit_store::{NumberOf, StoreError};

use super::Change;

impl Change {
    /// See [`adit_store::WriteNumbers::give_number`].
    pub(crate) async fn give_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<u32, StoreError> {
        self.unit().tx.give_number(project, of, thing).await
    }

    /// See [`adit_store::WriteNumbers::forget_number`].
    pub(crate) async fn forget_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<bool, StoreError> {
        self.unit().tx.forget_number(project, of, thing).await
    }
}
