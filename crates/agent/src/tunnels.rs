//! The tunnels of one gateway, and how many of them lead to each block.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use adit_model::desired::{GatewayChange, TunnelSpec};
use adit_model::{Cidr, ConnectionId, OuterAddresses};

/// Tunnels by connection, as specs have them.
pub(crate) type Specs = BTreeMap<ConnectionId, Arc<TunnelSpec>>;

/// Tunnels that are down keep their blocks: their traffic must not take another way.
pub(crate) struct Tunnels {
    specs: Specs,
    leading_to: HashMap<Cidr, usize>,
}

/// Blocks that some tunnel leads to now and none did, and the other way round.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct BlockChange {
    pub(crate) added: BTreeSet<Cidr>,
    pub(crate) removed: BTreeSet<Cidr>,
}

impl Tunnels {
    pub(crate) fn of(specs: Specs) -> Self {
        let mut leading_to = HashMap::new();
        for block in specs.values().flat_map(|spec| spec.peer_known_here()) {
            *leading_to.entry(block).or_default() += 1;
        }
        Self { specs, leading_to }
    }

    pub(crate) const fn specs(&self) -> &Specs {
        &self.specs
    }

    /// The blocks that any tunnel leads to.
    pub(crate) fn blocks(&self) -> BTreeSet<Cidr> {
        self.leading_to.keys().copied().collect()
    }

    /// The peers that a gateway with these addresses speaks to itself, through tunnels.
    pub(crate) fn hosts(&self, own: OuterAddresses) -> BTreeSet<Cidr> {
        hosts(own, self.specs.values())
    }

    /// The same after a change; `None` where that has no such tunnels, and had none.
    pub(crate) fn hosts_after(
        &self,
        own: OuterAddresses,
        change: &GatewayChange,
    ) -> Option<BTreeSet<Cidr>> {
        let before = change.tunnels.keys().filter_map(|id| self.specs.get(id));
        let after = change.tunnels.values().flatten();
        if hosts(own, before.chain(after)).is_empty() {
            return None;
        }
        let mut specs = self.specs.clone();
        change.apply_to(&mut specs);
        Some(hosts(own, specs.values()))
    }

    /// What a change would do to the blocks. Costs what the change has, not what there is.
    pub(crate) fn weigh(&self, change: &GatewayChange) -> BlockChange {
        let mut blocks = BlockChange::default();
        for (block, count) in self.counts_after(change) {
            match (self.leading_to.contains_key(&block), count > 0) {
                (false, true) => drop(blocks.added.insert(block)),
                (true, false) => drop(blocks.removed.insert(block)),
                _ => {}
            }
        }
        blocks
    }

    pub(crate) fn change(&mut self, change: &GatewayChange) {
        for (block, count) in self.counts_after(change) {
            match count {
                0 => self.leading_to.remove(&block),
                count => self.leading_to.insert(block, count),
            };
        }
        change.apply_to(&mut self.specs);
    }

    /// How many tunnels lead to each block of a change after it.
    fn counts_after(&self, change: &GatewayChange) -> HashMap<Cidr, usize> {
        let mut counts = HashMap::new();
        let now = |block: &Cidr| self.leading_to.get(block).copied().unwrap_or_default();
        for (id, after) in &change.tunnels {
            for block in after.iter().flat_map(|spec| spec.peer_known_here()) {
                *counts.entry(block).or_insert_with(|| now(&block)) += 1;
            }
            let before = self.specs.get(id);
            for block in before.into_iter().flat_map(|spec| spec.peer_known_here()) {
                *counts.entry(block).or_insert_with(|| now(&block)) -= 1;
            }
        }
        counts
    }
}

/// Of tunnels for both ends' own addresses, as those in transport mode are. What the gateway says to the peers of others
/// goes as it would without them.
fn hosts<'a>(
    own: OuterAddresses,
    specs: impl Iterator<Item = &'a Arc<TunnelSpec>>,
) -> BTreeSet<Cidr> {
    let hosts = specs.filter_map(|spec| {
        let here = Cidr::host(own.toward(spec.peer_address)?);
        let there = Cidr::host(spec.peer_address);
        let is_between = spec.local_cidrs.contains(&here) && spec.peer_cidrs.contains(&there);
        is_between.then_some(there)
    });
    hosts.collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use adit_model::connection::{DeadPeerDetection, DpdAction, Identity, Initiator};
    use adit_model::desired::Carriers;
    use adit_model::policy::{IkeParameters, IpsecParameters};
    use adit_model::{GatewayId, Psk, Revision};

    use super::*;

    fn blocks(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn tunnel(connection: ConnectionId, peers: &[&str]) -> Arc<TunnelSpec> {
        let peer = "192.0.2.7".parse().unwrap();
        Arc::new(TunnelSpec {
            connection,
            revision: Revision::FIRST,
            admin_state_up: true,
            peer_address: peer,
            local_id: Identity::Address(peer),
            peer_id: Identity::Address(peer),
            initiator: Initiator::BiDirectional,
            carriers: Carriers::One,
            mtu: 0,
            authentication: Psk::new(b"secret".to_vec()).unwrap().into(),
            ppk: None,
            local_cidrs: Vec::new(),
            peer_cidrs: blocks(peers),
            translations: Vec::new(),
            ike: IkeParameters::negotiate(),
            either_version: false,
            ipsec: IpsecParameters::negotiate(),
            dead_peer_detection: DeadPeerDetection {
                action: DpdAction::Hold,
                interval_s: 30,
                timeout_s: 120,
            },
        })
    }

    #[test]
    fn a_gateway_speaks_itself_to_peers_of_tunnels_for_both_ends_addresses_alone() {
        let own = Ipv4Addr::new(192, 0, 2, 1).into();
        let hosts = |local: &str, peers: &[&str]| {
            let id = ConnectionId::random();
            let mut spec = TunnelSpec::clone(&tunnel(id, peers));
            spec.local_cidrs = blocks(&[local]);
            Tunnels::of([(id, Arc::new(spec))].into()).hosts(own)
        };
        let peer = ["192.0.2.7/32"];
        assert_eq!(
            hosts("192.0.2.1/32", &peer),
            blocks(&peer).into_iter().collect()
        );
        assert!(hosts("10.0.0.0/24", &peer).is_empty());
        assert!(hosts("192.0.2.1/32", &["192.0.2.0/24"]).is_empty());
    }

    #[test]
    fn a_block_stays_for_as_long_as_any_tunnel_leads_to_it() {
        let (one, two) = (ConnectionId::random(), ConnectionId::random());
        let mut tunnels = Tunnels::of([(one, tunnel(one, &["10.1.0.0/16", "10.2.0.0/16"]))].into());
        let mut change = |wishes: &[(ConnectionId, Option<&[&str]>)]| {
            let before = tunnels.blocks();
            let wishes = wishes.iter();
            let change = GatewayChange {
                id: GatewayId::random(),
                tunnels: wishes
                    .map(|(id, peers)| (*id, peers.map(|peers| tunnel(*id, peers))))
                    .collect(),
            };
            let told = tunnels.weigh(&change);
            tunnels.change(&change);
            let after = tunnels.blocks();
            assert_eq!(told.added, &after - &before);
            assert_eq!(told.removed, &before - &after);
            after.into_iter().collect::<Vec<_>>()
        };
        let both = blocks(&["10.1.0.0/16", "10.2.0.0/16"]);
        assert_eq!(change(&[(two, Some(&["10.2.0.0/16"]))]), both);
        assert_eq!(change(&[(one, Some(&["10.1.0.0/16"]))]), both);
        // One goes and another comes for the same block.
        assert_eq!(
            change(&[(one, None), (two, Some(&["10.1.0.0/16"]))]),
            blocks(&["10.1.0.0/16"])
        );
        assert_eq!(
            change(&[(one, Some(&["10.1.0.0/16"])), (two, None)]),
            blocks(&["10.1.0.0/16"])
        );
        assert_eq!(change(&[(one, None), (two, None)]), []);
    }
}
