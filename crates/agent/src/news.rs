//! What is told of gateways and tunnels: passed on, and kept, so that whoever listens anew can be
//! told all of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use adit_control::AgentEvent;
use adit_model::{ConnectionId, GatewayId};
use tokio::sync::mpsc;

/// The news of all gateways of this host.
pub(crate) struct News {
    latest: Mutex<HashMap<GatewayId, OfGateway>>,
    events: mpsc::Sender<AgentEvent>,
}

/// The latest of each kind.
#[derive(Default)]
struct OfGateway {
    gateway: Option<AgentEvent>,
    load: Option<AgentEvent>,
    tunnels: HashMap<ConnectionId, AgentEvent>,
}

impl News {
    pub(crate) fn new(events: mpsc::Sender<AgentEvent>) -> Self {
        Self {
            latest: Mutex::default(),
            events,
        }
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<GatewayId, OfGateway>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells something new.
    pub(crate) async fn tell(&self, event: AgentEvent) {
        self.keep(&event);
        // The receiver is gone only when everything ends.
        let _ = self.events.send(event).await;
    }

    fn keep(&self, event: &AgentEvent) {
        let mut latest = self.latest();
        match event {
            AgentEvent::Load { gateway, .. } => {
                latest.entry(*gateway).or_default().load = Some(event.clone());
            }
            AgentEvent::Gateway { id, .. } => {
                latest.entry(*id).or_default().gateway = Some(event.clone());
            }
            AgentEvent::Tunnel {
                gateway,
                connection,
                ..
            } => {
                let of_gateway = latest.entry(*gateway).or_default();
                of_gateway.tunnels.insert(*connection, event.clone());
            }
        }
    }

    /// Nothing is told of these any more.
    pub(crate) fn forget_tunnels(&self, gateway: GatewayId, gone: impl Fn(ConnectionId) -> bool) {
        if let Some(of_gateway) = self.latest().get_mut(&gateway) {
            of_gateway.tunnels.retain(|id, _| !gone(*id));
        }
    }

    pub(crate) fn forget_gateway(&self, gateway: GatewayId) {
        self.latest().remove(&gateway);
    }

    /// Tells the latest of everything again, each gateway's before its tunnels'.
    pub(crate) async fn tell_all(&self) {
        let gateways: Vec<GatewayId> = self.latest().keys().copied().collect();
        for gateway in gateways {
            let events: Vec<AgentEvent> = match self.latest().get(&gateway) {
                Some(known) => {
                    let own = known.gateway.iter().chain(&known.load);
                    own.chain(known.tunnels.values()).cloned().collect()
                }
                None => continue,
            };
            for event in events {
                let _ = self.events.send(event).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_model::gateway::GatewayStatus;
    use adit_model::observed::{
        Drops, GatewayObserved, SaTimes, Traffic, TunnelObserved, TunnelState,
    };
    use time::OffsetDateTime;

    use super::*;

    fn gateway(id: GatewayId, status: GatewayStatus) -> AgentEvent {
        let reasons = Vec::new();
        let observed = GatewayObserved { status, reasons };
        AgentEvent::Gateway { id, observed }
    }

    fn tunnel(gateway: GatewayId, connection: ConnectionId, state: TunnelState) -> AgentEvent {
        AgentEvent::Tunnel {
            gateway,
            connection,
            observed: TunnelObserved {
                state,
                since: OffsetDateTime::UNIX_EPOCH,
                reasons: Vec::new(),
                ike_suite: None,
                ike_times: SaTimes::default(),
                children: Vec::new(),
                members: Vec::new(),
                traffic: Traffic::default(),
            },
        }
    }

    #[tokio::test]
    async fn who_listens_anew_is_told_the_latest_of_what_is_still_there() {
        let (events, mut heard) = mpsc::channel(64);
        let news = News::new(events);
        let [one, two] = [GatewayId::random(), GatewayId::random()];
        let [a, b] = [ConnectionId::random(), ConnectionId::random()];
        let load = AgentEvent::Load {
            gateway: one,
            drops: Drops::default(),
            half_open: 3,
        };
        let latest = [
            gateway(one, GatewayStatus::Available),
            load,
            tunnel(one, a, TunnelState::Up),
        ];
        news.tell(gateway(one, GatewayStatus::Pending)).await;
        news.tell(tunnel(one, a, TunnelState::Connecting)).await;
        news.tell(tunnel(one, b, TunnelState::Up)).await;
        news.tell(gateway(two, GatewayStatus::Available)).await;
        for event in &latest {
            news.tell(event.clone()).await;
        }
        news.forget_tunnels(one, |id| id == b);
        news.forget_gateway(two);
        while heard.try_recv().is_ok() {}
        news.tell_all().await;
        for event in latest {
            assert_eq!(heard.try_recv().unwrap(), event);
        }
        assert!(heard.try_recv().is_err());
    }
}
