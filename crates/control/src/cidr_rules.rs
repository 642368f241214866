//! Which blocks a connection may have beside its siblings.

use std::collections::HashSet;

use adit_model::connection::Ends;
use adit_model::{Cidr, Connection, Gateway, RouterId, Subnet};
use adit_store::Transaction;

use crate::config::Limits;
use crate::connection::{Overlaps, Rules};
use crate::error::{Error, Quota, Rule};
use crate::on_router;
use crate::rules::Allowance;

/// Refuses a connection whose blocks can't be told apart from each other's or its siblings', or share
/// addresses that the face lets nobody share, or are too many.
pub(crate) async fn check(
    tx: &mut dyn Transaction,
    limits: &Limits,
    rules: Rules,
    gateway: &Gateway,
    wanted: &Connection,
) -> Result<(), Error> {
    check_lists(wanted)?;
    if rules.allowance == Allowance::Fixed {
        check_lengths(limits, wanted)?;
    }
    match rules.overlaps {
        Overlaps::Refused => check_apart(tx, gateway, wanted).await?,
        Overlaps::Nested => check_tellable(tx, gateway, wanted).await?,
    }
    if rules.allowance == Allowance::Fixed {
        let mut others = tx.connections_of_gateway(gateway.id).await?;
        others.retain(|other| other.id != wanted.id);
        check_sums(limits, wanted, &others)?;
    }
    Ok(())
}

/// No block shares addresses with another of the router's connections.
async fn check_apart(
    tx: &mut dyn Transaction,
    gateway: &Gateway,
    wanted: &Connection,
) -> Result<(), Error> {
    check_alone(wanted)?;
    for sibling in tx.gateways_of_router(gateway.router).await? {
        for other in tx.connections_of_gateway(sibling.id).await? {
            if other.id != wanted.id {
                check_pair(wanted, &other)?;
            }
        }
    }
    Ok(())
}

/// It can be told for each packet which connection it belongs to: that of the narrowest block behind a
/// peer, then that of the narrowest block here. To which gateway it belongs is told by the former alone.
async fn check_tellable(
    tx: &mut dyn Transaction,
    gateway: &Gateway,
    wanted: &Connection,
) -> Result<(), Error> {
    let here = wanted.ends.local();
    let is_same = |other: &&Connection| {
        let mut theirs = other.ends.local().iter();
        other.gateway != wanted.gateway || theirs.any(|cidr| here.contains(cidr))
    };
    for block in wanted.peer_known_here() {
        let others = tx.connections_behind(gateway.router, block).await?;
        let mut others = others.iter().filter(|other| other.id != wanted.id);
        if let Some(other) = others.find(is_same) {
            let message = format!(
                "the peer CIDR {block} is behind the peer of the connection {} ({}) on the same \
                 router already: it could not be told which of both has what is sent there",
                other.name, other.id
            );
            return Err(Error::invalid("peer_cidrs", Rule::DuplicatePair, message));
        }
    }
    Ok(())
}

/// Refuses blocks behind a peer that are, or lie within, a network that the router is on: what is
/// sent there from that network never comes to the router, and what the router has for it goes to
/// that network. A block around such a network is fine, since the narrower one wins.
pub(crate) async fn check_networks(
    tx: &mut dyn Transaction,
    router: RouterId,
    field: &'static str,
    blocks: &[Cidr],
) -> Result<(), Error> {
    for subnet in on_router::subnets(tx, router).await? {
        let within = |block: &&Cidr| subnet.cidr.contains_block(**block);
        if let Some(block) = blocks.iter().find(within) {
            let message = format!(
                "the peer CIDR {block} lies within {}, the subnet {} ({}) on the same router: \
                 nothing for it would be sent through the tunnel",
                subnet.cidr, subnet.name, subnet.id
            );
            return Err(Error::invalid(field, Rule::CidrOverlap, message));
        }
    }
    Ok(())
}

/// The same when a network comes onto the router: refuses one that is, or contains, a block behind a
/// peer of its connections.
pub(crate) async fn check_peers(
    tx: &mut dyn Transaction,
    router: RouterId,
    subnet: &Subnet,
) -> Result<(), Error> {
    let within = |block: &&Cidr| subnet.cidr.contains_block(**block);
    for (gateway, blocks) in tx.peer_cidrs_of_router(router).await? {
        // Connections are read with their keys, and only to name the one that is in the way.
        if !blocks.iter().any(|block| within(&block)) {
            continue;
        }
        for connection in tx.connections_of_gateway(gateway).await? {
            let known = connection.peer_known_here();
            let Some(block) = known.iter().find(within) else {
                continue;
            };
            let message = format!(
                "the peer CIDR {block} of the connection {} ({}) on the same router lies within \
                 {}, the subnet {} ({}): nothing for it would be sent through the tunnel any more",
                connection.name, connection.id, subnet.cidr, subnet.name, subnet.id
            );
            return Err(Error::conflict(Rule::CidrOverlap, message));
        }
    }
    Ok(())
}

/// No block is listed twice.
fn check_lists(wanted: &Connection) -> Result<(), Error> {
    for (field, list) in lists(wanted) {
        let mut seen = HashSet::new();
        if let Some(cidr) = list.iter().find(|cidr| !seen.insert(**cidr)) {
            let message = format!("{cidr} is listed twice in {field}");
            return Err(Error::invalid(field, Rule::CidrRepeated, message));
        }
    }
    Ok(())
}

fn lists(wanted: &Connection) -> [(&'static str, &[Cidr]); 2] {
    [
        ("local_cidrs", wanted.ends.local()),
        ("peer_cidrs", wanted.ends.peer()),
    ]
}

fn check_lengths(limits: &Limits, wanted: &Connection) -> Result<(), Error> {
    let limit = limits.cidrs_of_connection;
    let quotas = [Quota::LocalCidrsOfConnection, Quota::PeerCidrsOfConnection];
    for ((_, list), quota) in lists(wanted).into_iter().zip(quotas) {
        if list.len() > limit {
            return Err(Error::QuotaExceeded { quota, limit });
        }
    }
    Ok(())
}

/// No two blocks of a connection share addresses.
fn check_alone(wanted: &Connection) -> Result<(), Error> {
    for ((field, list), side) in lists(wanted).into_iter().zip(["local", "peer"]) {
        for (index, one) in list.iter().enumerate() {
            let mut rest = list.iter().skip(index + 1);
            if let Some(two) = rest.find(|two| one.overlaps(**two)) {
                let message = format!("the {side} CIDRs {one} and {two} overlap");
                return Err(Error::invalid(field, Rule::CidrOverlap, message));
            }
        }
    }
    // By the names that they have here, and by those that they have there.
    let (here, there) = (wanted.peer_known_here(), wanted.local_known_there());
    let clash = overlap(wanted.ends.local(), &here).or_else(|| overlap(&there, wanted.ends.peer()));
    if let Some((local, peer)) = clash {
        let message = format!("the local CIDR {local} and the peer CIDR {peer} overlap");
        return Err(Error::invalid("peer_cidrs", Rule::CidrOverlap, message));
    }
    Ok(())
}

/// The rules between two connections of one router.
fn check_pair(wanted: &Connection, other: &Connection) -> Result<(), Error> {
    let is_routed = matches!(other.ends, Ends::Routes { .. });
    // A route is for what no narrower block has, as in every table of routes.
    let clash = |a: Cidr, b: Cidr| if is_routed { a == b } else { a.overlaps(b) };
    let (own, others) = (wanted.peer_known_here(), other.peer_known_here());
    let Some((ours, theirs)) = first(&own, &others, clash) else {
        return Ok(());
    };
    let same_blocks = ours == theirs
        && wanted
            .ends
            .local()
            .iter()
            .any(|c| other.ends.local().contains(c));
    let same_way = wanted.gateway == other.gateway && wanted.peer_address == other.peer_address;
    let with = format!("those of the connection {} ({})", other.name, other.id);
    if same_blocks && same_way {
        let message = format!("the local and peer CIDRs to this peer are {with} too");
        return Err(Error::invalid("peer_cidrs", Rule::DuplicatePair, message));
    }
    let message = format!("the peer CIDR {ours} overlaps {theirs} among {with}");
    Err(Error::invalid("peer_cidrs", Rule::CidrOverlap, message))
}

fn check_sums(limits: &Limits, wanted: &Connection, others: &[Connection]) -> Result<(), Error> {
    let limit = limits.cidrs_of_gateway;
    let local: usize = others.iter().map(|c| c.ends.local().len()).sum();
    if local + wanted.ends.local().len() > limit {
        let quota = Quota::LocalCidrsOfGateway;
        return Err(Error::QuotaExceeded { quota, limit });
    }
    let peer: usize = others.iter().map(|c| c.ends.peer().len()).sum();
    if peer + wanted.ends.peer().len() > limit {
        let quota = Quota::PeerCidrsOfGateway;
        return Err(Error::QuotaExceeded { quota, limit });
    }
    Ok(())
}

fn overlap(ours: &[Cidr], theirs: &[Cidr]) -> Option<(Cidr, Cidr)> {
    first(ours, theirs, Cidr::overlaps)
}

/// The first two of both lists that are so to each other.
fn first(
    ours: &[Cidr],
    theirs: &[Cidr],
    are_so: impl Fn(Cidr, Cidr) -> bool,
) -> Option<(Cidr, Cidr)> {
    let pairs = ours
        .iter()
        .flat_map(|a| theirs.iter().map(move |b| (*a, *b)));
    pairs.into_iter().find(|(a, b)| are_so(*a, *b))
}

/// Refuses a route for a block that is behind another peer of the router, or within a network of it.
pub(crate) async fn check_route(
    tx: &mut dyn Transaction,
    router: RouterId,
    destination: Cidr,
) -> Result<(), Error> {
    check_networks(tx, router, "destination", &[destination]).await?;
    let behind = tx.connections_behind(router, destination).await?;
    let Some(other) = behind.first() else {
        return Ok(());
    };
    let message = format!(
        "{destination} is behind the peer of the connection {} ({}) on the same router already: a block has one way",
        other.name, other.id
    );
    Err(Error::invalid("destination", Rule::DuplicatePair, message))
}
