//! Blocks that one end of a connection knows by other addresses than the other end does, address by address: for two sites
//! that have the same ones, or a peer that wants to see others than there are.
//!
//! What a connection's ends list is each end's own: this end's as it is here, the other end's as it is there. A
//! translation shows a block of either to the opposite end as another one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::desired::TunnelSpec;
use crate::{Cidr, Connection};

/// An end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// This one.
    Local,
    /// The other one.
    Peer,
}

/// A block of one end, and as what the opposite end knows it: the same number of addresses, in the same order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Translation {
    /// Whose block it is.
    pub end: End,
    /// What it is there.
    pub cidr: Cidr,
    /// What it is known as at the opposite end.
    pub shown_as: Cidr,
}

impl Translation {
    /// By what name the block goes at this end.
    #[must_use]
    pub const fn here(&self) -> Cidr {
        match self.end {
            End::Local => self.cidr,
            End::Peer => self.shown_as,
        }
    }

    /// By what name it goes at the other end.
    #[must_use]
    pub const fn there(&self) -> Cidr {
        match self.end {
            End::Local => self.shown_as,
            End::Peer => self.cidr,
        }
    }
}

/// What an end's blocks are known as at the opposite end: in the place of each that is shown as another one that other one,
/// and behind them what stands for parts of the rest, which are known too.
#[must_use]
pub fn shown(end: End, blocks: &[Cidr], translations: &[Translation]) -> Vec<Cidr> {
    let of_end = || translations.iter().filter(|one| one.end == end);
    let whole = |block: &Cidr| of_end().find(|one| one.cidr == *block);
    let instead = blocks
        .iter()
        .map(|block| whole(block).map_or(*block, |one| one.shown_as));
    let parts = of_end().filter(|one| !blocks.contains(&one.cidr));
    instead.chain(parts.map(|one| one.shown_as)).collect()
}

/// The address at the same place in a block as one is in another block of its size, by IPv4; nothing, if it isn't in that.
#[must_use]
pub fn at_same_place(address: IpAddr, from: Cidr, to: Cidr) -> Option<IpAddr> {
    let (IpAddr::V4(one), IpAddr::V4(first)) = (address, from.first()) else {
        return None;
    };
    let index = one.to_bits().checked_sub(first.to_bits())?;
    let is_here = from.contains(address);
    to.nth(index.into()).filter(|_| is_here)
}

/// What an end's address is known as at the opposite end.
#[must_use]
pub fn known_as(end: End, address: IpAddr, translations: &[Translation]) -> IpAddr {
    let mut names = translations
        .iter()
        .filter(|one| one.end == end)
        .filter_map(|one| at_same_place(address, one.cidr, one.shown_as));
    names.next().unwrap_or(address)
}

impl Connection {
    /// What the other end's blocks are known as here: where packets to it go.
    #[must_use]
    pub fn peer_known_here(&self) -> Vec<Cidr> {
        shown(End::Peer, self.ends.peer(), &self.translations)
    }

    /// What this end's blocks are known as at the other end: what is negotiated for.
    #[must_use]
    pub fn local_known_there(&self) -> Vec<Cidr> {
        shown(End::Local, self.ends.local(), &self.translations)
    }
}

impl TunnelSpec {
    /// What the other end's blocks are known as here: where packets to it go.
    #[must_use]
    pub fn peer_known_here(&self) -> Vec<Cidr> {
        shown(End::Peer, &self.peer_cidrs, &self.translations)
    }

    /// What this end's blocks are known as at the other end: what is negotiated for.
    #[must_use]
    pub fn local_known_there(&self) -> Vec<Cidr> {
        shown(End::Local, &self.local_cidrs, &self.translations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_and_what_stands_for_a_part_of_one_comes_behind() {
        let cidr = |text: &str| text.parse::<Cidr>().unwrap();
        let one = |end, of: &str, shown_as: &str| Translation {
            end,
            cidr: cidr(of),
            shown_as: cidr(shown_as),
        };
        let translations = [
            one(End::Peer, "192.168.10.15/32", "10.1.255.92/32"),
            one(End::Peer, "10.1.0.0/24", "10.202.0.0/24"),
            one(End::Local, "10.1.0.0/24", "10.201.0.0/24"),
        ];
        let blocks = [cidr("10.1.0.0/24"), cidr("192.168.10.0/24")];
        let texts = |end| -> Vec<String> {
            let blocks = shown(end, &blocks, &translations);
            blocks.iter().map(ToString::to_string).collect()
        };
        let here = ["10.202.0.0/24", "192.168.10.0/24", "10.1.255.92/32"];
        assert_eq!(texts(End::Peer), here);
        assert_eq!(texts(End::Local), ["10.201.0.0/24", "192.168.10.0/24"]);
        assert_eq!(shown(End::Peer, &blocks, &[]), blocks);
        let known = |address: &str| {
            let known = known_as(End::Peer, address.parse().unwrap(), &translations);
            known.to_string()
        };
        assert_eq!(known("10.1.0.77"), "10.202.0.77");
        assert_eq!(known("192.168.10.15"), "10.1.255.92");
        assert_eq!(known("192.168.10.16"), "192.168.10.16");
        assert_eq!(known("fd00::1"), "fd00::1");
    }
}
