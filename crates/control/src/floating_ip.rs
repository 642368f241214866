//! Floating IPs: external addresses that stand for addresses of ports.

use std::net::IpAddr;

use adit_model::floating_ip::Association;
use adit_model::{FloatingIp, FloatingIpId, NetworkId, Port, PortId, Revision, RouterId, SubnetId};
use adit_store::{Query, Transaction};

use crate::error::{Error, Noun, Rule};
use crate::resource::Resource;
use crate::{Caller, Control, network, port};

/// What a floating IP is to stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The one that has the fixed address.
    pub port: PortId,
    /// Which of its addresses; the first IPv4 one if none is named.
    pub fixed_ip: Option<IpAddr>,
}

/// What a floating IP is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFloatingIp {
    /// What to say of it.
    pub description: String,
    /// The external network.
    pub network: NetworkId,
    /// The subnet of its address; that of IPv4 addresses outside if none is named.
    pub subnet: Option<SubnetId>,
    /// The address; a free one if none is named.
    pub address: Option<IpAddr>,
    /// What it is to stand for.
    pub target: Option<Target>,
}

impl Control {
    /// Makes a floating IP.
    ///
    /// # Errors
    /// Something it names is not there, the address is taken or none is left, no router leads from
    /// the port outside, or the quota is used up.
    pub async fn create_floating_ip(
        &self,
        caller: &Caller,
        new: NewFloatingIp,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.change(caller).await?;
        let network = network::visible(&mut *tx, caller, new.network).await?;
        if network.id != self.external_network()? {
            let message = format!("the network {} does not lead outside from here", network.id);
            return Err(Error::invalid("network", Rule::Reference, message));
        }
        let v4 = self.external_subnets(network.id).map(|subnets| subnets.v4);
        if let Some(subnet) = new.subnet.filter(|subnet| Some(*subnet) != v4) {
            let allowed = v4.map(|v4| v4.to_string()).unwrap_or_default();
            let message =
                format!("{subnet} is not the subnet that floating IPs are of, which is {allowed}");
            return Err(Error::invalid("subnet", Rule::Reference, message));
        }
        self.check_quota(&mut *tx, caller.project, Resource::FloatingIp)
            .await?;
        let taken = self.taken_outside(&mut *tx, caller.project).await?;
        let address = self.free_v4(&taken, new.address)?.into();
        let association = match new.target {
            Some(target) => Some(associate(&mut *tx, caller, None, target).await?),
            None => None,
        };
        let now = self.now();
        let row = FloatingIp {
            id: FloatingIpId::random(),
            project: caller.project,
            resource_group: None,
            description: new.description,
            network: network.id,
            address,
            association,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        tx.insert(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The floating IPs that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_floating_ips(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<FloatingIp>, Error> {
        let mut tx = self.read().await?;
        Ok(tx.page_floating_ips(caller.within(query)).await?)
    }

    /// One floating IP.
    ///
    /// # Errors
    /// It is not there.
    pub async fn floating_ip(
        &self,
        caller: &Caller,
        id: FloatingIpId,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.read().await?;
        find(&mut *tx, caller, id).await
    }

    /// Changes what is said of a floating IP, and what it stands for: `Some(None)` is nothing.
    ///
    /// # Errors
    /// It is not there, or no router leads from the port outside.
    pub async fn update_floating_ip(
        &self,
        caller: &Caller,
        id: FloatingIpId,
        expected: Option<Revision>,
        description: Option<String>,
        target: Option<Option<Target>>,
    ) -> Result<FloatingIp, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        row.description = description.unwrap_or(row.description);
        match target {
            None => {}
            Some(None) => row.association = None,
            Some(Some(target)) => {
                row.association = Some(associate(&mut *tx, caller, Some(id), target).await?);
            }
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Gives a floating IP back.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_floating_ip(
        &self,
        caller: &Caller,
        id: FloatingIpId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        Error::stale(expected, row.revision)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What the floating IP `own` is to stand for, with the router that translates.
async fn associate(
    tx: &mut dyn Transaction,
    caller: &Caller,
    own: Option<FloatingIpId>,
    target: Target,
) -> Result<Association, Error> {
    let port = port::find(tx, caller, target.port).await?;
    // External addresses are IPv4's.
    let named = |address| target.fixed_ip.is_none_or(|fixed_ip| fixed_ip == address);
    let wanted = |address: IpAddr| address.is_ipv4() && named(address);
    let Some(ip) = port.fixed_ips.iter().find(|ip| wanted(ip.address)) else {
        let message = format!("the port {} has no such IPv4 address", port.id);
        return Err(Error::invalid(
            "fixed_ip_address",
            Rule::AddressOutside,
            message,
        ));
    };
    let others = tx.floating_ips_of_port(port.id).await?;
    let mut others = others.iter().filter(|other| Some(other.id) != own);
    let taken = |other: &&FloatingIp| {
        other
            .association
            .is_some_and(|of| of.fixed_ip == ip.address)
    };
    if let Some(other) = others.find(taken) {
        let message = format!("the floating IP {} stands for that address", other.address);
        return Err(Error::conflict(Rule::InUse(Noun::Port), message));
    }
    let router = router_outside(tx, &port, ip.subnet).await?;
    Ok(Association {
        port: port.id,
        fixed_ip: ip.address,
        router,
    })
}

/// The router of the subnet that has a way outside.
async fn router_outside(
    tx: &mut dyn Transaction,
    port: &Port,
    subnet: SubnetId,
) -> Result<RouterId, Error> {
    for interface in tx.ports_of_subnet(subnet).await? {
        let Some(id) = interface.device.router() else {
            continue;
        };
        let router = tx.any_router(id).await?;
        if router.is_some_and(|router| router.external.is_some()) {
            return Ok(id);
        }
    }
    let message = format!(
        "no router leads from the subnet {subnet} of the port {} outside",
        port.id
    );
    Err(Error::NoWayOutside(message))
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: FloatingIpId,
) -> Result<FloatingIp, Error> {
    let row = tx.floating_ip(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::FloatingIp))
}
