//! What somebody wants a connection's ends to be, and what that comes to on its gateway.

use adit_model::connection::{Ends, GroupBlocks};
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::{Cidr, EndpointGroup, EndpointGroupId, Gateway, SubnetId};
use adit_store::Transaction;

use crate::error::{Error, Noun, Rule};
use crate::misfit::Misfit;
use crate::{Caller, on_router};

/// The ends of a connection, as somebody gives them. A gateway with a subnet takes blocks, one without
/// takes groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GivenEnds {
    /// Blocks here; `None` is the gateway's subnet.
    pub local_cidrs: Option<Vec<Cidr>>,
    /// Blocks there.
    pub peer_cidrs: Vec<Cidr>,
    /// A group of subnets here.
    pub local_group: Option<EndpointGroupId>,
    /// A group of blocks there.
    pub peer_group: Option<EndpointGroupId>,
}

/// What to change of them; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of GivenEnds")]
pub struct EndsChange {
    pub local_cidrs: Option<Vec<Cidr>>,
    pub peer_cidrs: Option<Vec<Cidr>>,
    pub local_group: Option<Option<EndpointGroupId>>,
    pub peer_group: Option<Option<EndpointGroupId>>,
}

impl From<&Ends> for GivenEnds {
    fn from(ends: &Ends) -> Self {
        match ends {
            Ends::Blocks { local, peer } => Self {
                local_cidrs: Some(local.clone()),
                peer_cidrs: peer.clone(),
                ..Self::default()
            },
            Ends::Subnet { peer, .. } => Self {
                peer_cidrs: peer.clone(),
                ..Self::default()
            },
            // Nobody gives them here.
            Ends::Routes { .. } => Self::default(),
            Ends::Groups { local, peer } => Self {
                local_group: Some(local.group),
                peer_group: Some(peer.group),
                ..Self::default()
            },
        }
    }
}

impl GivenEnds {
    pub(super) fn change(self, change: EndsChange) -> Self {
        Self {
            local_cidrs: change.local_cidrs.or(self.local_cidrs),
            peer_cidrs: change.peer_cidrs.unwrap_or(self.peer_cidrs),
            local_group: change.local_group.unwrap_or(self.local_group),
            peer_group: change.peer_group.unwrap_or(self.peer_group),
        }
    }

    /// Refuses any: those of a connection of a gateway in route mode are what routes say.
    pub(super) fn check_none(&self) -> Result<(), Error> {
        if *self == Self::default() {
            return Ok(());
        }
        let message = "the connections of a gateway in route mode have no blocks of their own: make routes that \
                       lead to them";
        Err(Error::invalid("peer_cidrs", Rule::Reference, message))
    }

    /// What they come to. Both ends are of one IP version, and neither has nothing. Of the `outside` subnets a
    /// gateway has its own address.
    pub(super) async fn resolve(
        self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        gateway: &Gateway,
        outside: &[SubnetId],
    ) -> Result<Ends, Error> {
        match gateway.subnet {
            Some(subnet) => self.on_subnet(tx, subnet).await,
            None => self.by_groups(tx, caller, gateway, outside).await,
        }
    }

    /// The blocks that were given, or the gateway's subnet here.
    async fn on_subnet(self, tx: &mut dyn Transaction, subnet: SubnetId) -> Result<Ends, Error> {
        if self.local_cidrs.as_ref().is_some_and(Vec::is_empty) {
            let message = "a connection needs at least one of local_cidrs";
            return Err(Error::invalid("local_cidrs", Rule::ListEmpty, message));
        }
        if self.peer_cidrs.is_empty() {
            return Err(Misfit::MissingPeerCidrs.into());
        }
        let (local, peer) = (self.local_group.is_some(), self.peer_group.is_some());
        if local || peer {
            return Err(Misfit::GroupsWithSubnet { local, peer }.into());
        }
        let peer = self.peer_cidrs;
        let ends = match self.local_cidrs {
            Some(local) => Ends::Blocks { local, peer },
            None => {
                let subnet = tx.any_subnet(subnet).await?;
                let local = subnet.ok_or(Error::NotFound(Noun::Subnet))?.cidr;
                Ends::Subnet { local, peer }
            }
        };
        let there = family(ends.peer()).ok_or(Misfit::MixedPeerCidrs)?;
        if family(ends.local()) != Some(there) {
            return Err(Misfit::FamiliesDiffer.into());
        }
        Ok(ends)
    }

    /// What the groups say, here and there.
    async fn by_groups(
        self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        gateway: &Gateway,
        outside: &[SubnetId],
    ) -> Result<Ends, Error> {
        if self.local_cidrs.is_some() {
            let message = "the connections of this gateway get their blocks from endpoint groups";
            return Err(Error::conflict(Rule::Reference, message));
        }
        if !self.peer_cidrs.is_empty() {
            return Err(Misfit::PeerCidrsWithGroups.into());
        }
        let (Some(local), Some(peer)) = (self.local_group, self.peer_group) else {
            let (local, peer) = (self.local_group.is_none(), self.peer_group.is_none());
            return Err(Misfit::MissingGroups { local, peer }.into());
        };
        let local = find(tx, caller, local).await?;
        let peer = find(tx, caller, peer).await?;
        let local = GroupBlocks {
            group: local.id,
            cidrs: of_subnets(tx, gateway, &local, outside).await?,
        };
        let here = family(&local.cidrs).ok_or(Misfit::MixedGroup(local.group))?;
        let peer = GroupBlocks {
            group: peer.id,
            cidrs: of_blocks(&peer)?,
        };
        let there = family(&peer.cidrs).ok_or(Misfit::MixedGroup(peer.group))?;
        if here != there {
            return Err(Misfit::FamiliesDiffer.into());
        }
        Ok(Ends::Groups { local, peer })
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: EndpointGroupId,
) -> Result<EndpointGroup, Error> {
    let row = tx.endpoint_group(caller.scope(), id).await?;
    row.ok_or(Error::NotFound(Noun::EndpointGroup))
}

/// The blocks of a group's subnets, all of which are on the gateway's router, or of the gateway's own addresses.
async fn of_subnets(
    tx: &mut dyn Transaction,
    gateway: &Gateway,
    group: &EndpointGroup,
    outside: &[SubnetId],
) -> Result<Vec<Cidr>, Error> {
    let Endpoints::Subnets(subnets) = &group.endpoints else {
        return Err(wrong_kind(group, EndpointKind::Subnet).into());
    };
    let router = gateway.router;
    let known = on_router::subnets(tx, router).await?;
    let mut cidrs = Vec::new();
    for subnet in subnets {
        let subnet = subnet.value;
        let found = known.iter().find(|row| row.id == subnet);
        let found = match found {
            Some(found) => Some(found.cidr),
            None if outside.contains(&subnet) => own(tx, gateway, subnet).await?,
            None => None,
        };
        cidrs.push(found.ok_or(Misfit::SubnetNotOnRouter { subnet, router })?);
    }
    Ok(cidrs)
}

/// The gateway's own address of a subnet, as a block.
async fn own(
    tx: &mut dyn Transaction,
    gateway: &Gateway,
    subnet: SubnetId,
) -> Result<Option<Cidr>, Error> {
    let subnet = tx.any_subnet(subnet).await?;
    let mut addresses = gateway.addresses.all();
    let own = addresses.find(|one| subnet.as_ref().is_some_and(|row| row.cidr.contains(*one)));
    Ok(own.map(Cidr::host))
}

/// A group's blocks, each once.
fn of_blocks(group: &EndpointGroup) -> Result<Vec<Cidr>, Misfit> {
    let Endpoints::Cidrs(blocks) = &group.endpoints else {
        return Err(wrong_kind(group, EndpointKind::Cidr));
    };
    let mut cidrs = Vec::new();
    for block in blocks {
        if !cidrs.contains(&block.value) {
            cidrs.push(block.value);
        }
    }
    Ok(cidrs)
}

fn wrong_kind(group: &EndpointGroup, wanted: EndpointKind) -> Misfit {
    Misfit::WrongGroupKind {
        group: group.id,
        kind: group.endpoints.kind(),
        wanted,
    }
}

/// Whether all blocks are IPv4, or none; nothing when they differ.
fn family(cidrs: &[Cidr]) -> Option<bool> {
    let is_ipv4 = cidrs.first()?.is_ipv4();
    let same = cidrs.iter().all(|cidr| cidr.is_ipv4() == is_ipv4);
    same.then_some(is_ipv4)
}
