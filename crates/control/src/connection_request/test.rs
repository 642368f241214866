//! Trying whether packets come through: an echo request for each pair of blocks, from an address of the router in the
//! block here, to addresses in the block there.

use std::net::IpAddr;

use adit_model::connection_request::{PairReport, RequestState, RequestStep};
use adit_model::translation::{End, at_same_place, known_as};
use adit_model::{Cidr, ConnectionRequest, ConnectionRequestId, RouterId};
use futures_util::future::try_join_all;

use super::{find, refuse_closed};
use crate::agent::{Agent, Probe};
use crate::connection::ConnectionView;
use crate::error::Error;
use crate::{Caller, Control};

/// How many pairs of blocks are tried.
const MOST_PAIRS: usize = 64;

/// How many are tried at once: a request takes no longer than a minute.
const AT_ONCE: usize = 16;

/// Whom to ask in a block: those that were said, else the ends of it, where routers use to be.
fn targets(peer: Cidr, said: &[IpAddr]) -> Vec<IpAddr> {
    let said: Vec<_> = said
        .iter()
        .copied()
        .filter(|one| peer.contains(*one))
        .collect();
    if !said.is_empty() {
        return said;
    }
    let count = peer.address_count();
    let places = match count {
        1 => vec![0],
        2 => vec![0, 1],
        _ => vec![1, count.saturating_sub(2)],
    };
    let mut found: Vec<_> = places.into_iter().filter_map(|at| peer.nth(at)).collect();
    found.dedup();
    found
}

/// Each block here with each block there, as far as they are tried.
fn pairs(row: &ConnectionRequest) -> Vec<(Cidr, Cidr)> {
    let peers = |local: Cidr| row.peer_cidrs.iter().map(move |peer| (local, *peer));
    let pairs = row.local_cidrs.iter().copied().flat_map(peers);
    pairs.take(MOST_PAIRS).collect()
}

/// What the other end knows a block here as.
fn known_there(view: &ConnectionView, local: Cidr) -> Cidr {
    let mut around = view.connection.translations.iter();
    let around = around.find(|one| one.end == End::Local && one.cidr.contains_block(local));
    let known = around.and_then(|one| {
        let first = at_same_place(local.first(), one.cidr, one.shown_as)?;
        Cidr::new(first, local.prefix_len()).ok()
    });
    known.unwrap_or(local)
}

/// Whether a Child SA carries these two blocks.
fn is_carried(view: &ConnectionView, local: Cidr, peer: Cidr) -> bool {
    let children = view.observed.iter().flat_map(|of| &of.children);
    let has = |cidrs: &[Cidr], wanted: Cidr| cidrs.iter().any(|one| one.contains_block(wanted));
    let local = known_there(view, local);
    children
        .into_iter()
        .any(|child| has(&child.local_cidrs, local) && has(&child.peer_cidrs, peer))
}

impl Control {
    /// Tries whether packets come through, and notes what came of it.
    ///
    /// # Errors
    /// The request or its connection is not there, it is closed, or the host can't be asked.
    pub async fn test_connection_request(
        &self,
        caller: &Caller,
        id: ConnectionRequestId,
    ) -> Result<ConnectionRequest, Error> {
        caller.may_write()?;
        let mut tx = self.read().await?;
        let row = find(&mut *tx, caller, id).await?;
        refuse_closed(&row)?;
        drop(tx);
        let view = self.connection(caller, row.connection).await?;
        let gateway = self.gateway(caller, view.connection.gateway).await?.gateway;
        let mut tx = self.read().await?;
        let mut own = Vec::new();
        for port in tx.ports_of_router(gateway.router).await? {
            own.extend(port.fixed_ips.iter().map(|ip| ip.address));
        }
        drop(tx);
        let agent = self.0.agents.of(gateway.host).map_err(Error::Internal)?;
        // The request has each end's own addresses.
        let translations = &view.connection.translations;
        let pair = |(local, peer): (Cidr, Cidr)| PairReport {
            local,
            peer,
            is_carried: is_carried(&view, local, peer),
            from: own.iter().copied().find(|address| local.contains(*address)),
            asked: targets(peer, &row.test_addresses)
                .into_iter()
                .map(|asked| known_as(End::Peer, asked, translations))
                .collect(),
            answered: None,
            after_us: None,
            path_mtu: None,
        };
        let mut report: Vec<_> = pairs(&row).into_iter().map(pair).collect();
        for some in report.chunks_mut(AT_ONCE) {
            let asked = some
                .iter_mut()
                .map(|pair| ask(&*agent, gateway.router, pair));
            try_join_all(asked).await?;
        }
        let mut tx = self.change(caller).await?;
        let mut row = find(&mut *tx, caller, id).await?;
        refuse_closed(&row)?;
        row.report = report;
        row.steps.retain(|step| step.state != RequestState::Tested);
        row.steps.push(RequestStep {
            state: RequestState::Tested,
            at: self.now(),
            by: Some(caller.actor()),
        });
        row.revision = tx.update(&row).await?;
        tx.commit().await?;
        Ok(row)
    }
}

/// Sends echo requests, and notes what came back.
async fn ask(agent: &dyn Agent, router: RouterId, pair: &mut PairReport) -> Result<(), Error> {
    let Some(from) = pair.from else {
        pair.asked.clear();
        return Ok(());
    };
    let probe = Probe {
        router,
        from,
        to: pair.asked.clone(),
    };
    let echo = agent.probe(&probe).await;
    let echo = echo.map_err(|error| Error::Unavailable(error.into()))?;
    if let Some(echo) = echo {
        // Those after it were not asked.
        let at = pair.asked.iter().position(|one| *one == echo.from);
        pair.asked
            .truncate(at.map_or(usize::MAX, |at| at.saturating_add(1)));
        pair.answered = Some(echo.from);
        pair.after_us = Some(echo.after_us);
        pair.path_mtu = echo.path_mtu;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_block_are_asked_unless_something_is_said() {
        let asked = |block: &str, said: &[&str]| {
            let said: Vec<IpAddr> = said.iter().map(|text| text.parse().unwrap()).collect();
            let found = targets(block.parse().unwrap(), &said);
            let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
            texts.join(" ")
        };
        assert_eq!(asked("10.0.0.0/24", &[]), "10.0.0.1 10.0.0.254");
        assert_eq!(asked("10.0.0.0/30", &[]), "10.0.0.1 10.0.0.2");
        assert_eq!(asked("10.0.0.0/31", &[]), "10.0.0.0 10.0.0.1");
        assert_eq!(asked("10.0.0.7/32", &[]), "10.0.0.7");
        assert_eq!(asked("10.0.0.0/24", &["10.0.1.9"]), "10.0.0.1 10.0.0.254");
        assert_eq!(asked("10.0.0.0/24", &["10.0.1.9", "10.0.0.9"]), "10.0.0.9");
    }
}
