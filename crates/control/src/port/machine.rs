//! Machines: ports that one is plugged in, as they are seen from the router of their first subnet.

use std::net::IpAddr;

use adit_model::port::FixedIp;
use adit_model::{FloatingIp, Port, PortId, ProjectId, Router, SecurityGroup, Subnet};
use adit_store::{Only, Query, Transaction};

use super::{PortChange, Rules, find_machine};
use crate::error::{Error, Noun};
use crate::listed::{Listed, Part, listed};
use crate::{Caller, Control, on_router};

/// A machine's port, its subnet and the subnet's router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineView {
    /// As the store has it; the machine has no row of its own.
    pub port: Port,
    /// Its first address.
    pub address: IpAddr,
    /// The subnet it is on.
    pub subnet: Subnet,
    /// The router that the subnet is on.
    pub router: Router,
    /// Its security groups, as far as they are of a router.
    pub groups: Vec<SecurityGroup>,
    /// The floating IPs that stand for its address.
    pub floating_ips: Vec<FloatingIp>,
    /// Whether it is there already: it has its addresses and its ways.
    pub is_made: bool,
}

impl Control {
    /// Whether the machine that is plugged into a port is there already. It is made after the port
    /// was answered for.
    #[must_use]
    pub fn is_machine_made(&self, port: &Port) -> bool {
        self.0.view.has_machine(port)
    }

    /// A part of the project's machines, oldest first. What goes with each is in
    /// [`Self::machine_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn machines(&self, caller: &Caller, part: Part) -> Result<Listed<Port>, Error> {
        let mut tx = self.read().await?;
        let query = of_project(caller.project);
        Ok(listed::<Port>(&mut *tx, query, part).await?)
    }

    /// Machines with what goes with them, as far as they are on a router.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn machine_views(&self, rows: Vec<Port>) -> Result<Vec<MachineView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::new();
        for row in rows {
            views.extend(self.view_machine(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One machine that is on a router.
    ///
    /// # Errors
    /// It is not there.
    pub async fn machine_view(&self, caller: &Caller, id: PortId) -> Result<MachineView, Error> {
        let mut tx = self.read().await?;
        let row = find_machine(&mut *tx, caller, id).await?;
        let view = self.view_machine(&mut *tx, row).await?;
        view.ok_or(Error::NotFound(Noun::Port))
    }

    /// Changes a machine's port.
    ///
    /// # Errors
    /// As [`Self::update_port`]; it is no machine's, or another machine has the name.
    pub async fn update_machine(
        &self,
        caller: &Caller,
        rules: Rules,
        id: PortId,
        change: PortChange,
    ) -> Result<Port, Error> {
        let mut tx = self.read().await?;
        find_machine(&mut *tx, caller, id).await?;
        drop(tx);
        self.change_port(caller, rules, id, change).await
    }

    async fn view_machine(
        &self,
        tx: &mut dyn Transaction,
        port: Port,
    ) -> Result<Option<MachineView>, Error> {
        let Some(FixedIp { subnet, address }) = port.fixed_ips.first().copied() else {
            return Ok(None);
        };
        let router = match on_router::router_of(tx, subnet).await {
            Err(Error::NotFound(_)) => return Ok(None),
            router => router?,
        };
        let router = tx.any_router(router).await?;
        let subnet = tx.any_subnet(subnet).await?;
        let mut floating_ips = tx.floating_ips_of_port(port.id).await?;
        floating_ips.retain(|row| row.association.is_some_and(|of| of.fixed_ip == address));
        let mut groups = Vec::new();
        for id in &port.security_groups {
            groups.extend(tx.any_security_group(*id).await?);
        }
        groups.retain(|group| group.router.is_some());
        Ok(subnet.zip(router).map(|(subnet, router)| MachineView {
            is_made: self.is_machine_made(&port),
            port,
            address,
            subnet,
            router,
            groups,
            floating_ips,
        }))
    }
}

/// A project's machines.
pub(super) fn of_project(project: ProjectId) -> Query {
    Query {
        only: Some(Only::Machines),
        ..Query::of_project(project)
    }
}
