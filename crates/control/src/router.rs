//! Routers: a project's routing domains.

use adit_model::{Name, Revision, Router, RouterId};
use adit_store::Transaction;

use crate::error::{Error, Noun, Quota, Rule};
use crate::wake::Key;
use crate::{Caller, Control, Naming};

impl Control {
    /// Makes a router.
    ///
    /// # Errors
    /// The name is taken, or the quota used up.
    pub async fn create_router(
        &self,
        caller: &Caller,
        name: Name,
        naming: Naming,
    ) -> Result<Router, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let siblings = tx.routers(caller.project).await?;
        Error::over(Quota::Routers, siblings.len(), self.0.config.limits.routers)?;
        check_name(&siblings, &name, naming, None)?;
        let row = Router {
            id: RouterId::random(),
            project: caller.project,
            name,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert_router(&row).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(row.id));
        Ok(row)
    }

    /// The project's routers, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn routers(&self, caller: &Caller) -> Result<Vec<Router>, Error> {
        let mut tx = self.0.store.read().await?;
        Ok(tx.routers(caller.project).await?)
    }

    /// One router.
    ///
    /// # Errors
    /// It is not there.
    pub async fn router(&self, caller: &Caller, id: RouterId) -> Result<Router, Error> {
        let mut tx = self.0.store.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// Gives a router another name.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn rename_router(
        &self,
        caller: &Caller,
        id: RouterId,
        name: Name,
        naming: Naming,
    ) -> Result<Router, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let mut row = find(&mut *tx, caller, id).await?;
        check_name(&tx.routers(caller.project).await?, &name, naming, Some(id))?;
        row.name = name;
        row.revision = tx.update_router(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a router.
    ///
    /// # Errors
    /// It is not there, or has subnets.
    pub async fn delete_router(&self, caller: &Caller, id: RouterId) -> Result<(), Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        find(&mut *tx, caller, id).await?;
        if let Some(subnet) = tx.subnets_of_router(id).await?.first() {
            let message = format!("the subnet {} ({}) is in it", subnet.name, subnet.id);
            return Err(Error::conflict(Rule::InUse(Noun::Router), message));
        }
        tx.delete_router(caller.project, id).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(id));
        Ok(())
    }
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: RouterId,
) -> Result<Router, Error> {
    let row = tx.router(caller.project, id).await?;
    row.ok_or(Error::NotFound(Noun::Router))
}

fn check_name(
    siblings: &[Router],
    name: &Name,
    naming: Naming,
    own: Option<RouterId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::Router, names, name, naming, own)
}
