//! What was seen, in memory, and the status that follows from it and from what is wished.
//!
//! Nothing here is a wish: after a restart the view is empty, and the agent's news fill it again.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Drops, GatewayObserved, TunnelObserved, TunnelState};
use adit_model::{
    Connection, ConnectionId, Gateway, GatewayId, NetworkId, OuterAddresses, Port, PortId, Reason,
    ReasonCode, RouterId, Whose,
};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::resolver::NOT_FOUND_YET;
use crate::tunnel_log::{LogLine, TunnelLog};

pub(crate) struct View {
    seen: RwLock<Seen>,
    changes: watch::Sender<u64>,
    started: OffsetDateTime,
    pending: Duration,
}

#[derive(Default)]
struct Seen {
    /// The networks that were applied, each with the ports whose machines are there.
    networks: HashMap<NetworkId, HashSet<PortId>>,
    routers: HashMap<RouterId, SeenRouter>,
    gateways: HashMap<GatewayId, SeenGateway>,
    tunnels: HashMap<GatewayId, HashMap<ConnectionId, TunnelObserved>>,
    /// What happened to tunnels, those that are gone for now included.
    logs: HashMap<GatewayId, HashMap<ConnectionId, TunnelLog>>,
    /// What each gateway dropped, and its half-open IKE SAs.
    loads: HashMap<GatewayId, (Drops, u64)>,
    /// How often each gateway's worker was started.
    starts: HashMap<GatewayId, u64>,
    /// How often each tunnel's Child SAs were replaced while it was up.
    rekeys: HashMap<(GatewayId, ConnectionId), u64>,
    /// What the host may have of a gateway, from before it is made until after it is removed.
    held: HashMap<GatewayId, (RouterId, OuterAddresses)>,
}

#[derive(Default)]
struct SeenRouter {
    /// Whether it was ever applied, so that gateways can live on it.
    applied: bool,
    /// Why it could not be applied the last time.
    failure: Option<Reason>,
}

struct SeenGateway {
    observed: GatewayObserved,
    since: OffsetDateTime,
}

/// Something being noted. What it drops last says that there is something new: whoever is woken
/// by that finds it noted.
struct Noting<'a> {
    seen: RwLockWriteGuard<'a, Seen>,
    _bell: Bell<'a>,
}

struct Bell<'a>(&'a watch::Sender<u64>);

impl Drop for Bell<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Deref for Noting<'_> {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl DerefMut for Noting<'_> {
    fn deref_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl View {
    pub(crate) fn new(started: OffsetDateTime, pending: Duration) -> Self {
        Self {
            seen: RwLock::default(),
            changes: watch::Sender::new(0),
            started,
            pending,
        }
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> Noting<'_> {
        Noting {
            seen: self.seen.write().unwrap_or_else(PoisonError::into_inner),
            _bell: Bell(&self.changes),
        }
    }

    /// Notes that the host may have something of this gateway.
    pub(crate) fn hold(&self, gateway: &Gateway) {
        let place = (gateway.router, gateway.addresses);
        if self.read().held.get(&gateway.id) == Some(&place) {
            return;
        }
        self.write().held.insert(gateway.id, place);
    }

    /// Addresses of gateways that are there, or are about to go.
    pub(crate) fn held_addresses(&self) -> HashSet<IpAddr> {
        self.read()
            .held
            .values()
            .flat_map(|(_, addresses)| addresses.all())
            .collect()
    }

    pub(crate) fn holds_any_of(&self, router: RouterId) -> bool {
        self.read().held.values().any(|(of, _)| *of == router)
    }

    pub(crate) fn are_applied(&self, mut networks: impl Iterator<Item = NetworkId>) -> bool {
        let seen = self.read();
        networks.all(|network| seen.networks.contains_key(&network))
    }

    pub(crate) fn set_network(&self, network: NetworkId, machines: HashSet<PortId>) {
        self.write().networks.insert(network, machines);
    }

    pub(crate) fn has_machine(&self, port: &Port) -> bool {
        let seen = self.read();
        let machines = seen.networks.get(&port.network);
        machines.is_some_and(|machines| machines.contains(&port.id))
    }

    pub(crate) fn forget_network(&self, network: NetworkId) {
        self.write().networks.remove(&network);
    }

    pub(crate) fn router_is_applied(&self, router: RouterId) -> bool {
        self.read()
            .routers
            .get(&router)
            .is_some_and(|seen| seen.applied)
    }

    pub(crate) fn set_router(&self, router: RouterId, outcome: Result<(), Reason>) {
        let mut seen = self.write();
        let known = seen.routers.entry(router).or_default();
        known.applied |= outcome.is_ok();
        known.failure = outcome.err();
    }

    pub(crate) fn forget_router(&self, router: RouterId) {
        self.write().routers.remove(&router);
    }

    pub(crate) fn set_gateway(
        &self,
        id: GatewayId,
        observed: GatewayObserved,
        now: OffsetDateTime,
    ) {
        let mut seen = self.write();
        if !seen.held.contains_key(&id) {
            return;
        }
        if observed.status == GatewayStatus::Failed {
            // Its worker is gone, and what it said of its tunnels with it.
            for (connection, known) in seen.tunnels.remove(&id).unwrap_or_default() {
                let log = seen.logs.entry(id).or_default().entry(connection);
                log.or_default().note(Some(&known), None, now);
            }
        }
        if observed.status == GatewayStatus::Available {
            *seen.starts.entry(id).or_default() += 1;
        }
        let before = seen.gateways.get(&id);
        let since = before
            .filter(|before| before.observed.status == observed.status)
            .map_or(now, |before| before.since);
        seen.gateways.insert(id, SeenGateway { observed, since });
    }

    /// News of a tunnel; those of a gateway that is gone are late, and dropped.
    pub(crate) fn set_tunnel(
        &self,
        gateway: GatewayId,
        id: ConnectionId,
        observed: TunnelObserved,
        now: OffsetDateTime,
    ) {
        let mut noting = self.write();
        let seen = &mut *noting;
        if seen.held.contains_key(&gateway) {
            let tunnels = seen.tunnels.entry(gateway).or_default();
            let before = tunnels.get(&id);
            let rekeyed = before.is_some_and(|before| is_rekeyed(before, &observed));
            let known = before.and_then(|before| before.reasons.iter().find(|one| one.stays()));
            if let Some(reason) = observed.reasons.iter().find(|one| one.stays())
                && known.is_none_or(|known| known.evidence != reason.evidence)
            {
                tell_hopeless(id, reason);
            }
            let log = seen.logs.entry(gateway).or_default().entry(id);
            log.or_default().note(before, Some(&observed), now);
            tunnels.insert(id, observed);
            if rekeyed {
                *seen.rekeys.entry((gateway, id)).or_default() += 1;
            }
        }
    }

    pub(crate) fn set_load(&self, gateway: GatewayId, drops: Drops, half_open: u64) {
        let mut seen = self.write();
        if seen.held.contains_key(&gateway) {
            seen.loads.insert(gateway, (drops, half_open));
        }
    }

    /// What a gateway dropped, and its half-open IKE SAs.
    pub(crate) fn load(&self, gateway: GatewayId) -> (Drops, u64) {
        self.read().loads.get(&gateway).cloned().unwrap_or_default()
    }

    /// How often a gateway's worker was started.
    pub(crate) fn starts(&self, gateway: GatewayId) -> u64 {
        self.read().starts.get(&gateway).copied().unwrap_or(0)
    }

    /// How often a tunnel's keys were replaced while it was up.
    pub(crate) fn rekeys(&self, gateway: GatewayId, id: ConnectionId) -> u64 {
        let seen = self.read();
        seen.rekeys.get(&(gateway, id)).copied().unwrap_or(0)
    }

    /// Forgets a gateway that the host has no more; answers the router it was on.
    pub(crate) fn forget_gateway(&self, id: GatewayId) -> Option<RouterId> {
        let mut seen = self.write();
        let held = seen.held.remove(&id);
        seen.gateways.remove(&id);
        seen.loads.remove(&id);
        seen.starts.remove(&id);
        seen.rekeys.retain(|(gateway, _), _| *gateway != id);
        seen.tunnels.remove(&id);
        seen.logs.remove(&id);
        held.map(|(router, _)| router)
    }

    /// Drops the news of a gateway's tunnels that are gone.
    pub(crate) fn keep_tunnels(&self, gateway: GatewayId, stays: impl Fn(&ConnectionId) -> bool) {
        let known = |seen: &Seen| {
            let tunnels = seen.tunnels.get(&gateway);
            let logs = seen.logs.get(&gateway);
            tunnels.is_some_and(|tunnels| !tunnels.keys().all(&stays))
                || logs.is_some_and(|logs| !logs.keys().all(&stays))
        };
        if !known(&self.read()) {
            return;
        }
        let mut seen = self.write();
        if let Some(tunnels) = seen.tunnels.get_mut(&gateway) {
            tunnels.retain(|id, _| stays(id));
        }
        if let Some(logs) = seen.logs.get_mut(&gateway) {
            logs.retain(|id, _| stays(id));
        }
    }

    /// Drops the news of one tunnel that is gone.
    pub(crate) fn forget_tunnel(&self, gateway: GatewayId, id: ConnectionId, now: OffsetDateTime) {
        if let Some(known) = self.tunnel(gateway, id) {
            let mut seen = self.write();
            if let Some(log) = seen
                .logs
                .get_mut(&gateway)
                .and_then(|logs| logs.get_mut(&id))
            {
                log.note(Some(&known), None, now);
            }
            seen.rekeys.remove(&(gateway, id));
            if let Some(tunnels) = seen.tunnels.get_mut(&gateway) {
                tunnels.remove(&id);
            }
        }
    }

    /// Forgets what happened to a tunnel that is gone for good.
    pub(crate) fn forget_log(&self, gateway: GatewayId, id: ConnectionId) {
        if let Some(logs) = self.write().logs.get_mut(&gateway) {
            logs.remove(&id);
        }
    }

    /// What happened to a connection's tunnel, oldest first.
    pub(crate) fn log(&self, gateway: GatewayId, id: ConnectionId) -> Vec<LogLine> {
        let seen = self.read();
        let log = seen.logs.get(&gateway).and_then(|logs| logs.get(&id));
        log.map(TunnelLog::lines).unwrap_or_default()
    }

    pub(crate) fn tunnel(&self, gateway: GatewayId, id: ConnectionId) -> Option<TunnelObserved> {
        let seen = self.read();
        seen.tunnels.get(&gateway)?.get(&id).cloned()
    }

    /// How a gateway is. Nothing is pending for ever: after a while it has failed, and says so.
    pub(crate) fn gateway(&self, gateway: &Gateway, now: OffsetDateTime) -> GatewayObserved {
        let seen = self.read();
        if let Some(SeenRouter {
            applied: false,
            failure: Some(reason),
        }) = seen.routers.get(&gateway.router)
        {
            return failed(reason.clone());
        }
        let since = match seen.gateways.get(&gateway.id) {
            Some(known) if known.observed.status != GatewayStatus::Pending => {
                return known.observed.clone();
            }
            Some(known) => known.since,
            None => gateway.created_at.max(self.started),
        };
        if now - since <= self.pending {
            return GatewayObserved {
                status: GatewayStatus::Pending,
                reasons: Vec::new(),
            };
        }
        failed(self.silence("the gateway's worker", since + self.pending))
    }

    /// How a connection's tunnel is, and why it is not up, or not in all its parts.
    pub(crate) fn connection(
        &self,
        connection: &Connection,
        wish: Wish,
        gateway: &GatewayObserved,
        now: OffsetDateTime,
    ) -> (TunnelState, Vec<Reason>) {
        let observed = self.tunnel(connection.gateway, connection.id);
        let heard = observed.as_ref().map(|observed| observed.since);
        let since = heard.unwrap_or_else(|| connection.created_at.max(self.started));
        if let Wish::Down(whose) = wish {
            return (TunnelState::Down, vec![administratively_down(since, whose)]);
        }
        if gateway.status == GatewayStatus::Failed {
            return (TunnelState::Down, gateway.reasons.clone());
        }
        if connection.psk.is_lost() {
            return (TunnelState::Down, vec![lost_key(since)]);
        }
        if let Some(host) = &connection.peer_host
            && connection.peer_address == NOT_FOUND_YET
        {
            return (TunnelState::Down, vec![not_found_yet(since, host)]);
        }
        let Some(observed) = observed.filter(|_| gateway.status == GatewayStatus::Available) else {
            let late = gateway.status == GatewayStatus::Available && now - since > self.pending;
            let reason = if late {
                self.silence("the tunnel", since + self.pending)
            } else {
                negotiating(since, "the gateway has not reported on this connection yet")
            };
            return (TunnelState::Down, vec![reason]);
        };
        match observed.state {
            // What is wrong with parts of it.
            TunnelState::Up => (TunnelState::Up, observed.reasons),
            state if observed.reasons.is_empty() => {
                let evidence = "the first exchange with the peer is under way";
                (state, vec![negotiating(since, evidence)])
            }
            state => (state, observed.reasons),
        }
    }

    fn silence(&self, what: &str, since: OffsetDateTime) -> Reason {
        let seconds = self.pending.as_secs();
        Reason {
            code: ReasonCode::InternalError,
            whose: Whose::Local,
            since,
            evidence: format!("nothing was heard of {what} for {seconds} s"),
            next_step: "look into the log of the service; it is being tried again".to_owned(),
        }
    }
}

/// Tells the operator, once, of a connection that can't work.
pub(crate) fn tell_hopeless(connection: ConnectionId, reason: &Reason) {
    let (code, evidence) = (reason.code.as_str(), &reason.evidence);
    tracing::warn!(%connection, code, evidence, "a connection can't work");
}

/// Whether a tunnel that is up has another Child SA than before.
fn is_rekeyed(before: &TunnelObserved, now: &TunnelObserved) -> bool {
    let both_up = before.state == TunnelState::Up && now.state == TunnelState::Up;
    let known = |spi: u32| before.children.iter().any(|child| child.spi_in == spi);
    both_up && now.children.iter().any(|child| !known(child.spi_in))
}

pub(crate) fn failed(reason: Reason) -> GatewayObserved {
    GatewayObserved {
        status: GatewayStatus::Failed,
        reasons: vec![reason],
    }
}

/// Whether a tunnel is wanted up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// It is.
    Up,
    /// It is not, since this is set down.
    Down(Off),
}

/// What is set down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Off {
    /// By its own `admin_state_up`.
    Connection,
    /// By its `admin_state_up`, which the OpenStack face has.
    Gateway,
    /// Its gateway's router.
    Router,
}

impl Wish {
    pub(crate) fn of(connection: &Connection, gateway: &Gateway, router_is_up: bool) -> Self {
        if !connection.admin_state_up {
            Self::Down(Off::Connection)
        } else if !gateway.admin_state_up {
            Self::Down(Off::Gateway)
        } else if !router_is_up {
            Self::Down(Off::Router)
        } else {
            Self::Up
        }
    }
}

fn administratively_down(since: OffsetDateTime, whose: Off) -> Reason {
    let whose = match whose {
        Off::Connection => "the connection",
        Off::Gateway => "the connection's VPN service",
        Off::Router => "the VPN service's router",
    };
    Reason {
        code: ReasonCode::AdministrativelyDown,
        whose: Whose::Local,
        since,
        evidence: format!("admin_state_up of {whose} is false"),
        next_step: format!("set admin_state_up of {whose} to true to have the tunnel up"),
    }
}

fn lost_key(since: OffsetDateTime) -> Reason {
    Reason {
        code: ReasonCode::InternalError,
        whose: Whose::Local,
        since,
        evidence: "the stored pre-shared key can't be read: the row was changed, or is another's"
            .to_owned(),
        next_step: "give the connection its pre-shared key again, or delete it".to_owned(),
    }
}

fn not_found_yet(since: OffsetDateTime, host: &str) -> Reason {
    Reason {
        code: ReasonCode::PeerNotResponding,
        whose: Whose::Network,
        since,
        evidence: format!("no name server has answered yet where {host} is"),
        next_step:
            "check that the name is right, or give the peer's address; it is looked up again"
                .to_owned(),
    }
}

fn negotiating(since: OffsetDateTime, evidence: &str) -> Reason {
    Reason {
        code: ReasonCode::Negotiating,
        whose: Whose::Network,
        since,
        evidence: evidence.to_owned(),
        next_step: "wait for the first answer of the peer".to_owned(),
    }
}
