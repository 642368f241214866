//! The status that follows from what was seen and from what is wished.

use adit_model::gateway::GatewayStatus;
use adit_model::observed::{GatewayObserved, TunnelState};
use adit_model::{Connection, Gateway, Reason, ReasonCode, Whose};
use time::OffsetDateTime;

use super::{SeenRouter, View};
use crate::resolver::NOT_FOUND_YET;

impl View {
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
        if connection.authentication.is_lost() {
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
        Reason::new(
            ReasonCode::InternalError,
            Whose::Local,
            since,
            format!("nothing was heard of {what} for {seconds} s"),
            "look into the log of the service; it is being tried again",
        )
    }
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
    Reason::new(
        ReasonCode::AdministrativelyDown,
        Whose::Local,
        since,
        format!("admin_state_up of {whose} is false"),
        format!("set admin_state_up of {whose} to true to have the tunnel up"),
    )
}

fn lost_key(since: OffsetDateTime) -> Reason {
    Reason::new(
        ReasonCode::InternalError,
        Whose::Local,
        since,
        "the stored pre-shared key can't be read: the row was changed, or is another's",
        "give the connection its pre-shared key again, or delete it",
    )
}

fn not_found_yet(since: OffsetDateTime, host: &str) -> Reason {
    Reason::new(
        ReasonCode::PeerNotResponding,
        Whose::Network,
        since,
        format!("no name server has answered yet where {host} is"),
        "check that the name is right, or give the peer's address; it is looked up again",
    )
}

fn negotiating(since: OffsetDateTime, evidence: &str) -> Reason {
    Reason::new(
        ReasonCode::Negotiating,
        Whose::Network,
        since,
        evidence,
        "wait for the first answer of the peer",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_control_finds_is_explained_in_sentences() {
        let since = OffsetDateTime::UNIX_EPOCH;
        for (reason, text) in [
            (
                administratively_down(since, Off::Router),
                "Why (administratively_down): admin_state_up of the VPN service's router is false.\n\
                 What to do, here: Set admin_state_up of the VPN service's router to true to have the tunnel up.",
            ),
            (
                lost_key(since),
                "Why (internal_error): the stored pre-shared key can't be read: the row was changed, or is another's.\n\
                 What to do, here: Give the connection its pre-shared key again, or delete it.",
            ),
            (
                not_found_yet(since, "vpn.example.org"),
                "Why (peer_not_responding): no name server has answered yet where vpn.example.org is.\n\
                 What to do, between the two ends: Check that the name is right, or give the peer's address; it is looked up again.",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
