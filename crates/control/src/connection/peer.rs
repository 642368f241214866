//! Where a connection's peer is: an address, or a host whose addresses are looked up, and followed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use adit_model::change::Actor;
use adit_model::observed::TunnelState;
use adit_model::{
    Connection, Gateway, PeerAddress, PeerAddressError, ProjectId, Reason, ReasonCode,
};
use tokio::task::JoinSet;

use crate::Control;
use crate::change::Change;
use crate::error::{Error, Rule};
use crate::misfit::Misfit;
use crate::resolver::{Found, NOT_FOUND_YET};

/// A peer as it was given, and where it may be.
pub(super) struct Peer {
    given: String,
    parsed: Result<PeerAddress, PeerAddressError>,
    found: Found,
}

impl Peer {
    /// The host's name, if that is what was given.
    pub(super) fn host(&self) -> Option<String> {
        self.parsed.as_ref().ok()?.host().map(str::to_owned)
    }
}

impl Control {
    pub(super) async fn find_peer(&self, project: ProjectId, given: String) -> Peer {
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
        tx.then(move |inner| {
            let now = inner.clock.now();
            inner.view.forget_tunnel(current.gateway, current.id, now);
        });
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

/// Has it looked up soon where a connection's peer is, if that isn't known yet.
pub(super) fn look_up_later(tx: &mut Change, row: &Connection) {
    if row.peer_host.is_some() && row.peer_address == NOT_FOUND_YET {
        tx.then(|inner| inner.lookups.wake());
    }
}

/// The first of a peer's addresses that the service has one of its own for, and where a peer can be.
pub(super) fn reachable(gateway: &Gateway, peer: &Peer) -> Result<IpAddr, Error> {
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
    let first = first.ok_or_else(|| Misfit::PeerUnresolved(peer.given.clone()))?;
    let mut with_own = found
        .iter()
        .filter(|found| gateway.addresses.toward(**found).is_some())
        .peekable();
    let Some(reachable) = with_own.peek().copied() else {
        let router = gateway.router;
        let is_ipv4 = first.is_ipv4();
        return Err(Misfit::NoExternalFamily { router, is_ipv4 }.into());
    };
    match with_own.find(|found| check_peer(gateway, **found).is_ok()) {
        Some(found) => Ok(*found),
        None => check_peer(gateway, *reachable).map(|()| *reachable),
    }
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
