//! Whether the parts of a connection fit together. What holds for every face is checked here, once;
//! where a face's original is stricter, its [`Rules`] say so. `docs/invariants.md` lists both.

use adit_model::connection::{DeadPeerDetection, Ends};
use adit_model::gateway::GatewayMode;
use adit_model::policy::{Encapsulation, Transform};
use adit_model::{Cidr, Connection, Gateway};
use adit_store::Transaction;

use super::ends::GivenEnds;
use super::peer::{Peer, local_address, reachable};
use super::translations;
use crate::error::{Error, Noun, Rule};
use crate::misfit::Misfit;
use crate::rules::{Allowance, Naming};
use crate::{Caller, Control, cidr_rules};

/// The longest interval and timeout of dead peer detection where a face bounds them, in seconds.
const LONGEST_DPD: u32 = 86_399;

/// In what a face differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether names are unique among the connections of a gateway.
    pub naming: Naming,
    /// Which limits count: the operator's for everybody, those on blocks among them, or the project's.
    pub allowance: Allowance,
    /// Which blocks may share addresses.
    pub overlaps: Overlaps,
    /// How long a dead peer may go unnoticed.
    pub dead_peer: DeadPeerRule,
}

/// Which blocks of the connections of a router may share addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overlaps {
    /// None.
    Refused,
    /// One may lie within another: what is sent to both goes to the narrower. Equal ones can't be
    /// told apart, in any face.
    Nested,
}

/// What interval and timeout of dead peer detection may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeadPeerRule {
    /// 1 to 86399 and 2 to 86399 s, the timeout at least the interval.
    Bounded,
    /// The timeout is longer than the interval.
    Longer,
}

impl Control {
    /// Fills in what follows from a connection's parts, the blocks of both ends and the peer's address,
    /// and refuses what doesn't fit together, in the order in which users are told. `before` is what
    /// is stored of it, if it is.
    pub(super) async fn fit(
        &self,
        tx: &mut dyn Transaction,
        caller: &Caller,
        rules: Rules,
        wish: Wish<'_>,
    ) -> Result<Connection, Error> {
        let Wish {
            gateway,
            mut row,
            ends,
            peer,
            before,
        } = wish;
        let is_transport = wants_transport(tx, caller, &row).await?;
        let outside = match is_transport {
            true => self.outside_subnets(),
            false => Vec::new(),
        };
        row.ends = match gateway.mode() {
            GatewayMode::Policy => ends.resolve(tx, caller, gateway, &outside).await?,
            GatewayMode::Route => {
                ends.check_none()?;
                let peer = before.map(|row| row.ends.peer().to_vec());
                let peer = peer.unwrap_or_default();
                Ends::Routes { peer }
            }
        };
        check_tunnels(gateway, &row)?;
        check_dpd(row.dead_peer_detection, rules.dead_peer)?;
        check_mtu(&row)?;
        translations::check(gateway, &row, is_transport)?;
        let field = match row.ends.groups() {
            Some(_) => "peer_ep_group_id",
            None => "peer_cidrs",
        };
        // Those of routes were looked at when these were made.
        if gateway.mode() == GatewayMode::Policy {
            cidr_rules::check_networks(tx, gateway.router, field, &row.peer_known_here()).await?;
        }
        if let Some(peer) = peer {
            row.peer_address = reachable(gateway, peer)?;
            row.peer_host = peer.host();
        }
        if is_transport {
            check_hosts(gateway, &row)?;
        }
        // What is stored, and stays as it is, does not stand in the way of another change.
        let same = |before: &&Connection| {
            before.ends == row.ends
                && before.translations == row.translations
                && before.peer_address == row.peer_address
        };
        if before.filter(same).is_none() && gateway.mode() == GatewayMode::Policy {
            let limits = &self.0.config.limits;
            cidr_rules::check(tx, limits, rules, gateway, &row).await?;
        }
        Ok(row)
    }
}

/// A connection before it is known whether it fits.
pub(super) struct Wish<'a> {
    pub(super) gateway: &'a Gateway,
    /// All but what follows from the next two.
    pub(super) row: Connection,
    pub(super) ends: GivenEnds,
    /// The peer, where it is given.
    pub(super) peer: Option<&'a Peer>,
    /// What is stored.
    pub(super) before: Option<&'a Connection>,
}

/// Refuses policies that are not there, or ask for what no connection can have.
pub(super) async fn check_ipsec_policy(
    tx: &mut dyn Transaction,
    caller: &Caller,
    row: &Connection,
) -> Result<(), Error> {
    let Some(id) = row.ipsec_policy else {
        return Ok(());
    };
    let policy = tx.ipsec_policy(caller.scope(), id).await?;
    let policy = policy.ok_or(Error::NotFound(Noun::IpsecPolicy))?;
    match policy.parameters.transform {
        Transform::AhEsp => Err(Misfit::AhEsp.into()),
        _ => Ok(()),
    }
}

/// Whether the connection's policy is for what the two ends say to each other themselves.
async fn wants_transport(
    tx: &mut dyn Transaction,
    caller: &Caller,
    row: &Connection,
) -> Result<bool, Error> {
    let Some(id) = row.ipsec_policy else {
        return Ok(false);
    };
    let policy = tx.ipsec_policy(caller.scope(), id).await?;
    Ok(policy.is_some_and(|one| one.parameters.encapsulation == Encapsulation::Transport))
}

/// Transport mode has no header for anybody else's addresses (RFC 4301 section 4.1).
fn check_hosts(gateway: &Gateway, row: &Connection) -> Result<(), Misfit> {
    let local = Cidr::host(local_address(gateway, row));
    let peer = Cidr::host(row.peer_address);
    if row.ends.local() == [local] && row.ends.peer() == [peer] {
        Ok(())
    } else {
        Err(Misfit::TransportBlocks { local, peer })
    }
}

/// Refuses what only a connection with two tunnels, or with one, can have.
fn check_tunnels(gateway: &Gateway, row: &Connection) -> Result<(), Error> {
    let is_named = row.local_id.as_ref().is_some_and(|id| !id.is_empty());
    match gateway.mode() {
        GatewayMode::Policy if row.distribute_traffic => {
            let message = "traffic can be distributed by a connection of a gateway in route mode alone: others \
                           have one tunnel";
            Err(Error::invalid(
                "distribute_traffic",
                Rule::Reference,
                message,
            ))
        }
        // A peer takes the second of two with one identity for the first one's successor.
        GatewayMode::Route if is_named => {
            let message = "the two tunnels of a connection of a gateway in route mode call themselves by the \
                           gateway's addresses, each by its own";
            Err(Error::invalid("local_id", Rule::Reference, message))
        }
        GatewayMode::Policy | GatewayMode::Route => Ok(()),
    }
}

pub(super) async fn check_ike_policy(
    tx: &mut dyn Transaction,
    caller: &Caller,
    row: &Connection,
) -> Result<(), Error> {
    let Some(id) = row.ike_policy else {
        return Ok(());
    };
    let policy = tx.ike_policy(caller.scope(), id).await?;
    policy.map(drop).ok_or(Error::NotFound(Noun::IkePolicy))
}

/// The least MTU that an IP version allows (RFC 791 section 3.2, RFC 8200 section 5).
fn check_mtu(row: &Connection) -> Result<(), Error> {
    let mtu = row.mtu;
    let is_ipv4 = row.ends.local().iter().any(|cidr| cidr.is_ipv4());
    let least = if is_ipv4 { 68 } else { 1280 };
    if mtu != 0 && mtu < least {
        return Err(Misfit::MtuTooSmall { mtu, is_ipv4 }.into());
    }
    Ok(())
}

fn check_dpd(dpd: DeadPeerDetection, rule: DeadPeerRule) -> Result<(), Error> {
    let invalid = |field, message: &str| {
        let rule = Rule::DeadPeerDetection;
        Err(Error::invalid(field, rule, message))
    };
    let DeadPeerDetection {
        interval_s,
        timeout_s,
        ..
    } = dpd;
    match rule {
        DeadPeerRule::Longer if timeout_s <= interval_s => Err(Misfit::DpdTimeout.into()),
        DeadPeerRule::Longer => Ok(()),
        DeadPeerRule::Bounded if !(1..=LONGEST_DPD).contains(&interval_s) => invalid(
            "dead_peer_detection.interval",
            "the interval is 1 to 86399 s",
        ),
        DeadPeerRule::Bounded if !(2..=LONGEST_DPD).contains(&timeout_s) => {
            invalid("dead_peer_detection.timeout", "the timeout is 2 to 86399 s")
        }
        DeadPeerRule::Bounded if timeout_s < interval_s => invalid(
            "dead_peer_detection.timeout",
            "the timeout can't be shorter than the interval",
        ),
        DeadPeerRule::Bounded => Ok(()),
    }
}
