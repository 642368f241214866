//! Which connection a packet belongs to, whether or not that connection can carry it now.
//!
//! Of the connections between whose blocks a packet goes, the one of the most specific remote block has it, then
//! the one of the most specific local block. So what is behind one peer never goes to another whose blocks are
//! wider, however new its SAs are and even while the first has none (RFC 4301 section 4.4.1: the policy is an
//! ordered list, and its first match decides).
//!
//! Finding it costs the depth of a trie, and a change what the connections of the change have, however many others
//! there are.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;

use crate::translate::Translations;

/// The caller's name for a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Owner(pub u128);

/// The blocks between which one connection carries packets: each local one with each remote one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionBlocks {
    /// Whose they are.
    pub owner: Owner,
    /// Whether it is meant to carry packets now. One that isn't still has its blocks, but comes after those of the
    /// very same blocks that are.
    pub enabled: bool,
    /// On our side.
    pub local: Vec<IpNet>,
    /// On the peer's, as our side knows them.
    pub remote: Vec<IpNet>,
    /// What the peer's side knows by other addresses, or we do.
    pub translations: Translations,
}

impl ConnectionBlocks {
    fn pairs(&self) -> impl Iterator<Item = (IpNet, IpNet)> {
        let pairs = |remote| self.local.iter().map(move |local| (remote, *local));
        let remote = self.remote.iter();
        remote.flat_map(move |remote| pairs(remote.trunc()))
    }

    fn claim(&self) -> Claim {
        Claim {
            disabled: !self.enabled,
            owner: self.owner,
        }
    }
}

/// What changes at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouteChange {
    /// Connections that have no blocks any more.
    pub gone: Vec<Owner>,
    /// Connections that are new, or have other blocks than before.
    pub blocks: Vec<ConnectionBlocks>,
}

/// A connection's claim to the packets between two blocks: the first in order has them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Claim {
    disabled: bool,
    owner: Owner,
}

/// The claims to packets to one remote block, by local block. None is empty.
type Claims = JointPrefixMap<IpNet, BTreeSet<Claim>>;

/// All connections' blocks.
#[derive(Default)]
pub(crate) struct Routes {
    /// By remote block. None is empty.
    claims: JointPrefixMap<IpNet, Claims>,
    connections: HashMap<Owner, ConnectionBlocks>,
    /// Of the connections that have some.
    translations: HashMap<Owner, Arc<Translations>>,
}

impl Routes {
    pub(crate) fn apply(&mut self, change: &RouteChange) {
        for owner in &change.gone {
            self.remove(*owner);
        }
        for blocks in &change.blocks {
            self.remove(blocks.owner);
            for (remote, local) in blocks.pairs() {
                let claims = self.claims.entry(remote).or_default();
                let claims = claims.entry(local).or_default();
                claims.insert(blocks.claim());
            }
            if !blocks.translations.is_empty() {
                let translations = Arc::new(blocks.translations.clone());
                self.translations.insert(blocks.owner, translations);
            }
            self.connections.insert(blocks.owner, blocks.clone());
        }
    }

    fn remove(&mut self, owner: Owner) {
        let Some(blocks) = self.connections.remove(&owner) else {
            return;
        };
        self.translations.remove(&owner);
        for (remote, local) in blocks.pairs() {
            let Some(claims) = self.claims.get_mut(&remote) else {
                continue;
            };
            if let Some(here) = claims.get_mut(&local) {
                here.remove(&blocks.claim());
                if here.is_empty() {
                    claims.remove(&local);
                }
            }
            if claims.is_empty() {
                self.claims.remove(&remote);
            }
        }
    }

    /// The claims to a packet from `local` to `remote`: those of the most specific blocks.
    fn claims(&self, local: IpAddr, remote: IpAddr) -> Option<&BTreeSet<Claim>> {
        let local = IpNet::from(local);
        let mut around = IpNet::from(remote);
        loop {
            let (block, claims) = self.claims.get_lpm(&around)?;
            if let Some((_, found)) = claims.get_lpm(&local) {
                return Some(found);
            }
            around = block.supernet()?;
        }
    }

    /// The connection that a packet from `local` to `remote` belongs to.
    pub(crate) fn owner(&self, local: IpAddr, remote: IpAddr) -> Option<Owner> {
        let claims = self.claims(local, remote)?;
        claims.first().map(|claim| claim.owner)
    }

    /// What of a connection is known by other addresses at its other end, if anything.
    pub(crate) fn translations(&self, owner: Owner) -> Option<&Arc<Translations>> {
        self.translations.get(&owner)
    }

    /// Whether a packet from `remote` to `local` may come by this connection. Connections of the very same blocks
    /// share them: nothing tells their packets apart.
    pub(crate) fn may_bring(&self, owner: Owner, local: IpAddr, remote: IpAddr) -> bool {
        let claims = self.claims(local, remote);
        claims.is_some_and(|claims| {
            [false, true]
                .into_iter()
                .any(|disabled| claims.contains(&Claim { disabled, owner }))
        })
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Routes({} connections)", self.connections.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(owner: u128, local: &[&str], remote: &[&str]) -> ConnectionBlocks {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        ConnectionBlocks {
            owner: Owner(owner),
            enabled: true,
            local: nets(local),
            remote: nets(remote),
            translations: Translations::default(),
        }
    }

    fn of<'a>(connections: impl IntoIterator<Item = &'a ConnectionBlocks>) -> Routes {
        let mut routes = Routes::default();
        routes.apply(&RouteChange {
            gone: Vec::new(),
            blocks: connections.into_iter().cloned().collect(),
        });
        routes
    }

    fn owner(routes: &Routes, local: &str, remote: &str) -> Option<u128> {
        let owner = routes.owner(local.parse().unwrap(), remote.parse().unwrap());
        owner.map(|Owner(owner)| owner)
    }

    #[test]
    fn the_most_specific_remote_block_decides_then_the_local_one() {
        let all = connection(1, &["0.0.0.0/0"], &["0.0.0.0/0"]);
        let narrow = connection(2, &["10.9.0.0/16"], &["10.1.0.0/24"]);
        let narrower = connection(3, &["10.9.1.0/24"], &["10.1.0.0/24"]);
        for order in [[&all, &narrow, &narrower], [&narrower, &narrow, &all]] {
            let routes = of(order);
            assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(2));
            assert_eq!(owner(&routes, "10.9.1.1", "10.1.0.1"), Some(3));
            assert_eq!(owner(&routes, "10.9.1.1", "10.1.1.1"), Some(1));
            // Not from the narrow ones' own blocks.
            assert_eq!(owner(&routes, "10.8.0.1", "10.1.0.1"), Some(1));
            assert_eq!(owner(&routes, "2001:db8::1", "2001:db8::2"), None);
        }
    }

    #[test]
    fn what_belongs_to_one_connection_may_not_come_by_another() {
        let all = connection(1, &["10.9.0.0/16"], &["0.0.0.0/0"]);
        let narrow = connection(2, &["10.9.0.0/16"], &["10.1.0.0/24"]);
        let routes = of([&all, &narrow]);
        let may = |owner, remote: &str| {
            routes.may_bring(
                Owner(owner),
                "10.9.0.1".parse().unwrap(),
                remote.parse().unwrap(),
            )
        };
        assert!(may(2, "10.1.0.1") && !may(1, "10.1.0.1"));
        assert!(may(1, "10.2.0.1") && !may(2, "10.2.0.1"));
        assert!(!may(3, "10.1.0.1"));
    }

    #[test]
    fn of_the_very_same_blocks_the_enabled_first_one_sends_and_all_may_bring() {
        let one = connection(1, &["10.9.0.0/16"], &["10.1.0.0/24"]);
        let two = connection(2, &["10.9.0.0/16"], &["10.1.0.0/24"]);
        let routes = of([&two, &one]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(1));
        let (ours, theirs) = ("10.9.0.1".parse().unwrap(), "10.1.0.1".parse().unwrap());
        assert!(
            routes.may_bring(Owner(1), ours, theirs) && routes.may_bring(Owner(2), ours, theirs)
        );
        let set_down = ConnectionBlocks {
            enabled: false,
            ..one
        };
        let routes = of([&set_down, &two]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(2));
        // Alone, it still has its packets: they must not take another way.
        let wide = connection(3, &["0.0.0.0/0"], &["0.0.0.0/0"]);
        let routes = of([&wide, &set_down]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(1));
    }

    /// The rule as it is said: of all pairs of blocks that have the packet, the first in order.
    fn by_the_rule(all: &[ConnectionBlocks], local: IpAddr, remote: IpAddr) -> Option<Owner> {
        let pairs = all.iter().flat_map(|one| {
            let pairs = one.pairs().map(move |(r, l)| (r, l, one));
            pairs.filter(move |(r, l, _)| r.contains(&remote) && l.contains(&local))
        });
        let order = |(remote, local, one): &(IpNet, IpNet, &ConnectionBlocks)| {
            let lengths = (remote.prefix_len(), local.prefix_len());
            (std::cmp::Reverse(lengths), one.claim())
        };
        pairs.min_by_key(order).map(|(.., one)| one.owner)
    }

    fn block() -> impl Strategy<Value = IpNet> {
        let v4 = (0..=255_u8, 0..=255_u8, 6..=32_u8).prop_map(|(a, b, len)| {
            let address = IpAddr::from([10, a & 3, b & 0x81, 0]);
            IpNet::new(address, len).unwrap().trunc()
        });
        let v6 = (0..=3_u16, 10..=128_u8).prop_map(|(a, len)| {
            let address = IpAddr::from([0xfd00, a, 0, 0, 0, 0, 0, 0]);
            IpNet::new(address, len).unwrap().trunc()
        });
        prop_oneof![4 => v4, 1 => v6]
    }

    fn blocks() -> impl Strategy<Value = ConnectionBlocks> {
        let some = || proptest::collection::vec(block(), 1..4);
        (0..6_u128, any::<bool>(), some(), some()).prop_map(|(owner, enabled, local, remote)| {
            ConnectionBlocks {
                owner: Owner(owner),
                enabled,
                local,
                remote,
                translations: Translations::default(),
            }
        })
    }

    proptest! {
        #[test]
        fn after_any_changes_packets_go_by_the_rule(
            changes in proptest::collection::vec((0..6_u128, any::<bool>(), blocks()), 1..24),
            packets in proptest::collection::vec((block(), block()), 16),
        ) {
            let mut routes = Routes::default();
            let mut all: Vec<ConnectionBlocks> = Vec::new();
            for (gone, goes, blocks) in changes {
                let gone = if goes { vec![Owner(gone)] } else { Vec::new() };
                all.retain(|one| !gone.contains(&one.owner) && one.owner != blocks.owner);
                all.push(blocks.clone());
                routes.apply(&RouteChange { gone, blocks: vec![blocks] });
                for (local, remote) in &packets {
                    let (local, remote) = (local.addr(), remote.addr());
                    let owner = by_the_rule(&all, local, remote);
                    prop_assert_eq!(routes.owner(local, remote), owner);
                    if let Some(owner) = owner {
                        prop_assert!(routes.may_bring(owner, local, remote));
                    }
                }
            }
            routes.apply(&RouteChange {
                gone: all.iter().map(|one| one.owner).collect(),
                blocks: Vec::new(),
            });
            prop_assert!(routes.claims.is_empty() && routes.connections.is_empty());
        }
    }
}
