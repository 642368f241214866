//! What each router has by itself, made when it is first looked at: its default network ACL and security group.

use std::collections::HashMap;

use adit_model::change::Actor;
use adit_model::{Router, RouterId};
use adit_store::Transaction;

use crate::Control;
use crate::change::Change;
use crate::error::Error;

/// Something that each router has one of by itself.
pub(crate) trait RouterDefault: Sized + Send {
    /// A router's, if it is there.
    fn known(
        tx: &mut dyn Transaction,
        router: RouterId,
    ) -> impl Future<Output = Result<Option<Self>, Error>> + Send;

    /// A router's, made if it is not there.
    fn make(
        control: &Control,
        tx: &mut Change,
        router: &Router,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl Control {
    /// That of each of these routers, made where it is not there yet.
    pub(crate) async fn defaults_of_routers<T: RouterDefault>(
        &self,
        routers: &[Router],
    ) -> Result<HashMap<RouterId, T>, Error> {
        let mut found = HashMap::new();
        let mut tx = self.read().await?;
        for router in routers {
            let default = T::known(&mut *tx, router.id).await?;
            found.extend(default.map(|default| (router.id, default)));
        }
        drop(tx);
        if routers.iter().all(|router| found.contains_key(&router.id)) {
            return Ok(found);
        }
        let mut making = self.change_by(Actor::Service).await?;
        for router in routers {
            // One that went in the meantime needs none.
            if let Some(router) = making.any_router(router.id).await? {
                let default = T::make(self, &mut making, &router).await?;
                found.insert(router.id, default);
            }
        }
        making.commit().await?;
        Ok(found)
    }
}
