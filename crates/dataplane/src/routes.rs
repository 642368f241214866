//! Which connection a packet belongs to, whether or not that connection can carry it now.
//!
//! Of the connections between whose blocks a packet goes, the one of the most specific remote block has it, then
//! the one of the most specific local block. So what is behind one peer never goes to another whose blocks are
//! wider, however new its SAs are and even while the first has none (RFC 4301 section 4.4.1: the policy is an
//! ordered list, and its first match decides).

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::IpNet;

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
    /// On the peer's.
    pub remote: Vec<IpNet>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Route {
    remote: IpNet,
    local: IpNet,
    owner: Owner,
}

impl Route {
    fn has(&self, local: IpAddr, remote: IpAddr) -> bool {
        self.remote.contains(&remote) && self.local.contains(&local)
    }

    fn lengths(&self) -> (u8, u8) {
        (self.remote.prefix_len(), self.local.prefix_len())
    }
}

/// All connections' blocks, the most specific first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Orders the blocks. Connections of the very same blocks stand in the order of their names, those that are
    /// enabled first.
    pub fn new<'a>(connections: impl IntoIterator<Item = &'a ConnectionBlocks>) -> Self {
        let mut routes = Vec::new();
        for connection in connections {
            for remote in &connection.remote {
                let locals = connection.local.iter();
                routes.extend(locals.map(|local| {
                    let route = Route {
                        remote: *remote,
                        local: *local,
                        owner: connection.owner,
                    };
                    (Reverse(route.lengths()), !connection.enabled, route)
                }));
            }
        }
        routes.sort_by_key(|(lengths, disabled, route)| (*lengths, *disabled, route.owner));
        Self(routes.into_iter().map(|(.., route)| route).collect())
    }

    /// The connection that a packet from `local` to `remote` belongs to.
    pub(crate) fn owner(&self, local: IpAddr, remote: IpAddr) -> Option<Owner> {
        let mut routes = self.0.iter();
        routes
            .find(|route| route.has(local, remote))
            .map(|route| route.owner)
    }

    /// Whether a packet from `remote` to `local` may come by this connection. Connections of the very same blocks
    /// share them: nothing tells their packets apart.
    pub(crate) fn may_bring(&self, owner: Owner, local: IpAddr, remote: IpAddr) -> bool {
        let mut matching = self.0.iter().filter(|route| route.has(local, remote));
        let Some(first) = matching.next() else {
            return false;
        };
        first.owner == owner
            || matching
                .take_while(|route| route.lengths() == first.lengths())
                .any(|route| route.owner == owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(owner: u128, local: &[&str], remote: &[&str]) -> ConnectionBlocks {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        ConnectionBlocks {
            owner: Owner(owner),
            enabled: true,
            local: nets(local),
            remote: nets(remote),
        }
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
            let routes = Routes::new(order);
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
        let routes = Routes::new([&all, &narrow]);
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
        let routes = Routes::new([&two, &one]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(1));
        let (ours, theirs) = ("10.9.0.1".parse().unwrap(), "10.1.0.1".parse().unwrap());
        assert!(
            routes.may_bring(Owner(1), ours, theirs) && routes.may_bring(Owner(2), ours, theirs)
        );
        let set_down = ConnectionBlocks {
            enabled: false,
            ..one
        };
        let routes = Routes::new([&set_down, &two]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(2));
        // Alone, it still has its packets: they must not take another way.
        let wide = connection(3, &["0.0.0.0/0"], &["0.0.0.0/0"]);
        let routes = Routes::new([&wide, &set_down]);
        assert_eq!(owner(&routes, "10.9.0.1", "10.1.0.1"), Some(1));
    }
}
