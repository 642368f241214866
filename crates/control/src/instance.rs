//! Instances: machines on subnets, for demonstrations and tests.

use std::collections::HashSet;
use std::net::IpAddr;

use adit_model::{Instance, InstanceId, Name, Revision, Subnet, SubnetId};
use adit_store::Transaction;

use crate::error::{Error, Noun, Quota, Rule};
use crate::wake::Key;
use crate::{Caller, Control, Naming, subnet};

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

/// An instance and its subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceView {
    /// The instance.
    pub instance: Instance,
    /// The subnet it is on.
    pub subnet: Subnet,
}

impl Control {
    /// Makes an instance on the first free address of its subnet.
    ///
    /// # Errors
    /// No such subnet; the name is taken, no address is left, the quota is used up.
    pub async fn create_instance(
        &self,
        caller: &Caller,
        new: NewInstance,
    ) -> Result<InstanceView, Error> {
        caller.may_write()?;
        let limits = &self.0.config.limits;
        let mut tx = self.0.store.write().await?;
        let subnet = subnet::find(&mut *tx, caller, new.subnet).await?;
        let siblings = tx.instances(caller.project).await?;
        Error::over(Quota::Instances, siblings.len(), limits.instances)?;
        let names = siblings.iter().map(|row| (&row.name, row.id));
        crate::check_name(Noun::Instance, names, &new.name, new.naming, None)?;
        let row = Instance {
            id: InstanceId::random(),
            project: caller.project,
            subnet: subnet.id,
            name: new.name,
            address: free_address(&mut *tx, &subnet, limits.addresses_of_gateway).await?,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert_instance(&row).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(subnet.router));
        let instance = row;
        Ok(InstanceView { instance, subnet })
    }

    /// The project's instances, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn instances(&self, caller: &Caller) -> Result<Vec<InstanceView>, Error> {
        let mut tx = self.0.store.read().await?;
        let mut views = Vec::new();
        for instance in tx.instances(caller.project).await? {
            let subnet = subnet::find(&mut *tx, caller, instance.subnet).await?;
            views.push(InstanceView { instance, subnet });
        }
        Ok(views)
    }

    /// One instance.
    ///
    /// # Errors
    /// It is not there.
    pub async fn instance(&self, caller: &Caller, id: InstanceId) -> Result<InstanceView, Error> {
        let mut tx = self.0.store.read().await?;
        let instance = find(&mut *tx, caller, id).await?;
        let subnet = subnet::find(&mut *tx, caller, instance.subnet).await?;
        Ok(InstanceView { instance, subnet })
    }

    /// Deletes an instance.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_instance(&self, caller: &Caller, id: InstanceId) -> Result<(), Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let row = find(&mut *tx, caller, id).await?;
        let subnet = subnet::find(&mut *tx, caller, row.subnet).await?;
        tx.delete_instance(caller.project, id).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(subnet.router));
        Ok(())
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: InstanceId,
) -> Result<Instance, Error> {
    let row = tx.instance(caller.project, id).await?;
    row.ok_or(Error::NotFound(Noun::Instance))
}

async fn free_address(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    of_gateway: u64,
) -> Result<IpAddr, Error> {
    let full = || {
        let message = format!("the subnet {} has no address left", subnet.id);
        Error::conflict(Rule::NoPrivateAddress, message)
    };
    if subnet::available(tx, subnet, of_gateway).await? == 0 {
        return Err(full());
    }
    let instances = tx.instances_of_subnet(subnet.id).await?;
    let taken: HashSet<IpAddr> = instances.iter().map(|row| row.address).collect();
    let last = subnet.cidr.address_count().saturating_sub(1);
    (Subnet::RESERVED_AT_START..last)
        .filter_map(|index| subnet.cidr.nth(index))
        .find(|address| !taken.contains(address))
        .ok_or_else(full)
}
