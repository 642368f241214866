//! Deletes subnets, with what a face made with them.

use adit_model::{Revision, Subnet, SubnetId};

use super::users::check_unused;
use super::{Rules, find};
use crate::change::Change;
use crate::error::{Error, Noun, Rule};
use crate::rules::OnDelete;
use crate::{Caller, Control};

impl Control {
    /// Deletes a subnet.
    ///
    /// # Errors
    /// It is not there, or something has an address of it or names it.
    pub async fn delete_subnet(
        &self,
        caller: &Caller,
        rules: Rules,
        id: SubnetId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        match rules.on_delete {
            OnDelete::Cascade => delete_interfaces(&mut tx, &row).await?,
            OnDelete::Restrict => {
                let ports = tx.ports_of_subnet(id).await?;
                let ports = ports.iter().map(|row| row.id.uuid());
                Error::used(Noun::Subnet, Noun::Port, ports)?;
                check_unused(&mut *tx, &row).await?;
            }
        }
        let external = self.external_subnets(row.network);
        if external.is_some_and(|external| external.contains(id)) {
            let message = "it is the block that this host's external addresses are of";
            return Err(Error::conflict(Rule::InUse(Noun::Subnet), message));
        }
        tx.delete(&row).await?;
        if rules.on_delete == OnDelete::Cascade {
            delete_empty_network(&mut tx, &row).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Deletes the interfaces of routers on a subnet, as far as nothing else is there.
async fn delete_interfaces(tx: &mut Change, row: &Subnet) -> Result<(), Error> {
    let in_use = |what: String| Err(Error::conflict(Rule::InUse(Noun::Subnet), what));
    if let Some(gateway) = tx.gateways_of_subnet(row.id).await?.first() {
        return in_use(format!(
            "the gateway {} ({}) is in it",
            gateway.name, gateway.id
        ));
    }
    if let Some(group) = tx.endpoint_groups_of_subnet(row.id).await?.first() {
        return in_use(format!(
            "the endpoint group {} ({}) names it",
            group.name, group.id
        ));
    }
    for port in tx.ports_of_subnet(row.id).await? {
        let Some(router) = port.device.router() else {
            return in_use(format!("the instance {} ({}) is in it", port.name, port.id));
        };
        if port.fixed_ips.len() > 1 {
            return in_use(format!(
                "the port {} has addresses of other subnets too",
                port.id
            ));
        }
        if let Some(floating) = tx.floating_ips_of_port(port.id).await?.first() {
            return in_use(format!(
                "the floating IP {} stands for its router's address",
                floating.address
            ));
        }
        let routes = tx.any_router(router).await?.map(|row| row.routes);
        if let Some(route) = routes
            .iter()
            .flatten()
            .find(|route| row.cidr.contains(route.nexthop))
        {
            return in_use(format!(
                "its router has a route to {} by {}",
                route.destination, route.nexthop
            ));
        }
        tx.delete(&port).await?;
    }
    Ok(())
}

/// Deletes the network of a subnet that was deleted, if nothing else is on it.
async fn delete_empty_network(tx: &mut Change, row: &Subnet) -> Result<(), Error> {
    let alone = tx.subnets_of_network(row.network).await?.is_empty()
        && tx.ports_of_network(row.network).await?.is_empty();
    let network = tx.network(row.project, row.network).await?;
    if let Some(network) = network.filter(|_| alone) {
        tx.delete(&network).await?;
    }
    Ok(())
}
