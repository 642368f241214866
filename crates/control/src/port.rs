//! Ports: places on networks, for machines and whatever users plug in. One set of use cases for every
//! face; in what a face's original is different, it says by its [`Rules`].

mod fixed_ips;
mod machine;

use adit_model::port::Device;
use adit_model::{
    FloatingIp, MacAddress, Name, Network, NetworkId, Port, PortId, ProjectId, ResourceGroup,
    Revision, RouterId, SecurityGroup, SecurityGroupId, SubnetId,
};
use adit_store::{Query, Rows, StoreError, Transaction};

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::outside_port::PortView;
use crate::resource::Resource;
use crate::rules::{self, Allowance, Naming, OnDelete};
use crate::{Caller, Control, network, on_router, security_group, subnet};
pub use fixed_ips::WishedIp;
pub use machine::MachineView;

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Which ports it knows; to it others are not there.
    pub knows: Knows,
    /// Whether names are unique among the project's machines.
    pub naming: Naming,
    /// Which limits count: the operator's for everybody, that on instances, or the project's and that
    /// on machines.
    pub allowance: Allowance,
    /// What becomes of floating IPs that stand for a port: with [`OnDelete::Cascade`] they stand for
    /// nothing then.
    pub on_delete: OnDelete,
}

impl Rules {
    /// For what no face differs in.
    const FREE: Self = Self {
        knows: Knows::Ports,
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        on_delete: OnDelete::Cascade,
    };
}

/// Which ports a face knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knows {
    /// All.
    Ports,
    /// Those that a machine is plugged in.
    Machines,
}

/// Where a port is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// On this network.
    Network(NetworkId),
    /// On the network of this subnet, which is on a router.
    Subnet(SubnetId),
}

/// What a port is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPort {
    /// What to call it.
    pub name: Name,
    /// The group to put it in.
    pub resource_group: Option<ResourceGroup>,
    /// What to say of it.
    pub description: String,
    /// Where it is made.
    pub place: Place,
    /// Whether it carries anything.
    pub admin_state_up: bool,
    /// Its link address; made from its id if none is given.
    pub mac: Option<MacAddress>,
    /// Its addresses; `None` is a free one of each family that the network has, or one of the
    /// subnet that it is made in.
    pub fixed_ips: Option<Vec<WishedIp>>,
    /// What is plugged in.
    pub device: Device,
    /// Whether it is filtered; `None` is as the network says.
    pub port_security: Option<bool>,
    /// Its groups; `None` is the default one: of the router for a face that knows machines alone, else
    /// the project's.
    pub security_groups: Option<Vec<SecurityGroupId>>,
}

/// What to change of a port; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewPort")]
pub struct PortChange {
    /// The revision that it is to have before, if that matters.
    pub expected: Option<Revision>,
    pub name: Option<Name>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub mac: Option<MacAddress>,
    pub fixed_ips: Option<Vec<WishedIp>>,
    pub device_owner: Option<String>,
    pub device_id: Option<String>,
    pub port_security: Option<bool>,
    pub security_groups: Option<Vec<SecurityGroupId>>,
}

impl Control {
    /// Makes a port.
    ///
    /// # Errors
    /// Something it names is not there, its name or an address is taken or no address is left, a quota
    /// is used up.
    pub async fn create_port(
        &self,
        caller: &Caller,
        rules: Rules,
        new: NewPort,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let network = self.network_for_port(&mut *tx, caller, new.place).await?;
        match rules.allowance {
            Allowance::Fixed => self.check_instances(&mut *tx, caller.project).await?,
            Allowance::OfProject => {
                self.check_quota(&mut *tx, caller.project, Resource::Port)
                    .await?;
                if new.device.is_instance() {
                    self.check_machines(&mut *tx, caller.project).await?;
                }
            }
        }
        check_name(&mut *tx, caller.project, &new.name, rules.naming, None).await?;
        let port_security = new.port_security.unwrap_or(network.port_security);
        let security_groups = match new.security_groups {
            Some(groups) => groups,
            None if port_security => {
                let default = self.default_group(&mut tx, caller, rules, new.place);
                vec![default.await?.id]
            }
            None => Vec::new(),
        };
        let wished = new.fixed_ips.or(match new.place {
            Place::Network(_) => None,
            Place::Subnet(id) => Some(vec![WishedIp {
                subnet: Some(id),
                address: None,
            }]),
        });
        let (id, now) = (PortId::random(), self.now());
        let row = Port {
            id,
            project: caller.project,
            resource_group: new.resource_group,
            network: network.id,
            name: new.name,
            description: new.description,
            admin_state_up: new.admin_state_up,
            mac: new.mac.unwrap_or_else(|| MacAddress::of_port(id)),
            fixed_ips: self.addresses(&mut *tx, &network, id, wished).await?,
            device: new.device,
            port_security,
            security_groups,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        check_groups(&mut *tx, caller, None, &row).await?;
        tx.insert(&row).await.map_err(mac_taken)?;
        tx.commit().await?;
        Ok(row)
    }

    /// The ports that are asked for, as far as the caller may see them. Who sees those of all
    /// projects sees those outside, too.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_ports(&self, caller: &Caller, query: Query) -> Result<Vec<PortView>, Error> {
        let mut tx = self.read().await?;
        let query = caller.within(query);
        if caller.all_projects {
            return self.page_with_outside(&mut *tx, query).await;
        }
        let rows = tx.page_ports(query).await?;
        Ok(rows.into_iter().map(PortView::from).collect())
    }

    /// One port.
    ///
    /// # Errors
    /// It is not there.
    pub async fn port(&self, caller: &Caller, id: PortId) -> Result<PortView, Error> {
        let mut tx = self.read().await?;
        match find(&mut *tx, caller, id).await {
            Err(Error::NotFound(_)) if caller.all_projects => {
                let outside = self.outside_port(&mut *tx, id).await?;
                outside.ok_or(Error::NotFound(Noun::Port))
            }
            found => Ok(found?.into()),
        }
    }

    /// Changes a port.
    ///
    /// # Errors
    /// It is not there, something it would name is not, an address is taken, or it is a router's.
    pub async fn update_port(
        &self,
        caller: &Caller,
        id: PortId,
        change: PortChange,
    ) -> Result<Port, Error> {
        self.change_port(caller, Rules::FREE, id, change).await
    }

    pub(super) async fn change_port(
        &self,
        caller: &Caller,
        rules: Rules,
        id: PortId,
        change: PortChange,
    ) -> Result<Port, Error> {
        let mut tx = self.change(caller).await?;
        let before = find(&mut *tx, caller, id).await?;
        Error::stale(change.expected, before.revision)?;
        let mut row = before.clone();
        if let Some(name) = change.name {
            check_name(&mut *tx, row.project, &name, rules.naming, Some(id)).await?;
            row.name = name;
        }
        row.description = change.description.unwrap_or(row.description);
        row.admin_state_up = change.admin_state_up.unwrap_or(row.admin_state_up);
        row.mac = change.mac.unwrap_or(row.mac);
        row.device = plug(row.device, change.device_owner, change.device_id)?;
        if row.device.is_instance() && !before.device.is_instance() {
            self.check_machines(&mut *tx, row.project).await?;
        }
        row.port_security = change.port_security.unwrap_or(row.port_security);
        row.security_groups = change.security_groups.unwrap_or(row.security_groups);
        check_groups(&mut *tx, caller, Some(&before), &row).await?;
        if let Some(wished) = change.fixed_ips {
            let network = network::visible(&mut *tx, caller, row.network).await?;
            row.fixed_ips = self.addresses(&mut *tx, &network, id, Some(wished)).await?;
            if let Some(router) = row.device.router() {
                self.check_moved(&mut *tx, router, &before, &row).await?;
            }
            for floating in tx.floating_ips_of_port(id).await? {
                let of = floating.association.map(|of| of.fixed_ip);
                if !row.fixed_ips.iter().any(|ip| Some(ip.address) == of) {
                    return Err(stands_for_it(&floating));
                }
            }
        }
        row.updated_at = self.now();
        row.revision = tx.update(&row).await.map_err(mac_taken)?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a port.
    ///
    /// # Errors
    /// It is not there, it is a router's, or a floating IP that stands for it is in the way.
    pub async fn delete_port(
        &self,
        caller: &Caller,
        rules: Rules,
        id: PortId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let row = find(&mut *tx, caller, id).await?;
        if rules.knows == Knows::Machines && !row.device.is_instance() {
            return Err(Error::NotFound(Noun::Port));
        }
        Error::stale(expected, row.revision)?;
        if let Some(router) = row.device.router() {
            let users = std::iter::once(router.uuid());
            return Error::used(Noun::Port, Noun::Router, users);
        }
        for mut floating in tx.floating_ips_of_port(id).await? {
            if rules.on_delete == OnDelete::Restrict {
                return Err(stands_for_it(&floating));
            }
            let router = floating.association.map(|of| of.router);
            floating.association = None;
            floating.updated_at = self.now();
            tx.update(&floating).await?;
            if let Some(router) = router {
                self.release_way_outside(&mut tx, router).await?;
            }
        }
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The group of a port that is filtered and was not said to have any.
    async fn default_group(
        &self,
        tx: &mut Change,
        caller: &Caller,
        rules: Rules,
        place: Place,
    ) -> Result<SecurityGroup, Error> {
        match (rules.knows, place) {
            (Knows::Machines, Place::Subnet(subnet)) => {
                let router = on_router::router_of(&mut **tx, subnet).await?;
                let router = tx.any_router(router).await?;
                let router = router.ok_or(Error::NotFound(Noun::Router))?;
                self.default_group_of_router(tx, &router).await
            }
            _ => self.default_security_group(tx, caller.project).await,
        }
    }

    /// The network of a place, if ports can be made there.
    async fn network_for_port(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        place: Place,
    ) -> Result<Network, Error> {
        let network = match place {
            Place::Network(id) => network::visible(tx, caller, id).await?,
            Place::Subnet(id) => {
                let subnet = subnet::find(tx, caller, id).await?;
                on_router::router_of(tx, id).await?;
                network::visible(tx, caller, subnet.network).await?
            }
        };
        let own = caller.scope().is_none_or(|own| own == network.project);
        if self.0.is_external(network.id) || (!own && !network.shared) {
            let message = "ports can't be made on this network";
            return Err(Error::conflict(Rule::Reference, message));
        }
        Ok(network)
    }

    /// Refuses one more instance than everybody may have.
    async fn check_instances(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
    ) -> Result<(), Error> {
        let limit = self.0.config.limits.instances;
        let ports: &mut dyn Rows<Port> = tx;
        let instances = ports.count(machine::of_project(project)).await?;
        Quota::Instances.check(instances, limit)
    }

    /// Refuses one more machine than the project may have: each is a namespace.
    async fn check_machines(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
    ) -> Result<(), Error> {
        let limit = self.0.config.limits.machines;
        let ports: &mut dyn Rows<Port> = tx;
        let machines = ports.count(machine::of_project(project)).await?;
        Quota::Machines.check(machines, limit)
    }

    /// Refuses to take an interface from a subnet that needs the router, or to put it on one where
    /// the router can't be.
    async fn check_moved(
        &self,
        tx: &mut dyn Transaction,
        router: RouterId,
        before: &Port,
        row: &Port,
    ) -> Result<(), Error> {
        let has = |port: &Port, subnet| port.fixed_ips.iter().any(|ip| ip.subnet == subnet);
        let router = tx.any_router(router).await?;
        let router = router.ok_or(Error::NotFound(Noun::Router))?;
        let left = before.fixed_ips.iter().filter(|ip| !has(row, ip.subnet));
        for ip in left {
            on_router::check_unused(tx, &router, ip.subnet).await?;
        }
        let known = on_router::subnets(tx, router.id).await?;
        let new = row.fixed_ips.iter().filter(|ip| !has(before, ip.subnet));
        for ip in new {
            let subnet = tx.any_subnet(ip.subnet).await?;
            let subnet = subnet.ok_or(Error::NotFound(Noun::Subnet))?;
            self.check_place(tx, router.id, &known, &subnet).await?;
        }
        Ok(())
    }
}

fn stands_for_it(floating: &FloatingIp) -> Error {
    let message = format!("the floating IP {} stands for it", floating.address);
    Error::conflict(Rule::InUse(Noun::Port), message)
}

/// Refuses a name that another machine of the project has.
async fn check_name(
    tx: &mut dyn Transaction,
    project: ProjectId,
    name: &Name,
    naming: Naming,
    own: Option<PortId>,
) -> Result<(), Error> {
    if naming == Naming::Free {
        return Ok(());
    }
    let siblings = tx.page_ports(machine::of_project(project)).await?;
    let names = siblings.iter().map(|row| (&row.name, row.id));
    rules::check_name(Noun::Port, names, name, naming, own)
}

/// What is plugged in after a change.
fn plug(device: Device, owner: Option<String>, id: Option<String>) -> Result<Device, Error> {
    match device {
        Device::Router(_) if owner.is_some() || id.is_some() => {
            let message = "what is plugged into a router's port can't be changed";
            Err(Error::conflict(Rule::Reference, message))
        }
        Device::Router(id) => Ok(Device::Router(id)),
        Device::Other {
            owner: old_owner,
            id: old_id,
        } => Ok(Device::Other {
            owner: owner.unwrap_or(old_owner),
            id: id.unwrap_or(old_id),
        }),
    }
}

/// Refuses groups that a port can't have: one of a router is for ports on its subnets. What it has
/// already stays.
pub(crate) async fn check_groups(
    tx: &mut dyn Transaction,
    caller: &Caller,
    before: Option<&Port>,
    row: &Port,
) -> Result<(), Error> {
    for id in &row.security_groups {
        let group = security_group::find(tx, caller, *id).await?;
        let is_new = before.is_none_or(|before| !before.security_groups.contains(id));
        let Some(router) = group.router.filter(|_| is_new) else {
            continue;
        };
        for ip in &row.fixed_ips {
            let ports = tx.ports_of_subnet(ip.subnet).await?;
            if !ports
                .iter()
                .any(|port| port.device.router() == Some(router))
            {
                let message = format!(
                    "the security group {id} is for ports on subnets of the router {router}"
                );
                return Err(Error::invalid("security_groups", Rule::Reference, message));
            }
        }
    }
    if !row.port_security && !row.security_groups.is_empty() {
        let message = "a port that is not filtered can't have security groups";
        return Err(Error::conflict(Rule::Reference, message));
    }
    Ok(())
}

fn mac_taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate => {
            let message = "the link address is taken on this network";
            Error::conflict(Rule::MacTaken, message)
        }
        other => other.into(),
    }
}

/// A port that a machine is plugged in.
pub(crate) async fn find_machine(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: PortId,
) -> Result<Port, Error> {
    let row = find(tx, caller, id).await?;
    match row.device.is_instance() {
        true => Ok(row),
        false => Err(Error::NotFound(Noun::Port)),
    }
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: PortId,
) -> Result<Port, Error> {
    let row = tx.port(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::Port))
}
