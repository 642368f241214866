//! Which addresses a subnet has, and which of them its ports.

use std::net::IpAddr;

use adit_model::subnet::AddressRange;
use adit_model::{Cidr, Subnet};

use crate::address::{after, before};
use crate::error::{Error, Rule};
use crate::rules::Allowance;

/// Which addresses a subnet is to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// These.
    Exact(Cidr),
    /// The first free block of `prefix_len` in `within`.
    FirstFree {
        /// Where to look.
        within: Cidr,
        /// Its length.
        prefix_len: u8,
    },
}

impl Block {
    /// Where it is to lie.
    pub(super) const fn within(&self) -> Cidr {
        match self {
            Self::Exact(cidr) | Self::FirstFree { within: cidr, .. } => *cidr,
        }
    }
}

/// Which addresses a subnet's ports get that don't ask for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pools {
    /// All but the block's own address, an IPv4 block's broadcast address, and the router's.
    Most,
    /// As they were asked for, none overlapping another.
    These(Vec<AddressRange>),
    /// All but so many at the block's start and at its end.
    Between {
        /// At its start.
        first: u64,
        /// At its end.
        last: u64,
    },
}

impl Pools {
    /// Those of a block with this address of a router.
    pub(super) fn of(self, cidr: Cidr, gateway: Option<IpAddr>) -> Vec<AddressRange> {
        match self {
            Self::Most => all_but(cidr, gateway),
            Self::These(ranges) => ranges,
            Self::Between { first, last } => {
                let end = cidr.address_count().checked_sub(last.saturating_add(1));
                let ends = cidr.nth(first).zip(end.and_then(|end| cidr.nth(end)));
                ends.map(|(first, last)| AddressRange { first, last })
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// The block that is wished for, or the first one that is free: neither a sibling's, nor around a
/// block behind a peer.
pub(super) fn choose(
    siblings: &[Subnet],
    peers: &[Cidr],
    block: &Block,
    allowance: Allowance,
) -> Result<Cidr, Error> {
    let around = |cidr: Cidr| peers.iter().any(|peer| cidr.contains_block(*peer));
    let overlaps = |cidr: Cidr| siblings.iter().find(|row| row.cidr.overlaps(cidr));
    match *block {
        Block::Exact(cidr) => {
            let is_bounded = allowance == Allowance::Fixed;
            if is_bounded && (cidr.address_count() < 8 || cidr.prefix_len() < 8) {
                let message = format!("{cidr} is no block of /8 to /29");
                return Err(Error::invalid("cidr", Rule::CidrSize, message));
            }
            if let Some(other) = overlaps(cidr) {
                let message = format!("{cidr} overlaps {} of {}", other.cidr, other.name);
                return Err(Error::invalid("cidr", Rule::CidrOverlap, message));
            }
            Ok(cidr)
        }
        Block::FirstFree { within, prefix_len } => {
            let mut candidates = blocks(within, prefix_len);
            let free = candidates.find(|cidr| overlaps(*cidr).is_none() && !around(*cidr));
            let message = format!("no block of /{prefix_len} is free in {within}");
            free.ok_or_else(|| Error::conflict(Rule::CidrOverlap, message))
        }
    }
}

/// The blocks of `prefix_len` in `within`, lowest first.
fn blocks(within: Cidr, prefix_len: u8) -> impl Iterator<Item = Cidr> {
    let size = Cidr::new(within.first(), prefix_len).map_or(u64::MAX, Cidr::address_count);
    let count = within.address_count() / size;
    (0..count).filter_map(move |index| {
        let first = within.nth(index.checked_mul(size)?)?;
        Cidr::new(first, prefix_len).ok()
    })
}

/// What is left of a block without its own address, the broadcast address and the router's.
fn all_but(cidr: Cidr, gateway: Option<IpAddr>) -> Vec<AddressRange> {
    let small = cidr.address_count() <= 2;
    let (mut first, mut last) = (cidr.first(), cidr.last());
    if !small {
        first = after(first).unwrap_or(first);
    }
    if !small && cidr.is_ipv4() {
        last = before(last).unwrap_or(last);
    }
    let whole = AddressRange { first, last };
    let Some(gateway) = gateway.filter(|gateway| whole.contains(*gateway)) else {
        return vec![whole];
    };
    let below = before(gateway).map(|last| AddressRange { first, last });
    let above = after(gateway).map(|first| AddressRange { first, last });
    let is_one = |range: &AddressRange| range.first <= range.last;
    below.into_iter().chain(above).filter(is_one).collect()
}

/// Whether its parts fit together.
pub(super) fn check(row: &Subnet) -> Result<(), Error> {
    let outside = |field, address: IpAddr| {
        let message = format!("the address {address} is not one of {}", row.cidr);
        Error::invalid(field, Rule::AddressOutside, message)
    };
    if let Some(gateway) = row.gateway {
        if !row.cidr.contains(gateway) {
            return Err(outside("gateway", gateway));
        }
        if let Some(pool) = row.pools.iter().find(|pool| pool.contains(gateway)) {
            let message = format!(
                "the router's address {gateway} is in the pool {} to {}",
                pool.first, pool.last
            );
            return Err(Error::conflict(Rule::AddressTaken, message));
        }
    }
    for (index, pool) in row.pools.iter().enumerate() {
        for address in [pool.first, pool.last] {
            if !row.cidr.contains(address) {
                return Err(outside("pools", address));
            }
        }
        let later = row.pools.iter().skip(index + 1);
        let overlaps = |other: &&AddressRange| {
            pool.contains(other.first) || pool.contains(other.last) || other.contains(pool.first)
        };
        if pool.first > pool.last || later.into_iter().any(|other| overlaps(&other)) {
            let message = format!(
                "the pool {} to {} overlaps or is empty",
                pool.first, pool.last
            );
            return Err(Error::conflict(Rule::CidrOverlap, message));
        }
    }
    Ok(())
}
