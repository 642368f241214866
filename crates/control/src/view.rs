//! What was seen, in memory, and the status that follows from it and from what is wished (`status`).
//!
//! Nothing here is a wish: after a restart the view is empty, and the agent's news fill it again.

mod rates;
mod status;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Drops, GatewayObserved, TunnelObserved, TunnelState};
use adit_model::{
    ConnectionId, Gateway, GatewayId, NetworkId, Noun, OuterAddresses, Port, PortId, ProjectId,
    Reason, RouterId,
};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::events::{Events, News};
use crate::tunnel_log::{LogLine, TunnelLog};
use rates::Looks;
pub use rates::Rates;
pub(crate) use status::{Wish, failed};

pub(crate) struct View {
    seen: RwLock<Seen>,
    changes: watch::Sender<u64>,
    events: Events,
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
    /// The latest looks at the counters of tunnels.
    looks: HashMap<GatewayId, HashMap<ConnectionId, Looks>>,
    /// What each gateway dropped, and its half-open IKE SAs.
    loads: HashMap<GatewayId, (Drops, u64)>,
    /// How often each gateway's worker was started.
    starts: HashMap<GatewayId, u64>,
    /// How often each tunnel's Child SAs were replaced while it was up.
    rekeys: HashMap<(GatewayId, ConnectionId), u64>,
    /// What the host may have of a gateway, from before it is made until after it is removed.
    held: HashMap<GatewayId, Held>,
}

/// What of a gateway the host may have.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held {
    project: ProjectId,
    router: RouterId,
    addresses: OuterAddresses,
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

impl Seen {
    /// Notes what is new of a tunnel, and tells it to those who follow.
    fn tell(
        &mut self,
        events: &Events,
        (gateway, id): (GatewayId, ConnectionId),
        (before, after): (Option<&TunnelObserved>, Option<&TunnelObserved>),
        now: OffsetDateTime,
    ) {
        let log = self.logs.entry(gateway).or_default().entry(id);
        let lines = log.or_default().note(before, after, now);
        if let (false, Some(held)) = (lines.is_empty(), self.held.get(&gateway)) {
            let state = after.map_or(TunnelState::Down, |after| after.state);
            let what = (Noun::Connection, id.uuid());
            events.observed(now, held.project, what, News::Tunnel(state, lines));
        }
    }
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
    pub(crate) fn new(started: OffsetDateTime, pending: Duration, start: u32) -> Self {
        Self {
            seen: RwLock::default(),
            changes: watch::Sender::new(0),
            events: Events::new(start),
            started,
            pending,
        }
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) const fn events(&self) -> &Events {
        &self.events
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
        let held = Held {
            project: gateway.project,
            router: gateway.router,
            addresses: gateway.addresses,
        };
        if self.read().held.get(&gateway.id) == Some(&held) {
            return;
        }
        self.write().held.insert(gateway.id, held);
    }

    /// Addresses of gateways that are there, or are about to go.
    pub(crate) fn held_addresses(&self) -> HashSet<IpAddr> {
        self.read()
            .held
            .values()
            .flat_map(|held| held.addresses.all())
            .collect()
    }

    pub(crate) fn holds_any_of(&self, router: RouterId) -> bool {
        self.read().held.values().any(|held| held.router == router)
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
        let Some(Held { project, .. }) = seen.held.get(&id).copied() else {
            return;
        };
        if observed.status == GatewayStatus::Failed {
            // Its worker is gone, and what it said of its tunnels with it.
            for (connection, known) in seen.tunnels.remove(&id).unwrap_or_default() {
                seen.tell(&self.events, (id, connection), (Some(&known), None), now);
            }
        }
        if observed.status == GatewayStatus::Available {
            *seen.starts.entry(id).or_default() += 1;
        }
        let before = seen.gateways.get(&id);
        let same = before.filter(|before| before.observed.status == observed.status);
        let since = same.map_or(now, |before| before.since);
        if same.is_none() {
            let news = News::Gateway(observed.status);
            let what = (Noun::Gateway, id.uuid());
            self.events.observed(now, project, what, news);
        }
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
            let before = seen.tunnels.entry(gateway).or_default().remove(&id);
            let before = before.as_ref();
            let rekeyed = before.is_some_and(|before| is_rekeyed(before, &observed));
            let known = before.and_then(|before| before.reasons.iter().find(|one| one.stays()));
            if let Some(reason) = observed.reasons.iter().find(|one| one.stays())
                && known.is_none_or(|known| known.evidence != reason.evidence)
            {
                tell_hopeless(id, reason);
            }
            let looks = seen.looks.entry(gateway).or_default().entry(id);
            looks.or_default().note(observed.traffic, now);
            let change = (before, Some(&observed));
            seen.tell(&self.events, (gateway, id), change, now);
            seen.tunnels
                .entry(gateway)
                .or_default()
                .insert(id, observed);
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
        seen.looks.remove(&id);
        held.map(|held| held.router)
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
        if let Some(looks) = seen.looks.get_mut(&gateway) {
            looks.retain(|id, _| stays(id));
        }
    }

    /// Drops the news of one tunnel that is gone.
    pub(crate) fn forget_tunnel(&self, gateway: GatewayId, id: ConnectionId, now: OffsetDateTime) {
        if let Some(known) = self.tunnel(gateway, id) {
            let mut seen = self.write();
            seen.tell(&self.events, (gateway, id), (Some(&known), None), now);
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

    /// What goes through a tunnel each second, where that is known.
    pub(crate) fn rates(
        &self,
        gateway: GatewayId,
        id: ConnectionId,
        now: OffsetDateTime,
    ) -> Option<Rates> {
        let seen = self.read();
        seen.looks.get(&gateway)?.get(&id)?.rates(now)
    }

    pub(crate) fn tunnel(&self, gateway: GatewayId, id: ConnectionId) -> Option<TunnelObserved> {
        let seen = self.read();
        seen.tunnels.get(&gateway)?.get(&id).cloned()
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
