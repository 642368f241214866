//! Connections as a service's user makes them: with both policies named, found by their own id,
//! and leading either to the service's subnet or where endpoint groups say.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use adit_model::change::Actor;
use adit_model::cidr::CidrError;
use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::endpoint_group::EndpointKind;
use adit_model::observed::TunnelState;
use adit_model::policy::Transform;
use adit_model::{
    Cidr, Connection, ConnectionId, EndpointGroup, EndpointGroupId, Gateway, GatewayId,
    IkePolicyId, IpsecPolicyId, Name, PeerAddress, PeerAddressError, ProjectId, Psk, Reason,
    ReasonCode, Revision, RouterId, SubnetId,
};
use adit_store::{Query, Transaction};
use tokio::task::JoinSet;

use crate::change::Change;
use crate::connection::{ConnectionView, check_peer};
use crate::error::{Error, Noun, Rule};
use crate::policies::Policies;
use crate::quota::Resource;
use crate::resolver::Found;
use crate::view::{is_to_any, tell_hopeless};
use crate::{Caller, Control, attached_subnet, cidr_rules, endpoint_group, gateway};

/// Why the parts of a service, a group or a connection don't fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SiteError {
    /// The policy asks for AH within ESP.
    #[error("ESP within AH is not something that connections can have")]
    AhEsp,
    /// Dead peer detection would end before it began.
    #[error("the timeout of dead peer detection must be longer than its interval")]
    DpdTimeout,
    /// Local and peer blocks are of different families.
    #[error("local and peer blocks are of different IP versions")]
    FamiliesDiffer,
    /// The service has a subnet, and groups are given.
    #[error("a service with a subnet takes no endpoint groups")]
    GroupsWithSubnet {
        /// Whether the local one is.
        local: bool,
        /// Whether the peer one is.
        peer: bool,
    },
    /// The service has no subnet, and groups are missing.
    #[error("a service without a subnet needs a local and a peer endpoint group")]
    MissingGroups {
        /// Whether the local one is.
        local: bool,
        /// Whether the peer one is.
        peer: bool,
    },
    /// The service has a subnet, and no peer blocks are given.
    #[error("a service with a subnet needs the peer's blocks")]
    MissingPeerCidrs,
    /// A group has blocks of both families.
    #[error("the endpoint group {0} has blocks of both IP versions")]
    MixedGroup(EndpointGroupId),
    /// Peer blocks are of both families.
    #[error("the peer's blocks are of both IP versions")]
    MixedPeerCidrs,
    /// The MTU is below the least of its IP version.
    #[error("an MTU of {mtu} is too small")]
    MtuTooSmall {
        /// What was asked for.
        mtu: u32,
        /// Whether local blocks are IPv4.
        is_ipv4: bool,
    },
    /// The router has no external address of the peer's family.
    #[error("the router {router} has no external address to reach that peer from")]
    NoExternalFamily {
        /// The router.
        router: RouterId,
        /// Whether the peer is IPv4.
        is_ipv4: bool,
    },
    /// The service has no subnet, and peer blocks are given.
    #[error("peer blocks and endpoint groups don't go together")]
    PeerCidrsWithGroups,
    /// The host can't be found.
    #[error("the address of the peer {0} can't be found")]
    PeerUnresolved(String),
    /// The router has no way outside.
    #[error("the router {0} has no way outside")]
    RouterNotExternal(RouterId),
    /// A subnet is not on the router.
    #[error("the subnet {subnet} is not on the router {router}")]
    SubnetNotOnRouter {
        /// The subnet.
        subnet: SubnetId,
        /// The router.
        router: RouterId,
    },
    /// A group names a subnet that is not there.
    #[error("the subnet {0} is not there")]
    UnknownSubnetInGroup(String),
    /// A group is of a kind that can't be used there.
    #[error("the endpoint group {group} must be of the kind {}", wanted.as_str())]
    WrongGroupKind {
        /// The group.
        group: EndpointGroupId,
        /// Its kind.
        kind: EndpointKind,
        /// The kind it must be.
        wanted: EndpointKind,
    },
}

/// What a connection is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSiteConnection {
    /// What to call it.
    pub name: Name,
    /// What to say of it.
    pub description: String,
    /// The service.
    pub gateway: GatewayId,
    /// Phase 1.
    pub ike_policy: IkePolicyId,
    /// Phase 2.
    pub ipsec_policy: IpsecPolicyId,
    /// Who this end says it is; empty for the service's address.
    pub local_id: String,
    /// The other end: an address, or a host's name.
    pub peer_address: String,
    /// Who the other end must say it is.
    pub peer_id: String,
    /// What is reachable there, when the service has a subnet.
    pub peer_cidrs: Vec<Cidr>,
    /// What is reachable here, when it has none.
    pub local_group: Option<EndpointGroupId>,
    /// What is reachable there, when it has none.
    pub peer_group: Option<EndpointGroupId>,
    /// The most octets of an inner packet; 0 leaves it to what the path carries.
    pub mtu: u32,
    /// Who begins.
    pub initiator: Initiator,
    /// The pre-shared key.
    pub psk: Psk,
    /// How a dead peer is noticed.
    pub dpd: DeadPeerDetection,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: bool,
}

/// What to change of a connection; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of NewSiteConnection")]
pub struct SiteConnectionChange {
    pub name: Option<Name>,
    pub description: Option<String>,
    pub local_id: Option<String>,
    pub peer_address: Option<String>,
    pub peer_id: Option<String>,
    pub peer_cidrs: Option<Vec<Cidr>>,
    pub local_group: Option<Option<EndpointGroupId>>,
    pub peer_group: Option<Option<EndpointGroupId>>,
    pub mtu: Option<u32>,
    pub initiator: Option<Initiator>,
    pub psk: Option<Psk>,
    pub dpd_action: Option<DpdAction>,
    pub dpd_interval_s: Option<u32>,
    pub dpd_timeout_s: Option<u32>,
    pub admin_state_up: Option<bool>,
}

/// Where a peer is that was given by name, while nobody has said where that is.
pub(crate) const NOT_FOUND_YET: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A peer as it was given, and where it may be.
struct Peer {
    given: String,
    parsed: Result<PeerAddress, PeerAddressError>,
    found: Found,
}

impl Peer {
    /// The host's name, if that is what was given.
    fn host(&self) -> Option<String> {
        self.parsed.as_ref().ok()?.host().map(str::to_owned)
    }
}

impl Control {
    /// Makes a connection. Its service may still be pending: the tunnel follows.
    ///
    /// # Errors
    /// Something it names is not there, its parts don't fit together, or the quota is used up.
    pub async fn create_site_connection(
        &self,
        caller: &Caller,
        new: NewSiteConnection,
    ) -> Result<ConnectionView, Error> {
        // A slow name server must not hold up other writers.
        caller.may_write()?;
        let peer = self.find_peer(caller.project, new.peer_address).await;
        let _turn = match peer.host() {
            // Others wait for the end of the whole already.
            _ if self.is_together() => None,
            Some(_) => self.0.lookups.turn_to_write(caller.project).await,
            None => None,
        };
        let mut tx = self.change(caller).await?;
        self.check_quota(&mut *tx, caller.project, Resource::Connection)
            .await?;
        let mut row = Connection {
            id: ConnectionId::random(),
            project: caller.project,
            gateway: new.gateway,
            name: new.name,
            description: new.description,
            peer_address: IpAddr::from([0; 4]),
            peer_host: None,
            peer_id: Some(new.peer_id),
            local_id: some(new.local_id),
            psk: new.psk,
            local_cidrs: Vec::new(),
            peer_cidrs: new.peer_cidrs,
            local_group: new.local_group,
            peer_group: new.peer_group,
            mtu: new.mtu,
            initiator: new.initiator,
            dead_peer_detection: new.dpd,
            ike_policy: Some(new.ike_policy),
            ipsec_policy: Some(new.ipsec_policy),
            admin_state_up: new.admin_state_up,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        let gateway = fit(&mut *tx, caller, &mut row, Some(&peer)).await?;
        tx.insert(&row).await?;
        let view = self.connection_view(&mut *tx, &gateway, row).await?;
        look_up_later(&mut tx, &view.connection);
        tx.commit().await?;
        tell_hopeless_peer(&view);
        Ok(view)
    }

    /// The connections that are asked for, as far as the caller may see them.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn page_site_connections(
        &self,
        caller: &Caller,
        query: Query,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut tx = self.read().await?;
        let rows = tx.page_connections(caller.within(query)).await?;
        self.connection_views(&mut *tx, rows).await
    }

    /// Several, with what many of them share looked up once.
    pub(crate) async fn connection_views(
        &self,
        tx: &mut dyn Transaction,
        rows: Vec<Connection>,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut gateways = HashMap::new();
        let mut policies = Policies::default();
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let gateway = match gateways.entry(row.gateway) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let gateway = tx.any_gateway(row.gateway).await?;
                    place.insert(gateway.ok_or(Error::NotFound(Noun::Gateway))?)
                }
            };
            policies.look_up(tx, gateway, &row).await?;
            views.push(self.connection_view_with(&mut policies, gateway, row));
        }
        Ok(views)
    }

    /// One connection.
    ///
    /// # Errors
    /// It is not there.
    pub async fn site_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.read().await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        self.connection_view(&mut *tx, &gateway, row).await
    }

    /// Changes a connection.
    ///
    /// # Errors
    /// It is not there, or its parts would not fit together.
    pub async fn update_site_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
        change: SiteConnectionChange,
    ) -> Result<ConnectionView, Error> {
        caller.may_write()?;
        let peer = match change.peer_address.clone() {
            Some(given) => Some(self.find_peer(caller.project, given).await),
            None => None,
        };
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, id).await?;
        let mut row = change.apply(row);
        fit(&mut *tx, caller, &mut row, peer.as_ref()).await?;
        row.revision = tx.update(&row).await?;
        let view = self.connection_view(&mut *tx, &gateway, row).await?;
        look_up_later(&mut tx, &view.connection);
        tx.commit().await?;
        if peer.is_some() {
            tell_hopeless_peer(&view);
        }
        Ok(view)
    }

    /// Deletes a connection.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_site_connection(
        &self,
        caller: &Caller,
        id: ConnectionId,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (_, row) = find(&mut *tx, caller, id).await?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn find_peer(&self, project: ProjectId, given: String) -> Peer {
        let parsed = given.parse();
        let found = match &parsed {
            // Nobody is to wait for a name server while others wait for the end of the whole.
            Ok(PeerAddress::Named(_)) if self.is_together() => Found::NotYet,
            Ok(PeerAddress::Named(host)) => self.0.lookups.soon(project, host).await,
            Ok(PeerAddress::At(address)) => Found::At(vec![*address]),
            Ok(PeerAddress::Any) => Found::At(vec![PeerAddress::ANY]),
            Err(_) => Found::Nowhere,
        };
        Peer {
            given,
            parsed,
            found,
        }
    }

    /// Looks up every peer that was given by name, and has those tunnels follow that moved.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn follow_peers(&self) -> Result<(), Error> {
        let mut followers = self.followers().await?;
        while followers.join_next().await.is_some() {}
        Ok(())
    }

    /// The same, each project on its own: where one's names are slow, no other waits. Those that
    /// are still at it from the last time are left out.
    pub(crate) async fn followers(&self) -> Result<JoinSet<()>, Error> {
        let mut tx = self.read().await?;
        let mut named = BTreeMap::<_, Vec<_>>::new();
        for row in tx.connections_with_peer_host().await? {
            named.entry(row.project).or_default().push(row);
        }
        drop(tx);
        let mut followers = JoinSet::new();
        for (project, rows) in named {
            let Some(turn) = self.0.lookups.follow(project) else {
                continue;
            };
            let control = self.clone();
            followers.spawn(async move {
                let each = rows.iter().map(|row| control.follow(row));
                for outcome in futures_util::future::join_all(each).await {
                    if let Err(error) = outcome {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "a peer could not be followed");
                    }
                }
                drop(turn);
            });
        }
        Ok(followers)
    }

    async fn follow(&self, row: &Connection) -> Result<(), Error> {
        let Some(host) = &row.peer_host else {
            return Ok(());
        };
        let Found::At(found) = self.0.lookups.ask(row.project, host).await else {
            return Ok(());
        };
        // A host may have several addresses, in another order each time: one that is still its own
        // is kept, while it answers.
        let fails = found.len() > 1 && self.peer_is_silent(row);
        if found.contains(&row.peer_address) && !fails {
            return Ok(());
        }
        let mut tx = self.change_by(Actor::Service).await?;
        let current = tx.any_connection(row.id).await?;
        let Some(mut current) = current.filter(|now| now.peer_host == row.peer_host) else {
            return Ok(());
        };
        let Some(gateway) = tx.any_gateway(current.gateway).await? else {
            return Ok(());
        };
        let before = current.peer_address;
        let is_other = |found: &IpAddr| {
            let in_family = match before {
                NOT_FOUND_YET => gateway.addresses.toward(*found).is_some(),
                _ => found.is_ipv4() == before.is_ipv4(),
            };
            in_family && *found != before && check_peer(&gateway, *found).is_ok()
        };
        let mut others: Vec<_> = found.into_iter().filter(is_other).collect();
        if fails {
            // Each in its turn, in whatever order they come.
            others.sort_unstable();
            let first_after = others.partition_point(|other| *other <= before);
            others.rotate_left(first_after);
        }
        let Some(found) = others.first().copied() else {
            return Ok(());
        };
        tracing::info!(connection = %row.id, host, %before, %found, fails, "the peer is looked for elsewhere");
        current.peer_address = found;
        tx.update(&current).await?;
        // What was seen was seen of the address before.
        tx.then(move |inner| inner.view.forget_tunnel(current.gateway, current.id));
        tx.commit().await?;
        Ok(())
    }

    /// Whether a connection's tunnel is not up since nobody answers where its peer is taken to be.
    fn peer_is_silent(&self, row: &Connection) -> bool {
        let Some(seen) = self.0.view.tunnel(row.gateway, row.id) else {
            return false;
        };
        let silent = |reason: &Reason| reason.code == ReasonCode::PeerNotResponding;
        seen.state != TunnelState::Up && seen.reasons.iter().any(silent)
    }
}

impl SiteConnectionChange {
    fn apply(self, mut row: Connection) -> Connection {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut row.name, self.name);
        set(&mut row.description, self.description);
        set(&mut row.local_id, self.local_id.map(some));
        set(&mut row.peer_id, self.peer_id.map(Some));
        match self.peer_cidrs {
            Some(cidrs) => row.peer_cidrs = cidrs,
            // They come from the group again.
            None if row.peer_group.is_some() => row.peer_cidrs.clear(),
            None => {}
        }
        set(&mut row.local_group, self.local_group);
        set(&mut row.peer_group, self.peer_group);
        set(&mut row.mtu, self.mtu);
        set(&mut row.initiator, self.initiator);
        set(&mut row.psk, self.psk);
        set(&mut row.dead_peer_detection.action, self.dpd_action);
        set(&mut row.dead_peer_detection.interval_s, self.dpd_interval_s);
        set(&mut row.dead_peer_detection.timeout_s, self.dpd_timeout_s);
        set(&mut row.admin_state_up, self.admin_state_up);
        row
    }
}

/// What is wrong with it from the first, before a worker has seen it.
fn tell_hopeless_peer(view: &ConnectionView) {
    if is_to_any(&view.connection)
        && let Some(reason) = view.hopeless()
    {
        tell_hopeless(view.connection.id, reason);
    }
}

/// Has it looked up soon where a connection's peer is, if that isn't known yet.
fn look_up_later(tx: &mut Change, row: &Connection) {
    if row.peer_host.is_some() && row.peer_address == NOT_FOUND_YET {
        tx.then(|inner| inner.lookups.wake());
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    id: ConnectionId,
) -> Result<(Gateway, Connection), Error> {
    let row = tx.connection(caller.scope(), id).await?;
    let row = row.ok_or(Error::NotFound(Noun::Connection))?;
    let gateway = tx.any_gateway(row.gateway).await?;
    Ok((gateway.ok_or(Error::NotFound(Noun::Gateway))?, row))
}

/// Checks that the parts of a connection fit together, in the order in which users are told, and
/// fills in what follows from them: the blocks of both ends and the peer's address.
async fn fit(
    tx: &mut dyn Transaction,
    caller: &Caller,
    row: &mut Connection,
    peer: Option<&Peer>,
) -> Result<Gateway, Error> {
    let ipsec = row.ipsec_policy.ok_or(Error::NotFound(Noun::IpsecPolicy))?;
    let ipsec = tx.ipsec_policy(caller.scope(), ipsec).await?;
    let ipsec = ipsec.ok_or(Error::NotFound(Noun::IpsecPolicy))?;
    if ipsec.parameters.transform == Transform::AhEsp {
        return Err(SiteError::AhEsp.into());
    }
    let gateway = gateway::find(tx, caller, row.gateway).await?;
    let ike = row.ike_policy.ok_or(Error::NotFound(Noun::IkePolicy))?;
    let ike = tx.ike_policy(caller.scope(), ike).await?;
    ike.ok_or(Error::NotFound(Noun::IkePolicy))?;
    match gateway.subnet {
        Some(subnet) => to_subnet(tx, row, subnet).await?,
        None => by_groups(tx, caller, &gateway, row).await?,
    }
    let dpd = row.dead_peer_detection;
    if dpd.timeout_s <= dpd.interval_s {
        return Err(SiteError::DpdTimeout.into());
    }
    let is_ipv4 = row.local_cidrs.iter().any(|cidr| cidr.is_ipv4());
    let least = if is_ipv4 { 68 } else { 1280 };
    if row.mtu != 0 && row.mtu < least {
        let mtu = row.mtu;
        return Err(SiteError::MtuTooSmall { mtu, is_ipv4 }.into());
    }
    let field = match row.peer_group {
        Some(_) => "peer_ep_group_id",
        None => "peer_cidrs",
    };
    cidr_rules::check_networks(tx, gateway.router, field, &row.peer_cidrs).await?;
    if let Some(peer) = peer {
        row.peer_address = reachable(&gateway, peer)?;
        row.peer_host = peer.host();
    }
    Ok(gateway)
}

/// The first of a peer's addresses that the service has one of its own for, and where a peer can be.
fn reachable(gateway: &Gateway, peer: &Peer) -> Result<IpAddr, Error> {
    match &peer.parsed {
        Ok(PeerAddress::Any) => return Ok(PeerAddress::ANY),
        // Nobody can look up what is no name.
        Ok(_) | Err(PeerAddressError::Syntax(_)) => {}
        Err(error) => {
            let rule = Rule::PeerAddress;
            return Err(Error::invalid("peer_address", rule, error.to_string()));
        }
    }
    let found = match &peer.found {
        Found::At(found) => found.as_slice(),
        Found::Nowhere => &[],
        Found::NotYet => return Ok(NOT_FOUND_YET),
    };
    let first = found.first();
    let first = first.ok_or_else(|| SiteError::PeerUnresolved(peer.given.clone()))?;
    let mut with_own = found
        .iter()
        .filter(|found| gateway.addresses.toward(**found).is_some())
        .peekable();
    let Some(reachable) = with_own.peek().copied() else {
        let router = gateway.router;
        let is_ipv4 = first.is_ipv4();
        return Err(SiteError::NoExternalFamily { router, is_ipv4 }.into());
    };
    match with_own.find(|found| check_peer(gateway, **found).is_ok()) {
        Some(found) => Ok(*found),
        None => check_peer(gateway, *reachable).map(|()| *reachable),
    }
}

/// The service's subnet here, the blocks that were given there.
async fn to_subnet(
    tx: &mut dyn Transaction,
    row: &mut Connection,
    subnet: SubnetId,
) -> Result<(), Error> {
    if row.peer_cidrs.is_empty() {
        return Err(SiteError::MissingPeerCidrs.into());
    }
    let (local, peer) = (row.local_group.is_some(), row.peer_group.is_some());
    if local || peer {
        return Err(SiteError::GroupsWithSubnet { local, peer }.into());
    }
    let subnet = tx.any_subnet(subnet).await?;
    let subnet = subnet.ok_or(Error::NotFound(Noun::Subnet))?;
    let family = family(&row.peer_cidrs).ok_or(SiteError::MixedPeerCidrs)?;
    if family != subnet.cidr.is_ipv4() {
        return Err(SiteError::FamiliesDiffer.into());
    }
    row.local_cidrs = vec![subnet.cidr];
    Ok(())
}

/// What the groups say, here and there.
async fn by_groups(
    tx: &mut dyn Transaction,
    caller: &Caller,
    gateway: &Gateway,
    row: &mut Connection,
) -> Result<(), Error> {
    if !row.peer_cidrs.is_empty() {
        return Err(SiteError::PeerCidrsWithGroups.into());
    }
    let (Some(local), Some(peer)) = (row.local_group, row.peer_group) else {
        let (local, peer) = (row.local_group.is_none(), row.peer_group.is_none());
        return Err(SiteError::MissingGroups { local, peer }.into());
    };
    let local = endpoint_group::find(tx, caller, local).await?;
    let peer = endpoint_group::find(tx, caller, peer).await?;
    need_kind(&local, EndpointKind::Subnet)?;
    let on_router = attached_subnet::of_router(tx, gateway.router).await?;
    let mut local_cidrs = Vec::new();
    for text in &local.endpoints {
        let subnet: SubnetId = text
            .parse()
            .map_err(|error: uuid::Error| Error::Internal(error.into()))?;
        let router = gateway.router;
        let found = on_router.iter().find(|row| row.id == subnet);
        local_cidrs.push(
            found
                .ok_or(SiteError::SubnetNotOnRouter { subnet, router })?
                .cidr,
        );
    }
    let local_family = family(&local_cidrs).ok_or(SiteError::MixedGroup(local.id))?;
    need_kind(&peer, EndpointKind::Cidr)?;
    let mut peer_cidrs = Vec::new();
    for text in &peer.endpoints {
        // One that was made when zeros before numbers were let through.
        let invalid = |error: CidrError| {
            Error::invalid("peer_ep_group_id", Rule::Reference, error.to_string())
        };
        let cidr = Cidr::containing(text).map_err(invalid)?;
        if !peer_cidrs.contains(&cidr) {
            peer_cidrs.push(cidr);
        }
    }
    let peer_family = family(&peer_cidrs).ok_or(SiteError::MixedGroup(peer.id))?;
    if local_family != peer_family {
        return Err(SiteError::FamiliesDiffer.into());
    }
    row.local_cidrs = local_cidrs;
    row.peer_cidrs = peer_cidrs;
    Ok(())
}

fn need_kind(group: &EndpointGroup, wanted: EndpointKind) -> Result<(), SiteError> {
    if group.kind == wanted {
        return Ok(());
    }
    Err(SiteError::WrongGroupKind {
        group: group.id,
        kind: group.kind,
        wanted,
    })
}

/// Whether all blocks are IPv4, or none; nothing when they differ.
fn family(cidrs: &[Cidr]) -> Option<bool> {
    let is_ipv4 = cidrs.first()?.is_ipv4();
    cidrs
        .iter()
        .all(|cidr| cidr.is_ipv4() == is_ipv4)
        .then_some(is_ipv4)
}
