//! A subnet as it is seen from its router.

use adit_model::{NetworkAcl, PublicGateway, Router, RouterId, Subnet, SubnetId};
use adit_store::{Only, Query, Transaction};

use super::{find, visible};
use crate::error::{Error, Noun};
use crate::listed::{Listed, Part, listed};
use crate::{Caller, Control, address, network_acl, on_router, router};

/// A subnet, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetView {
    /// As the store has it.
    pub subnet: Subnet,
    /// The router it is on.
    pub router: Router,
    /// What may pass its edge; nothing is filtered where there is none.
    pub network_acl: Option<NetworkAcl>,
    /// What its machines get outside by.
    pub public_gateway: Option<PublicGateway>,
    /// How many addresses are left for machines and gateways.
    pub available: u64,
}

/// A subnet, wherever it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetPlace {
    /// As the store has it.
    pub subnet: Subnet,
    /// The routers that have an interface on it, oldest first.
    pub routers: Vec<RouterId>,
    /// How many addresses are left for machines; unknown of what leads outside.
    pub available: Option<u64>,
}

impl Control {
    /// Subnets with where they are.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn subnet_places(&self, rows: Vec<Subnet>) -> Result<Vec<SubnetPlace>, Error> {
        let mut tx = self.read().await?;
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            places.push(self.subnet_place_of(&mut *tx, row).await?);
        }
        Ok(places)
    }

    /// One subnet that the caller may see.
    ///
    /// # Errors
    /// It is not there.
    pub async fn subnet_place(&self, caller: &Caller, id: SubnetId) -> Result<SubnetPlace, Error> {
        let mut tx = self.read().await?;
        let row = visible(&mut *tx, caller, id).await?;
        self.subnet_place_of(&mut *tx, row).await
    }

    async fn subnet_place_of(
        &self,
        tx: &mut dyn Transaction,
        subnet: Subnet,
    ) -> Result<SubnetPlace, Error> {
        let ports = tx.ports_of_subnet(subnet.id).await?;
        let routers = ports.iter().filter_map(|port| port.device.router());
        let routers = routers.collect();
        let available = match self.0.is_external(subnet.network) {
            true => None,
            false => {
                let of_gateway = self.0.config.limits.addresses_of_gateway;
                Some(address::available(tx, &subnet, of_gateway).await?)
            }
        };
        Ok(SubnetPlace {
            subnet,
            routers,
            available,
        })
    }

    /// A part of the project's subnets that are on a router, oldest first. What goes with each is in
    /// [`Self::subnet_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn subnets_on_routers(
        &self,
        caller: &Caller,
        part: Part,
    ) -> Result<Listed<Subnet>, Error> {
        let mut tx = self.read().await?;
        let query = Query {
            only: Some(Only::OnRouters),
            ..Query::of_project(caller.project)
        };
        Ok(listed::<Subnet>(&mut *tx, query, part).await?)
    }

    /// The subnets of one of the project's routers.
    ///
    /// # Errors
    /// The router is not there.
    pub async fn subnets_of_router(
        &self,
        caller: &Caller,
        id: RouterId,
    ) -> Result<Vec<Subnet>, Error> {
        let mut tx = self.read().await?;
        let row = router::find(&mut *tx, caller, id).await?;
        Ok(on_router::subnets(&mut *tx, row.id).await?)
    }

    /// Subnets with what goes with them, as far as they are on a router.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn subnet_views(&self, rows: Vec<Subnet>) -> Result<Vec<SubnetView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            match self.view_subnet(&mut *tx, row).await {
                Err(Error::NotFound(_)) => {}
                view => views.push(view?),
            }
        }
        Ok(views)
    }

    /// One of the project's subnets that are on a router.
    ///
    /// # Errors
    /// It is not there.
    pub async fn subnet_view(&self, caller: &Caller, id: SubnetId) -> Result<SubnetView, Error> {
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        self.view_subnet(&mut *tx, row).await
    }

    async fn view_subnet(
        &self,
        tx: &mut dyn Transaction,
        subnet: Subnet,
    ) -> Result<SubnetView, Error> {
        let id = on_router::router_of(tx, subnet.id).await?;
        let router = tx.any_router(id).await?;
        let network_acl = network_acl::of_subnet(tx, &subnet, id).await?;
        let public_gateway = match subnet.public_gateway {
            Some(id) => tx.any_public_gateway(id).await?,
            None => None,
        };
        let of_gateway = self.0.config.limits.addresses_of_gateway;
        Ok(SubnetView {
            router: router.ok_or(Error::NotFound(Noun::Router))?,
            network_acl,
            public_gateway,
            available: address::available(tx, &subnet, of_gateway).await?,
            subnet,
        })
    }
}
