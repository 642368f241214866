//! Connections: the wishes for tunnels.

use std::net::IpAddr;

use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{TunnelObserved, TunnelState};
use adit_model::{
    Cidr, Connection, ConnectionId, Gateway, GatewayId, IkePolicyId, IpsecPolicyId, Name,
    PeerAddress, Psk, Reason, ReasonCode, Revision,
};
use adit_store::Transaction;

use crate::change::Change;
use crate::error::{Error, Noun, Quota, Rule};
use crate::policies::Policies;
use crate::{Caller, Control, Naming, cidr_rules, gateway};

/// The longest interval and timeout of dead peer detection, in seconds.
const LONGEST_DPD: u32 = 86_399;

/// What a connection is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewConnection {
    /// What to call it.
    pub name: Name,
    /// Whether the name must be unique in the gateway.
    pub naming: Naming,
    /// The other end.
    pub peer_address: IpAddr,
    /// The pre-shared key.
    pub psk: Psk,
    /// What is reachable here.
    pub local_cidrs: Vec<Cidr>,
    /// What is reachable there.
    pub peer_cidrs: Vec<Cidr>,
    /// How a dead peer is noticed.
    pub dead_peer_detection: DeadPeerDetection,
    /// Phase 1, or `None` to negotiate.
    pub ike_policy: Option<IkePolicyId>,
    /// Phase 2, or `None` to negotiate.
    pub ipsec_policy: Option<IpsecPolicyId>,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: bool,
}

/// What to change of a connection; `None` leaves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionChange {
    /// Its name, and whether it must be unique.
    pub name: Option<(Name, Naming)>,
    /// The other end.
    pub peer_address: Option<IpAddr>,
    /// The pre-shared key.
    pub psk: Option<Psk>,
    /// What is reachable here.
    pub local_cidrs: Option<Vec<Cidr>>,
    /// What is reachable there.
    pub peer_cidrs: Option<Vec<Cidr>>,
    /// What to do when the peer is dead.
    pub dpd_action: Option<DpdAction>,
    /// Seconds between probes.
    pub dpd_interval_s: Option<u32>,
    /// Seconds until the peer is dead.
    pub dpd_timeout_s: Option<u32>,
    /// Phase 1; `Some(None)` is to negotiate.
    pub ike_policy: Option<Option<IkePolicyId>>,
    /// Phase 2; `Some(None)` is to negotiate.
    pub ipsec_policy: Option<Option<IpsecPolicyId>>,
    /// Whether the tunnel is wanted up.
    pub admin_state_up: Option<bool>,
}

/// A connection, how its tunnel is, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionView {
    /// The connection.
    pub connection: Connection,
    /// How far its tunnel has come.
    pub state: TunnelState,
    /// Why it is not up, and what to be warned of.
    pub reasons: Vec<Reason>,
    /// How far its gateway has come.
    pub gateway_status: GatewayStatus,
    /// What the gateway's worker last said of it.
    pub observed: Option<TunnelObserved>,
    /// Its gateway's public address, of the peer's family.
    pub local_address: IpAddr,
    /// Phase 1, with its name.
    pub ike_policy: Option<(IkePolicyId, Name)>,
    /// Phase 2, with its name.
    pub ipsec_policy: Option<(IpsecPolicyId, Name)>,
}

impl ConnectionView {
    /// Why the tunnel can't come up whatever the peer does and however long one waits, if that is
    /// so.
    #[must_use]
    pub fn hopeless(&self) -> Option<&Reason> {
        if self.state == TunnelState::Up {
            return None;
        }
        let is_lost_key =
            |one: &&Reason| self.connection.psk.is_lost() && one.code == ReasonCode::InternalError;
        let mut reasons = self.reasons.iter();
        reasons.find(|one| one.stays() || is_lost_key(one))
    }
}

/// Which end a block is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This one.
    Local,
    /// The other one.
    Peer,
}

impl Side {
    /// The blocks of this side.
    #[must_use]
    pub fn of(self, connection: &Connection) -> &[Cidr] {
        match self {
            Self::Local => &connection.local_cidrs,
            Self::Peer => &connection.peer_cidrs,
        }
    }

    fn of_mut(self, connection: &mut Connection) -> &mut Vec<Cidr> {
        match self {
            Self::Local => &mut connection.local_cidrs,
            Self::Peer => &mut connection.peer_cidrs,
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Local => "local_cidrs",
            Self::Peer => "peer_cidrs",
        }
    }
}

impl Control {
    /// Makes a connection. Its gateway may still be pending: the tunnel follows.
    ///
    /// # Errors
    /// No such gateway or policy; a rule or a quota is in the way.
    pub async fn create_connection(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        new: NewConnection,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.change(caller).await?;
        let gateway = gateway::find(&mut *tx, caller, gateway).await?;
        let siblings = tx.connections_of_gateway(gateway.id).await?;
        let limit = self.0.config.limits.connections;
        Error::over(Quota::Connections, siblings.len(), limit)?;
        check_name(&siblings, &new.name, new.naming, None)?;
        let row = Connection {
            id: ConnectionId::random(),
            project: caller.project,
            gateway: gateway.id,
            name: new.name,
            description: String::new(),
            peer_address: new.peer_address,
            peer_host: None,
            peer_id: None,
            local_id: None,
            psk: new.psk,
            local_cidrs: new.local_cidrs,
            peer_cidrs: new.peer_cidrs,
            local_group: None,
            peer_group: None,
            mtu: 0,
            initiator: Initiator::BiDirectional,
            dead_peer_detection: new.dead_peer_detection,
            ike_policy: new.ike_policy,
            ipsec_policy: new.ipsec_policy,
            admin_state_up: new.admin_state_up,
            created_at: self.now(),
            revision: Revision::FIRST,
        };
        self.check(&mut *tx, &gateway, &row).await?;
        tx.insert(&row).await?;
        let view = self.connection_view(&mut *tx, &gateway, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// A gateway's connections, oldest first.
    ///
    /// # Errors
    /// No such gateway.
    pub async fn connections(
        &self,
        caller: &Caller,
        gateway: GatewayId,
    ) -> Result<Vec<ConnectionView>, Error> {
        let mut tx = self.read().await?;
        let gateway = gateway::find(&mut *tx, caller, gateway).await?;
        let mut views = Vec::new();
        for row in tx.connections_of_gateway(gateway.id).await? {
            views.push(self.connection_view(&mut *tx, &gateway, row).await?);
        }
        Ok(views)
    }

    /// One connection of a gateway.
    ///
    /// # Errors
    /// No such gateway, or no such connection of it.
    pub async fn connection(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        id: ConnectionId,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.read().await?;
        let (gateway, row) = find(&mut *tx, caller, gateway, id).await?;
        self.connection_view(&mut *tx, &gateway, row).await
    }

    /// Changes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, of another revision, or a rule or a quota is in the way.
    pub async fn update_connection(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        id: ConnectionId,
        expected: Option<Revision>,
        change: ConnectionChange,
    ) -> Result<ConnectionView, Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, row) = find(&mut *tx, caller, gateway, id).await?;
        Error::stale(expected, row.revision)?;
        if let Some((name, naming)) = &change.name {
            let siblings = tx.connections_of_gateway(gateway.id).await?;
            check_name(&siblings, name, *naming, Some(id))?;
        }
        let row = change.apply(row);
        let view = self.save(&mut tx, &gateway, row).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Deletes a connection. With `expected`, only if it is of that revision.
    ///
    /// # Errors
    /// Not there, or of another revision.
    pub async fn delete_connection(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        id: ConnectionId,
        expected: Option<Revision>,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (_, row) = find(&mut *tx, caller, gateway, id).await?;
        Error::stale(expected, row.revision)?;
        tx.delete(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Adds a block to one side of a connection; answers whether it was new.
    ///
    /// # Errors
    /// Not there, or a rule or a quota is in the way.
    pub async fn add_cidr(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<bool, Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, mut row) = find(&mut *tx, caller, gateway, id).await?;
        if side.of(&row).contains(&cidr) {
            return Ok(false);
        }
        side.of_mut(&mut row).push(cidr);
        self.save(&mut tx, &gateway, row).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a block from one side of a connection.
    ///
    /// # Errors
    /// Not there, or it is the last one.
    pub async fn remove_cidr(
        &self,
        caller: &Caller,
        gateway: GatewayId,
        id: ConnectionId,
        side: Side,
        cidr: Cidr,
    ) -> Result<(), Error> {
        let mut tx = self.change(caller).await?;
        let (gateway, mut row) = find(&mut *tx, caller, gateway, id).await?;
        let list = side.of_mut(&mut row);
        if !list.contains(&cidr) {
            return Err(Error::NotListed);
        }
        if list.len() == 1 {
            let message = "a connection must have at least one local and one peer CIDR";
            return Err(Error::invalid(side.field(), Rule::LastCidr, message));
        }
        list.retain(|other| *other != cidr);
        self.save(&mut tx, &gateway, row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save(
        &self,
        tx: &mut Change,
        gateway: &Gateway,
        mut row: Connection,
    ) -> Result<ConnectionView, Error> {
        self.check(&mut **tx, gateway, &row).await?;
        row.revision = tx.update(&row).await?;
        self.connection_view(&mut **tx, gateway, row).await
    }

    /// Every rule but the one about names.
    async fn check(
        &self,
        tx: &mut dyn Transaction,
        gateway: &Gateway,
        row: &Connection,
    ) -> Result<(), Error> {
        if gateway.subnet.is_none() {
            let message = "the connections of this gateway get their blocks from endpoint groups";
            return Err(Error::conflict(Rule::Reference, message));
        }
        check_peer(gateway, row.peer_address)?;
        if gateway.addresses.toward(row.peer_address).is_none() {
            let own = gateway.addresses.v4;
            let message = format!("{} can't be reached from {own}", row.peer_address);
            return Err(Error::invalid("peer_address", Rule::PeerAddress, message));
        }
        check_dpd(row.dead_peer_detection)?;
        if let Some(id) = row.ike_policy {
            let policy = tx.ike_policy(row.project, id).await?;
            policy.ok_or(Error::NotFound(Noun::IkePolicy))?;
        }
        if let Some(id) = row.ipsec_policy {
            let policy = tx.ipsec_policy(row.project, id).await?;
            policy.ok_or(Error::NotFound(Noun::IpsecPolicy))?;
        }
        cidr_rules::check(tx, &self.0.config.limits, gateway, row).await
    }

    pub(crate) async fn connection_view(
        &self,
        tx: &mut dyn Transaction,
        gateway: &Gateway,
        connection: Connection,
    ) -> Result<ConnectionView, Error> {
        let mut policies = Policies::default();
        policies.look_up(tx, gateway, &connection).await?;
        Ok(self.connection_view_with(&mut policies, gateway, connection))
    }

    /// A view among several, with the policies that were looked up for all of them.
    pub(crate) fn connection_view_with(
        &self,
        policies: &mut Policies,
        gateway: &Gateway,
        connection: Connection,
    ) -> ConnectionView {
        let now = self.now();
        let view = &self.0.view;
        let observed = view.gateway(gateway, now);
        let wish = policies.wish(gateway, &connection);
        let (state, mut reasons) = view.connection(&connection, wish, &observed, now);
        reasons.extend(policies.warning(&connection));
        let (ike, ipsec) = policies.of(&connection);
        let ike_policy = ike.map(|policy| (policy.id, policy.name.clone()));
        let ipsec_policy = ipsec.map(|policy| (policy.id, policy.name.clone()));
        ConnectionView {
            state,
            reasons,
            gateway_status: observed.status,
            observed: view.tunnel(connection.gateway, connection.id),
            local_address: local_address(gateway, &connection),
            ike_policy,
            ipsec_policy,
            connection,
        }
    }
}

impl ConnectionChange {
    fn apply(self, mut row: Connection) -> Connection {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut row.name, self.name.map(|(name, _)| name));
        set(&mut row.peer_address, self.peer_address);
        set(&mut row.psk, self.psk);
        set(&mut row.local_cidrs, self.local_cidrs);
        set(&mut row.peer_cidrs, self.peer_cidrs);
        set(&mut row.dead_peer_detection.action, self.dpd_action);
        set(&mut row.dead_peer_detection.interval_s, self.dpd_interval_s);
        set(&mut row.dead_peer_detection.timeout_s, self.dpd_timeout_s);
        set(&mut row.ike_policy, self.ike_policy);
        set(&mut row.ipsec_policy, self.ipsec_policy);
        set(&mut row.admin_state_up, self.admin_state_up);
        row
    }
}

async fn find(
    tx: &mut dyn Transaction,
    caller: &Caller,
    gateway: GatewayId,
    id: ConnectionId,
) -> Result<(Gateway, Connection), Error> {
    let gateway = gateway::find(tx, caller, gateway).await?;
    let row = tx.connection(caller.scope(), id).await?;
    let row = row.filter(|row| row.gateway == gateway.id);
    Ok((gateway, row.ok_or(Error::NotFound(Noun::Connection))?))
}

/// Where a connection's tunnel is spoken from: the gateway's address of its peer's family. Only
/// peers that there is one for are taken.
pub(crate) fn local_address(gateway: &Gateway, connection: &Connection) -> IpAddr {
    let toward = gateway.addresses.toward(connection.peer_address);
    toward.unwrap_or(gateway.addresses.v4.into())
}

/// Refuses an address where this gateway's peer can't be.
pub(crate) fn check_peer(gateway: &Gateway, peer: IpAddr) -> Result<(), Error> {
    let message = match PeerAddress::check(peer) {
        Err(error) => error.to_string(),
        Ok(()) if gateway.addresses.contains(peer) => {
            format!("{peer} can't be the address of a peer: it is the gateway's own")
        }
        Ok(()) => return Ok(()),
    };
    Err(Error::invalid("peer_address", Rule::PeerAddress, message))
}

fn check_dpd(dpd: DeadPeerDetection) -> Result<(), Error> {
    let invalid = |field, message: &str| {
        let rule = Rule::DeadPeerDetection;
        Err(Error::invalid(field, rule, message))
    };
    if !(1..=LONGEST_DPD).contains(&dpd.interval_s) {
        return invalid(
            "dead_peer_detection.interval",
            "the interval is 1 to 86399 s",
        );
    }
    if !(2..=LONGEST_DPD).contains(&dpd.timeout_s) {
        return invalid("dead_peer_detection.timeout", "the timeout is 2 to 86399 s");
    }
    if dpd.timeout_s < dpd.interval_s {
        let message = "the timeout can't be shorter than the interval";
        return invalid("dead_peer_detection.timeout", message);
    }
    Ok(())
}

fn check_name(
    siblings: &[Connection],
    name: &Name,
    naming: Naming,
    own: Option<ConnectionId>,
) -> Result<(), Error> {
    let names = siblings.iter().map(|row| (&row.name, row.id));
    crate::check_name(Noun::Connection, names, name, naming, own)
}
