//! Machines on subnets that were made on a router, for demonstrations and tests: ports that a
//! machine is plugged in, not filtered.

use std::net::IpAddr;

use adit_model::port::{Device, FixedIp};
use adit_model::{MacAddress, Name, Port, PortId, ProjectId, Revision, RouterId, Subnet, SubnetId};
use adit_store::{Only, Query, Transaction};

use crate::error::{Error, Noun, Quota, Rule};
use crate::listed::{Listed, Part, listed};
use crate::rules::{self, Naming};
use crate::{Caller, Control, address, attached_subnet, subnet};

/// What an instance is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewInstance {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the project.
    pub naming: Naming,
    /// The subnet it is on.
    pub subnet: SubnetId,
}

/// An instance, its subnet and the subnet's router.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceView {
    /// Its port.
    pub port: Port,
    /// Its address.
    pub address: IpAddr,
    /// The subnet it is on.
    pub subnet: Subnet,
    /// The router that the subnet is on.
    pub router: RouterId,
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

    /// Makes an instance on the first free address of its subnet.
    ///
    /// # Errors
    /// No such subnet; the name is taken, no address is left, the quota is used up.
    pub async fn create_instance(
        &self,
        caller: &Caller,
        new: NewInstance,
    ) -> Result<InstanceView, Error> {
        let limits = &self.0.config.limits;
        let mut tx = self.change(caller).await?;
        let subnet = subnet::find(&mut *tx, caller, new.subnet).await?;
        let siblings = tx.page_ports(of_project(caller.project)).await?;
        Error::over(Quota::Instances, siblings.len(), limits.instances)?;
        let names = siblings.iter().map(|row| (&row.name, row.id));
        rules::check_name(Noun::Port, names, &new.name, new.naming, None)?;
        let (id, now) = (PortId::random(), self.now());
        let address = address::free(&mut *tx, &subnet, limits.addresses_of_gateway, &[]).await?;
        let row = Port {
            id,
            project: caller.project,
            network: subnet.network,
            name: new.name,
            description: String::new(),
            admin_state_up: true,
            mac: MacAddress::of_port(id),
            fixed_ips: vec![FixedIp {
                subnet: subnet.id,
                address,
            }],
            device: Device::instance(),
            port_security: false,
            security_groups: Vec::new(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        let view = self.view_of_instance(&mut *tx, row).await?;
        let view = view.ok_or(Error::NotFound(Noun::Subnet))?;
        tx.commit().await?;
        Ok(view)
    }

    /// A part of the project's instances, oldest first. What goes with each is in
    /// [`Self::instance_views`].
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn instances(&self, caller: &Caller, part: Part) -> Result<Listed<Port>, Error> {
        let mut tx = self.read().await?;
        let query = of_project(caller.project);
        Ok(listed::<Port>(&mut *tx, query, part).await?)
    }

    /// Instances with what goes with them, as far as they are on a router.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn instance_views(&self, rows: Vec<Port>) -> Result<Vec<InstanceView>, Error> {
        let mut tx = self.read().await?;
        let mut views = Vec::new();
        for row in rows {
            views.extend(self.view_of_instance(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One instance.
    ///
    /// # Errors
    /// It is not there.
    pub async fn instance(&self, caller: &Caller, id: PortId) -> Result<InstanceView, Error> {
        let mut tx = self.read().await?;
        let port = find(&mut *tx, caller, id).await?;
        let view = self.view_of_instance(&mut *tx, port).await?;
        view.ok_or(Error::NotFound(Noun::Port))
    }

    /// Deletes an instance.
    ///
    /// # Errors
    /// It is not there, or a floating IP stands for it.
    pub async fn delete_instance(&self, caller: &Caller, id: PortId) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        if let Some(floating) = tx.floating_ips_of_port(id).await?.first() {
            let message = format!("the floating IP {} stands for it", floating.address);
            return Err(Error::conflict(Rule::InUse(Noun::Port), message));
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The instance as it is seen from the router of its first subnet, if that is on one.
    async fn view_of_instance(
        &self,
        tx: &mut dyn Transaction,
        port: Port,
    ) -> Result<Option<InstanceView>, Error> {
        let Some(FixedIp { subnet, address }) = port.fixed_ips.first().copied() else {
            return Ok(None);
        };
        let router = match attached_subnet::router_of(tx, subnet).await {
            Err(Error::NotFound(_)) => return Ok(None),
            router => router?,
        };
        let subnet = tx.any_subnet(subnet).await?;
        Ok(subnet.map(|subnet| InstanceView {
            is_made: self.is_machine_made(&port),
            port,
            address,
            subnet,
            router,
        }))
    }
}

/// A project's machines.
pub(crate) fn of_project(project: ProjectId) -> Query {
    Query {
        only: Some(Only::Machines),
        ..Query::of_project(project)
    }
}

async fn find(tx: &mut dyn Transaction, caller: &Caller, id: PortId) -> Result<Port, Error> {
    let row = tx.port(caller.scope(), id).await?;
    let row = row.filter(|row| row.device.is_instance());
    row.ok_or(Error::NotFound(Noun::Port))
}
