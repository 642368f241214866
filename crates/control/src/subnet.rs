//! Subnets: the private address blocks of a router.

use adit_model::{Cidr, Name, Revision, Router, RouterId, Subnet, SubnetId};
use adit_store::Transaction;

use crate::error::{Error, Noun, Quota, Rule};
use crate::wake::Key;
use crate::{Caller, Control, Naming, router};

/// The addresses of a subnet that nobody gets: four at the start, one at the end.
pub const RESERVED_ADDRESSES: u64 = Subnet::RESERVED_AT_START + 1;

/// Which addresses a subnet is to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// These.
    Exact(Cidr),
    /// The first free block of `prefix_len` in `within`.
    FirstFree {
        /// Where to look.
        within: Cidr,
        /// Its length.
        prefix_len: u8,
    },
}

/// What a subnet is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSubnet {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the router.
    pub naming: Naming,
    /// Where it hangs.
    pub router: RouterId,
    /// Its addresses.
    pub block: Block,
    /// Its zone.
    pub zone: String,
}

/// A subnet, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubnetView {
    /// The subnet.
    pub subnet: Subnet,
    /// The router it hangs on.
    pub router: Router,
    /// How many addresses are left for instances and gateways.
    pub available: u64,
}

impl Control {
    /// Makes a subnet.
    ///
    /// # Errors
    /// No such router; the name is taken, the block overlaps, the quota is used up.
    pub async fn create_subnet(
        &self,
        caller: &Caller,
        new: NewSubnet,
    ) -> Result<SubnetView, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let router = router::find(&mut *tx, caller, new.router).await?;
        let siblings = tx.subnets_of_router(router.id).await?;
        Error::over(Quota::Subnets, siblings.len(), self.0.config.limits.subnets)?;
        check_name(&siblings, &new.name, new.naming, None)?;
        let row = Subnet {
            id: SubnetId::random(),
            project: caller.project,
            router: router.id,
            name: new.name,
            cidr: choose(&siblings, &new.block)?,
            zone: new.zone,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        tx.insert_subnet(&row).await?;
        let view = self.subnet_view(&mut *tx, row).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(view.router.id));
        Ok(view)
    }

    /// The project's subnets, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn subnets(&self, caller: &Caller) -> Result<Vec<SubnetView>, Error> {
        let mut tx = self.0.store.read().await?;
        let mut views = Vec::new();
        for row in tx.subnets(caller.project).await? {
            views.push(self.subnet_view(&mut *tx, row).await?);
        }
        Ok(views)
    }

    /// One subnet.
    ///
    /// # Errors
    /// It is not there.
    pub async fn subnet(&self, caller: &Caller, id: SubnetId) -> Result<SubnetView, Error> {
        let mut tx = self.0.store.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        self.subnet_view(&mut *tx, row).await
    }

    /// Gives a subnet another name.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn rename_subnet(
        &self,
        caller: &Caller,
        id: SubnetId,
        name: Name,
        naming: Naming,
    ) -> Result<SubnetView, Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let mut row = find(&mut *tx, caller, id).await?;
        let siblings = tx.subnets_of_router(row.router).await?;
        check_name(&siblings, &name, naming, Some(id))?;
        row.name = name;
        row.revision = tx.update_subnet(&row).await?;
        let view = self.subnet_view(&mut *tx, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    /// It is not there, or a gateway or an instance is in it.
    pub async fn delete_subnet(&self, caller: &Caller, id: SubnetId) -> Result<(), Error> {
        caller.may_write()?;
        let mut tx = self.0.store.write().await?;
        let row = find(&mut *tx, caller, id).await?;
        let gateways = tx.gateways_of_router(row.router).await?;
        if let Some(gateway) = gateways.iter().find(|gateway| gateway.subnet == id) {
            let message = format!("the gateway {} ({}) is in it", gateway.name, gateway.id);
            return Err(Error::conflict(Rule::InUse(Noun::Subnet), message));
        }
        if let Some(instance) = tx.instances_of_subnet(id).await?.first() {
            let message = format!("the instance {} ({}) is in it", instance.name, instance.id);
            return Err(Error::conflict(Rule::InUse(Noun::Subnet), message));
        }
        tx.delete_subnet(caller.project, id).await?;
        tx.commit().await?;
        self.0.wakes.wake(Key::Router(row.router));
        Ok(())
    }

    async fn subnet_view(
        &self,
        tx: &mut dyn Transaction,
        subnet: Subnet,
    ) -> Result<SubnetView, Error> {
        let router = tx.any_router(subnet.router).await?;
        let available = available(tx, &subnet, self.0.config.limits.addresses_of_gateway).await?;
        Ok(SubnetView {
            router: router.ok_or(Error::NotFound(Noun::Router))?,
            available,
            subnet,
        })
    }
}

pub(crate) async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: SubnetId,
) -> Result<Subnet, Error> {
    let row = tx.subnet(caller.project, id).await?;
    row.ok_or(Error::NotFound(Noun::Subnet))
}

/// How many addresses nobody has.
pub(crate) async fn available(
    tx: &mut dyn Transaction,
    subnet: &Subnet,
    of_gateway: u64,
) -> Result<u64, Error> {
    let instances = tx.instances_of_subnet(subnet.id).await?.len() as u64;
    let gateways = tx.gateways_of_router(subnet.router).await?;
    let gateways = gateways.iter().filter(|g| g.subnet == subnet.id).count() as u64;
    let taken = RESERVED_ADDRESSES + instances + gateways.saturating_mul(of_gateway);
    Ok(subnet.cidr.address_count().saturating_sub(taken))
}

fn choose(siblings: &[Subnet], block: &Block) -> Result<Cidr, Error> {
    let overlaps = |cidr: Cidr| siblings.iter().find(|row| row.cidr.overlaps(cidr));
    match *block {
        Block::Exact(cidr) => {
            if cidr.address_count() < 8 || cidr.prefix_len() < 8 {
                let message = format!("{cidr} is no block of /8 to /29");
                return Err(Error::invalid("cidr", Rule::CidrSize, message));
            }
            if let Some(other) = overlaps(cidr) {
                let message = format!("{cidr} overlaps {} of {}", other.cidr, other.name);
                return Err(Error::invalid("cidr", Rule::CidrOverlap, message));
            }
            Ok(cidr)
        }
        Block::FirstFree { within, prefix_len } => {
            let mut candidates = blocks(within, prefix_len);
            let free = candidates.find(|cidr| overlaps(*cidr).is_none());
            let message = format!("no block of /{prefix_len} is free in {within}");
            free.ok_or_else(|| Error::conflict(Rule::CidrOverlap, message))
        }
    }
}

/// The blocks of `prefix_len` in `within`, lowest first.
fn blocks(within: Cidr, prefix_len: u8) -> impl Iterator<Item = Cidr> {
    let size = Cidr::new(within.first(), prefix_len).map_or(u64::MAX, Cidr::address_count);
    let count = within.address_count() / size;
    (0..count).filter_map(move |index| {
        let first = within.nth(index.checked_mul(size)?)?;
        Cidr::new(first, prefix_len).ok()
    })
}

fn check_name(
    siblings: &[Subnet],
    name: &Name,
    naming: Naming,
    own: Option<SubnetId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::Subnet, names, name, naming, own)
}
