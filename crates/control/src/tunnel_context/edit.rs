//! Editing what a tunnel context is to be. Nothing of it takes effect until it is applied.

use std::net::Ipv4Addr;

use adit_model::policy::{Authentication, DhGroup, Encryption};
use adit_model::tunnel_context::{Translation, TunnelSettings};
use adit_model::{Cidr, Name, Psk, SubnetId, TranslationId, TunnelContext, TunnelContextId};
use adit_store::{NumberOf, Transaction};

use super::{default_site, find};
use crate::change::Change;
use crate::error::{Error, Noun, Rule};
use crate::policy::Phase as _;
use crate::{Caller, Control, numbers};

/// How many blocks of a kind a context may list.
const MOST_BLOCKS: usize = 100;

/// What to change of what is staged; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TunnelContextChange {
    /// What the user calls it.
    pub friendly_name: Option<Name>,
    /// The other end.
    pub peer_address: Option<Option<Ipv4Addr>>,
    /// The pre-shared key.
    pub psk: Option<Psk>,
    /// Of phase 1.
    pub ike: PhaseChange,
    /// Its group.
    pub ike_group: Option<DhGroup>,
    /// Of phase 2.
    pub ipsec: PhaseChange,
    /// The group for perfect forward secrecy; none where that is not wanted.
    pub pfs_group: Option<Option<DhGroup>>,
    /// Whether perfect forward secrecy is wanted.
    pub wants_pfs: Option<bool>,
}

/// What to change of a phase; `None` leaves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PhaseChange {
    /// Its integrity algorithm.
    pub authentication: Option<Authentication>,
    /// Its cipher.
    pub encryption: Option<Encryption>,
    /// When its SAs are rekeyed, in seconds.
    pub lifetime_s: Option<u32>,
}

/// What to add to, or take from, what is staged to be reachable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listing {
    /// A subnet of the project's default router.
    AddSubnet(SubnetId),
    /// The subnet is no longer to be reachable.
    RemoveSubnet(SubnetId),
    /// A block of the operator's services.
    AddService(Cidr),
    /// The block is no longer to be reachable.
    RemoveService(Cidr),
    /// A block at the other end.
    AddPeerCidr(Cidr),
    /// The block is no longer to be reachable; its number goes with it.
    RemovePeerCidr(Cidr),
    /// An assigned address that stands for one at the other end.
    AddTranslation(Translation),
    /// What stands in place of the one of this id.
    ChangeTranslation(Translation),
    /// The address no longer stands for another one.
    RemoveTranslation(TranslationId),
}

impl PhaseChange {
    fn apply(
        self,
        authentication: &mut Vec<Authentication>,
        encryption: &mut Vec<Encryption>,
        lifetime_s: &mut u32,
    ) {
        if let Some(one) = self.authentication {
            *authentication = vec![one];
        }
        if let Some(one) = self.encryption {
            *encryption = vec![one];
        }
        *lifetime_s = self.lifetime_s.unwrap_or(*lifetime_s);
    }
}

impl TunnelContextChange {
    fn apply(self, mut to: TunnelSettings) -> Result<TunnelSettings, Error> {
        let wants_pfs = self.wants_pfs.unwrap_or(!to.ipsec.pfs.is_empty());
        to.friendly_name = self.friendly_name.unwrap_or(to.friendly_name);
        to.peer_address = self.peer_address.unwrap_or(to.peer_address);
        let ike = &mut to.ike;
        self.ike.apply(
            &mut ike.authentication,
            &mut ike.encryption,
            &mut ike.lifetime_s,
        );
        if let Some(group) = self.ike_group {
            ike.groups = vec![group];
        }
        let ipsec = &mut to.ipsec;
        self.ipsec.apply(
            &mut ipsec.authentication,
            &mut ipsec.encryption,
            &mut ipsec.lifetime_s,
        );
        to.pfs_group = self.pfs_group.unwrap_or(to.pfs_group);
        ipsec.pfs = match (wants_pfs, to.pfs_group) {
            (false, _) => Vec::new(),
            (true, Some(group)) => vec![group],
            (true, None) => {
                let message = "perfect forward secrecy needs a group in phase 2";
                return Err(Error::invalid("pfs", Rule::Suite, message));
            }
        };
        Ok(to)
    }
}

impl Control {
    /// Changes what is staged: all that is said, or nothing.
    ///
    /// # Errors
    /// It is not there, or something doesn't go together or is weaker than contexts may be.
    pub async fn update_tunnel_context(
        &self,
        caller: &Caller,
        id: TunnelContextId,
        mut change: TunnelContextChange,
    ) -> Result<TunnelContext, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        row.psk = change.psk.take().unwrap_or(row.psk);
        row.staged = change.apply(row.staged)?;
        let profile = self.0.config.context_crypto_profile;
        row.staged.ike.check()?;
        row.staged.ike.check_strength(profile)?;
        row.staged.ipsec.check()?;
        row.staged.ipsec.check_strength(profile)?;
        self.save_context(tx, row).await
    }

    /// Changes what is staged to be reachable, all of it or nothing. What is listed already, or is not, stays so.
    ///
    /// # Errors
    /// The context, the subnet or the translation is not there, a block shares addresses with another one, an address can't
    /// stand for another one, or there are too many.
    pub async fn list_in_tunnel_context(
        &self,
        caller: &Caller,
        id: TunnelContextId,
        listings: Vec<Listing>,
    ) -> Result<TunnelContext, Error> {
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        for listing in listings {
            if let Listing::AddService(block) = &listing
                && !self.service_blocks().contains(block)
            {
                return Err(Error::NotListed);
            }
            list(&mut tx, caller, &mut row, listing).await?;
        }
        self.save_context(tx, row).await
    }

    /// The blocks of the operator's services that contexts may list.
    #[must_use]
    pub fn service_blocks(&self) -> &[Cidr] {
        &self.0.config.context_services
    }

    /// Makes a block at another end known, before a context lists it; answers its number.
    ///
    /// # Errors
    /// The project has too many.
    pub async fn add_peer_block(&self, caller: &Caller, block: Cidr) -> Result<u32, Error> {
        let mut tx = self.change(caller).await?;
        let of = NumberOf::CustomerSubnet;
        let number = numbers::number(&mut tx, caller, of, &block.to_string()).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// Forgets a block at another end.
    ///
    /// # Errors
    /// A context lists it.
    pub async fn remove_peer_block(&self, caller: &Caller, block: Cidr) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let rows = tx.tunnel_contexts(caller.project).await?;
        if let Some(row) = rows
            .iter()
            .find(|row| row.staged.peer_cidrs.contains(&block))
        {
            let message = format!(
                "{block} is behind the peer of the tunnel context {}",
                row.name
            );
            return Err(Error::conflict(Rule::InUse(Noun::TunnelContext), message));
        }
        let of = NumberOf::CustomerSubnet;
        tx.forget_number(caller.project, of, &block.to_string())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save_context(
        &self,
        mut tx: Change,
        mut row: TunnelContext,
    ) -> Result<TunnelContext, Error> {
        row.updated_at = self.now();
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }
}

async fn list(
    tx: &mut Change,
    caller: &Caller,
    row: &mut TunnelContext,
    listing: Listing,
) -> Result<(), Error> {
    let staged = &mut row.staged;
    match listing {
        Listing::AddSubnet(subnet) => {
            let site = default_site(&mut **tx, caller).await?;
            let subnets = site.map(|(_, rows)| rows).unwrap_or_default();
            let found = subnets.iter().find(|row| row.id == subnet);
            let found = found.ok_or(Error::NotFound(Noun::Subnet))?;
            check_apart(found.cidr, &staged.peer_cidrs)?;
            check_apart(found.cidr, &staged.services)?;
            if !staged.subnets.contains(&subnet) {
                check_room(staged.subnets.len())?;
                staged.subnets.push(subnet);
            }
        }
        Listing::RemoveSubnet(subnet) => staged.subnets.retain(|one| *one != subnet),
        Listing::AddService(block) if staged.services.contains(&block) => {}
        Listing::AddService(block) => {
            check_room(staged.services.len())?;
            let mut others = staged.peer_cidrs.clone();
            others.extend(&subnet_blocks(&mut **tx, row).await?);
            check_apart(block, &others)?;
            row.staged.services.push(block);
        }
        Listing::RemoveService(block) => staged.services.retain(|one| *one != block),
        Listing::AddPeerCidr(cidr) if staged.peer_cidrs.contains(&cidr) => {}
        Listing::AddPeerCidr(cidr) => {
            check_room(staged.peer_cidrs.len())?;
            let mut others = staged.peer_cidrs.clone();
            others.extend(&staged.services);
            others.extend(&subnet_blocks(&mut **tx, row).await?);
            check_apart(cidr, &others)?;
            row.staged.peer_cidrs.push(cidr);
        }
        Listing::RemovePeerCidr(cidr) => {
            staged.peer_cidrs.retain(|one| *one != cidr);
            forget_blocks(tx, row, &[cidr]).await?;
        }
        Listing::AddTranslation(one) => {
            check_translation(staged, &one)?;
            staged.translations.push(one);
        }
        Listing::ChangeTranslation(one) => {
            let mut known = staged.translations.iter();
            let place = known.position(|known| known.id == one.id);
            let place = place.ok_or(Error::NotListed)?;
            staged.translations.remove(place);
            check_translation(staged, &one)?;
            staged.translations.insert(place, one);
        }
        Listing::RemoveTranslation(id) => {
            staged.translations.retain(|known| known.id != id);
            let of = NumberOf::Translation;
            tx.forget_number(row.project, of, &id.to_string()).await?;
        }
    }
    Ok(())
}

/// The blocks of the subnets that a context lists, as far as these are there.
async fn subnet_blocks(tx: &mut dyn Transaction, row: &TunnelContext) -> Result<Vec<Cidr>, Error> {
    let mut blocks = Vec::new();
    for id in &row.staged.subnets {
        let subnet = tx.subnet(row.project, *id).await?;
        blocks.extend(subnet.map(|subnet| subnet.cidr));
    }
    Ok(blocks)
}

/// Takes the numbers of blocks away that a context listed and no other one of the project does.
pub(super) async fn forget_blocks(
    tx: &mut Change,
    row: &TunnelContext,
    blocks: &[Cidr],
) -> Result<(), Error> {
    let mut others = tx.tunnel_contexts(row.project).await?;
    others.retain(|other| other.id != row.id);
    for block in blocks {
        let mut others = others.iter();
        if !others.any(|other| other.staged.peer_cidrs.contains(block)) {
            let of = NumberOf::CustomerSubnet;
            tx.forget_number(row.project, of, &block.to_string())
                .await?;
        }
    }
    Ok(())
}

/// Refuses addresses that can't stand for each other, or do already.
fn check_translation(staged: &TunnelSettings, one: &Translation) -> Result<(), Error> {
    let Translation {
        internal, customer, ..
    } = one;
    let refused = |rule, message| Err(Error::invalid("translations", rule, message));
    match staged.assigned {
        Some(assigned) if assigned.contains((*internal).into()) => {}
        Some(assigned) => {
            let message = format!("{internal} is none of the assigned addresses, {assigned}");
            return refused(Rule::AddressOutside, message);
        }
        None => {
            let message = "the tunnel context has no assigned addresses".to_owned();
            return refused(Rule::AddressOutside, message);
        }
    }
    let mut blocks = staged.peer_cidrs.iter();
    if !blocks.any(|block| block.contains((*customer).into())) {
        let message = format!("{customer} is in none of the customer subnets");
        return refused(Rule::AddressOutside, message);
    }
    let mut known = staged.translations.iter();
    if let Some(other) =
        known.find(|known| known.internal == *internal || known.customer == *customer)
    {
        let message = format!("{} stands for {} already", other.internal, other.customer);
        return refused(Rule::AddressTaken, message);
    }
    Ok(())
}

fn check_room(count: usize) -> Result<(), Error> {
    if count < MOST_BLOCKS {
        return Ok(());
    }
    let message = format!("a tunnel context has at most {MOST_BLOCKS} blocks at an end");
    Err(Error::conflict(Rule::CidrSize, message))
}

fn check_apart(block: Cidr, others: &[Cidr]) -> Result<(), Error> {
    match others.iter().find(|other| other.overlaps(block)) {
        None => Ok(()),
        Some(other) => {
            let message =
                format!("{block} shares addresses with {other}, which the tunnel context has");
            Err(Error::invalid("peer_cidrs", Rule::CidrOverlap, message))
        }
    }
}
