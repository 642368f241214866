//! Interfaces of routers on subnets.

use adit_model::port::Device;
use adit_model::{Port, PortId, Router, RouterId, Subnet, SubnetId};
use adit_store::Transaction;

use crate::error::{Error, Noun, Rule};
use crate::resource::Resource;
use crate::{Caller, Control, cidr_rules, on_router, port, router, subnet};

/// What an interface is named by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceOf {
    /// A port: the router takes it over.
    Port(PortId),
    /// A subnet: the router gets the address that its machines send to.
    Subnet(SubnetId),
}

impl Control {
    /// Puts a router on a subnet; answers the interface.
    ///
    /// # Errors
    /// Something is not there, the router is there already or on a block that overlaps, a peer's
    /// block lies within the subnet, the address is taken, or the port is used.
    pub async fn add_router_interface(
        &self,
        caller: &Caller,
        router: RouterId,
        of: InterfaceOf,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let router = router::find(&mut *tx, caller, router).await?;
        let known = on_router::subnets(&mut *tx, router.id).await?;
        let row = match of {
            InterfaceOf::Subnet(id) => {
                let subnet = subnet::visible(&mut *tx, caller, id).await?;
                self.check_place(&mut *tx, router.id, &known, &subnet)
                    .await?;
                self.check_quota(&mut *tx, router.project, Resource::Port)
                    .await?;
                let row = self.interface(&mut *tx, &router, &subnet).await?;
                tx.insert(&row).await?;
                row
            }
            InterfaceOf::Port(id) => {
                let mut row = port::find(&mut *tx, caller, id).await?;
                if row.device != Device::none() {
                    let message = format!("the port {id} has something plugged in");
                    return Err(Error::conflict(Rule::InUse(Noun::Port), message));
                }
                if row.fixed_ips.is_empty() {
                    let message = format!("the port {id} has no address");
                    return Err(Error::invalid("port_id", Rule::Reference, message));
                }
                for ip in &row.fixed_ips {
                    let subnet = tx.any_subnet(ip.subnet).await?;
                    let subnet = subnet.ok_or(Error::NotFound(Noun::Subnet))?;
                    self.check_place(&mut *tx, router.id, &known, &subnet)
                        .await?;
                }
                row.device = Device::Router(router.id);
                row.port_security = false;
                row.security_groups.clear();
                row.updated_at = self.now();
                row.revision = tx.update(&row).await?;
                row
            }
        };
        tx.commit().await?;
        Ok(row)
    }

    /// Takes a router from a subnet; answers the interface that was.
    ///
    /// # Errors
    /// Something is not there, or gateways, connections, routes or floating IPs need the interface.
    pub async fn remove_router_interface(
        &self,
        caller: &Caller,
        router: RouterId,
        of: InterfaceOf,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let router = router::find(&mut *tx, caller, router).await?;
        let ports = tx.ports_of_router(router.id).await?;
        let on_subnet = |port: &Port, id| port.fixed_ips.iter().any(|ip| ip.subnet == id);
        let found = ports.into_iter().find(|port| match of {
            InterfaceOf::Port(id) => port.id == id,
            InterfaceOf::Subnet(id) => on_subnet(port, id),
        });
        if found.is_none() {
            // What is not there is told before what is not on the router.
            match of {
                InterfaceOf::Port(id) => drop(port::find(&mut *tx, caller, id).await?),
                InterfaceOf::Subnet(id) => drop(subnet::visible(&mut *tx, caller, id).await?),
            }
        }
        let row = found.ok_or(Error::NotListed)?;
        for ip in &row.fixed_ips {
            on_router::check_unused(&mut *tx, &router, ip.subnet).await?;
        }
        // One may stand for the interface itself, by another router too.
        let floating = tx.floating_ips_of_port(row.id).await?;
        let floating = floating.iter().map(|row| row.id.uuid());
        Error::used(Noun::Subnet, Noun::FloatingIp, floating)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Refuses a subnet that a router with these can't be on.
    pub(crate) async fn check_place(
        &self,
        tx: &mut dyn Transaction,
        router: RouterId,
        on_router: &[Subnet],
        subnet: &Subnet,
    ) -> Result<(), Error> {
        if self.0.is_external(subnet.network) {
            let message = format!(
                "the subnet {} leads outside: a router has its addresses there by its gateway",
                subnet.id
            );
            return Err(Error::invalid("subnet_id", Rule::Reference, message));
        }
        check_apart(on_router, subnet)?;
        cidr_rules::check_peers(tx, router, subnet).await
    }

    async fn interface(
        &self,
        tx: &mut dyn Transaction,
        router: &Router,
        subnet: &Subnet,
    ) -> Result<Port, Error> {
        let Some(address) = subnet.gateway else {
            let message = format!("the subnet {} has no router's address", subnet.id);
            return Err(Error::invalid("subnet_id", Rule::Reference, message));
        };
        let ports = tx.ports_of_subnet(subnet.id).await?;
        let has = |port: &&Port| port.fixed_ips.iter().any(|ip| ip.address == address);
        if let Some(other) = ports.iter().find(has) {
            let message = format!(
                "the address {address} of the subnet {} is taken by the port {}",
                subnet.id, other.id
            );
            return Err(Error::conflict(Rule::AddressTaken, message));
        }
        Ok(on_router::interface(router, subnet, address, self.now()))
    }
}

/// A router can't tell blocks apart that overlap.
fn check_apart(on_router: &[Subnet], subnet: &Subnet) -> Result<(), Error> {
    if on_router.iter().any(|other| other.id == subnet.id) {
        let message = format!(
            "the router already has an interface on the subnet {}",
            subnet.id
        );
        return Err(Error::invalid("subnet_id", Rule::Repeated, message));
    }
    match on_router
        .iter()
        .find(|other| other.cidr.overlaps(subnet.cidr))
    {
        None => Ok(()),
        Some(other) => {
            let message = format!(
                "Cidr {} of subnet {} overlaps with cidr {} of subnet {}",
                subnet.cidr, subnet.id, other.cidr, other.id
            );
            Err(Error::invalid("subnet_id", Rule::CidrOverlap, message))
        }
    }
}
