//! Gateways as a router's owner makes them: on a router with a way outside, with connections that
//! say where they lead, and kept as long as there are any.

use adit_model::gateway::GatewayStatus;
use adit_model::{Gateway, GatewayId, Name, Reason, Revision, RouterId, SubnetId};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun};
use crate::misfit::Misfit;
use crate::quota::Resource;
use crate::{Caller, Control, attached_subnet, gateway, router};

/// What a service is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewService {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// The router.
    pub router: RouterId,
    /// The one subnet that its connections lead to, unless they say themselves.
    pub subnet: Option<SubnetId>,
    /// Whether its connections are wanted up.
    pub admin_state_up: bool,
}

/// What to change of a service; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServiceChange {
    /// What to call it.
    pub name: Option<Name>,
    /// What to say of it.
    pub description: Option<String>,
    /// Whether its connections are wanted up.
    pub admin_state_up: Option<bool>,
}

/// A service and how it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceView {
    /// The gateway.
    pub gateway: Gateway,
    /// How far it has come.
    pub status: GatewayStatus,
    /// Whether its router forwards.
    pub router_up: bool,
    /// Why it is not available.
    pub reasons: Vec<Reason>,
}

impl Control {
    /// Makes a service; it has its public address at once.
    ///
    /// # Errors
    /// No such router, it has no way outside, the subnet is not on it, no address is left, or the
    /// quota is used up.
    pub async fn create_service(
        &self,
        caller: &Caller,
        new: NewService,
    ) -> Result<ServiceView, Error> {
        let mut tx = self.change(caller).await?;
        self.check_quota(&mut *tx, caller.project, Resource::Gateway)
            .await?;
        let router = router::find(&mut *tx, caller, new.router).await?;
        if let Some(subnet) = new.subnet {
            let on_router = attached_subnet::of_router(&mut *tx, router.id).await?;
            if !on_router.iter().any(|row| row.id == subnet) {
                let router = router.id;
                return Err(Misfit::SubnetNotOnRouter { subnet, router }.into());
            }
        }
        let Some(external) = router.external else {
            return Err(Misfit::RouterNotExternal(router.id).into());
        };
        let with_v6 = external.addresses.v6.is_some();
        let row = Gateway {
            id: GatewayId::random(),
            project: caller.project,
            router: router.id,
            subnet: new.subnet,
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            addresses: self.free_outer(&mut *tx, caller.project, with_v6).await?,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        let view = self.service_view(&mut *tx, row).await?;
        let held = view.gateway.clone();
        tx.then(move |inner| inner.view.hold(&held));
        tx.commit().await?;
        Ok(view)
    }

    /// The services that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_services(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<ServiceView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::new();
        for row in tx.page_gateways(caller.within(query)).await? {
            views.push(self.service_view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One service.
    ///
    /// # Errors
    /// It is not there.
    pub async fn service(&self, caller: &Caller, id: GatewayId) -> Result<ServiceView, Error> {
        let mut tx = self.read().await?;
        let row = gateway::find(&mut *tx, caller, id).await?;
        self.service_view(&mut *tx, row).await
    }

    /// Changes a service.
    ///
    /// # Errors
    /// It is not there.
    pub async fn update_service(
        &self,
        caller: &Caller,
        id: GatewayId,
        change: ServiceChange,
    ) -> Result<ServiceView, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = gateway::find(&mut *tx, caller, id).await?;
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        row.revision = tx.update(&row).await?;
        let view = self.service_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a service that has no connections.
    ///
    /// # Errors
    /// It is not there, or has connections.
    pub async fn delete_service(&self, caller: &Caller, id: GatewayId) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = gateway::find(&mut *tx, caller, id).await?;
        let query = Query {
            limit: Some(1),
            ..Query::hanging_on(Noun::Gateway, id.uuid())
        };
        let users = tx.page_connections(query).await?;
        Error::used(
            Noun::Gateway,
            Noun::Connection,
            users.iter().map(|row| row.id.uuid()),
        )?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn service_view(
        &self,
        tx: &mut dyn Transaction,
        gateway: Gateway,
    ) -> Result<ServiceView, Error> {
        let router = tx.any_router(gateway.router).await?;
        let observed = self.0.view.gateway(&gateway, self.now());
        Ok(ServiceView {
            status: observed.status,
            router_up: router.is_some_and(|router| router.admin_state_up),
            reasons: observed.reasons,
            gateway,
        })
    }
}
