//! Ways outside that routers have for what needs one, and no longer.

use adit_model::RouterId;
use adit_model::router::ExternalGateway;

use crate::change::Change;
use crate::error::{Error, Noun};
use crate::router::WishedExternal;
use crate::{Caller, Control, spec};

impl Control {
    /// Gives a router a way outside, if it has none. By itself nobody gets out by it: what leaves has a
    /// floating IP, or a public gateway, or comes out of a tunnel for a service.
    pub(crate) async fn ensure_way_outside(
        &self,
        tx: &mut Change,
        caller: &Caller,
        router: RouterId,
    ) -> Result<(), Error> {
        let row = tx.any_router(router).await?;
        let mut row = row.ok_or(Error::NotFound(Noun::Router))?;
        if row.external.is_some() {
            return Ok(());
        }
        let wished = WishedExternal {
            enable_snat: false,
            ..WishedExternal::by(self.external_network()?)
        };
        let way = self.way_outside(&mut **tx, caller, None, wished).await?;
        row.external = Some(ExternalGateway {
            on_demand: true,
            ..way
        });
        row.updated_at = self.now();
        tx.update(&row).await?;
        Ok(())
    }

    /// Takes the way outside back that a router had on demand, once nothing needs it any more.
    pub(crate) async fn release_way_outside(
        &self,
        tx: &mut Change,
        router: RouterId,
    ) -> Result<(), Error> {
        let Some(mut row) = tx.any_router(router).await? else {
            return Ok(());
        };
        let is_on_demand = row.external.is_some_and(|external| external.on_demand);
        if !is_on_demand
            || !tx.floating_ips_of_router(router).await?.is_empty()
            || !tx.public_gateways_of_router(router).await?.is_empty()
            || !spec::services(&mut **tx, row.project, router)
                .await?
                .is_empty()
        {
            return Ok(());
        }
        row.external = None;
        row.updated_at = self.now();
        tx.update(&row).await?;
        Ok(())
    }
}
