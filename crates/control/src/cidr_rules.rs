//! Which blocks a connection may have beside its siblings.

use std::collections::HashSet;

use adit_model::{Cidr, Connection, Gateway, RouterId, Subnet};
use adit_store::Transaction;

use crate::attached_subnet;
use crate::config::Limits;
use crate::error::{Error, Quota, Rule};

/// Refuses a connection whose blocks can't be told apart from each other's or its siblings'.
pub(crate) async fn check(
    tx: &mut dyn Transaction,
    limits: &Limits,
    gateway: &Gateway,
    wanted: &Connection,
) -> Result<(), Error> {
    check_alone(limits, wanted)?;
    check_networks(tx, gateway.router, "peer_cidrs", &wanted.peer_cidrs).await?;
    for sibling in tx.gateways_of_router(gateway.router).await? {
        let others = tx.connections_of_gateway(sibling.id).await?;
        let others: Vec<_> = others.into_iter().filter(|c| c.id != wanted.id).collect();
        for other in &others {
            check_pair(wanted, other)?;
        }
        if sibling.id == gateway.id {
            check_sums(limits, wanted, &others)?;
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
    for subnet in attached_subnet::of_router(tx, router).await? {
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
            let Some(block) = connection.peer_cidrs.iter().find(within) else {
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

/// The rules within one connection.
fn check_alone(limits: &Limits, wanted: &Connection) -> Result<(), Error> {
    let lists = [
        (
            "local_cidrs",
            &wanted.local_cidrs,
            Quota::LocalCidrsOfConnection,
        ),
        (
            "peer_cidrs",
            &wanted.peer_cidrs,
            Quota::PeerCidrsOfConnection,
        ),
    ];
    for (field, list, quota) in lists {
        if list.is_empty() {
            let message = format!("a connection needs at least one of {field}");
            return Err(Error::invalid(field, Rule::ListEmpty, message));
        }
        let mut seen = HashSet::new();
        for cidr in list {
            if !seen.insert(cidr) {
                let message = format!("{cidr} is listed twice in {field}");
                return Err(Error::invalid(field, Rule::CidrRepeated, message));
            }
        }
        if list.len() > limits.cidrs_of_connection {
            let limit = limits.cidrs_of_connection;
            return Err(Error::QuotaExceeded { quota, limit });
        }
    }
    for (index, one) in wanted.local_cidrs.iter().enumerate() {
        let rest = wanted.local_cidrs.iter().skip(index + 1);
        if let Some(two) = rest.into_iter().find(|two| one.overlaps(**two)) {
            let message = format!("the local CIDRs {one} and {two} overlap");
            return Err(Error::invalid("local_cidrs", Rule::CidrOverlap, message));
        }
    }
    for (index, one) in wanted.peer_cidrs.iter().enumerate() {
        let rest = wanted.peer_cidrs.iter().skip(index + 1);
        if let Some(two) = rest.into_iter().find(|two| one.overlaps(**two)) {
            let message = format!("the peer CIDRs {one} and {two} overlap");
            return Err(Error::invalid("peer_cidrs", Rule::CidrOverlap, message));
        }
    }
    if let Some((local, peer)) = overlap(&wanted.local_cidrs, &wanted.peer_cidrs) {
        let message = format!("the local CIDR {local} and the peer CIDR {peer} overlap");
        return Err(Error::invalid("peer_cidrs", Rule::CidrOverlap, message));
    }
    Ok(())
}

/// The rules between two connections of one router.
fn check_pair(wanted: &Connection, other: &Connection) -> Result<(), Error> {
    let Some((ours, theirs)) = overlap(&wanted.peer_cidrs, &other.peer_cidrs) else {
        return Ok(());
    };
    let same_blocks = ours == theirs
        && wanted
            .local_cidrs
            .iter()
            .any(|c| other.local_cidrs.contains(c));
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
    let local: usize = others.iter().map(|c| c.local_cidrs.len()).sum();
    if local + wanted.local_cidrs.len() > limit {
        let quota = Quota::LocalCidrsOfGateway;
        return Err(Error::QuotaExceeded { quota, limit });
    }
    let peer: usize = others.iter().map(|c| c.peer_cidrs.len()).sum();
    if peer + wanted.peer_cidrs.len() > limit {
        let quota = Quota::PeerCidrsOfGateway;
        return Err(Error::QuotaExceeded { quota, limit });
    }
    Ok(())
}

fn overlap(ours: &[Cidr], theirs: &[Cidr]) -> Option<(Cidr, Cidr)> {
    let pairs = ours
        .iter()
        .flat_map(|a| theirs.iter().map(move |b| (*a, *b)));
    pairs.into_iter().find(|(a, b)| a.overlaps(*b))
}
