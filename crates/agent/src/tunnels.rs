//! The tunnels of one gateway, and how many of them lead to each block.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use adit_model::desired::{GatewayChange, TunnelSpec};
use adit_model::{Cidr, ConnectionId};

/// Tunnels by connection, as specs have them.
pub(crate) type Specs = BTreeMap<ConnectionId, Arc<TunnelSpec>>;

/// Tunnels that are down keep their blocks: their traffic must not take another way.
#[derive(Default)]
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
    pub(crate) fn of(specs: &Specs) -> Self {
        let mut tunnels = Self {
            specs: specs.clone(),
            leading_to: HashMap::new(),
        };
        for block in specs.values().flat_map(|spec| &spec.peer_cidrs) {
            *tunnels.leading_to.entry(*block).or_default() += 1;
        }
        tunnels
    }

    /// The blocks that any tunnel leads to.
    pub(crate) fn blocks(&self) -> BTreeSet<Cidr> {
        self.leading_to.keys().copied().collect()
    }

    /// Costs what the change has, not what there is.
    pub(crate) fn change(&mut self, change: &GatewayChange) -> BlockChange {
        let mut was_there = BTreeMap::new();
        for (id, after) in &change.tunnels {
            let before = self.specs.get(id);
            for block in before.into_iter().flat_map(|spec| &spec.peer_cidrs) {
                was_there.entry(*block).or_insert(true);
                if let Some(count) = self.leading_to.get_mut(block) {
                    *count -= 1;
                }
            }
            for block in after.iter().flat_map(|spec| &spec.peer_cidrs) {
                let count = self.leading_to.entry(*block).or_default();
                was_there.entry(*block).or_insert(*count > 0);
                *count += 1;
            }
        }
        change.apply_to(&mut self.specs);
        let mut blocks = BlockChange::default();
        for (block, was_there) in was_there {
            let is_there = self.leading_to.get(&block).is_some_and(|count| *count > 0);
            if !is_there {
                self.leading_to.remove(&block);
            }
            match (was_there, is_there) {
                (false, true) => drop(blocks.added.insert(block)),
                (true, false) => drop(blocks.removed.insert(block)),
                _ => {}
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use adit_model::connection::{DeadPeerDetection, DpdAction, Identity, Initiator};
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
            mtu: 0,
            psk: Psk::new(b"secret".to_vec()).unwrap(),
            local_cidrs: Vec::new(),
            peer_cidrs: blocks(peers),
            ike: IkeParameters::negotiate(),
            ipsec: IpsecParameters::negotiate(),
            dead_peer_detection: DeadPeerDetection {
                action: DpdAction::Hold,
                interval_s: 30,
                timeout_s: 120,
            },
        })
    }

    #[test]
    fn a_block_stays_for_as_long_as_any_tunnel_leads_to_it() {
        let (one, two) = (ConnectionId::random(), ConnectionId::random());
        let mut tunnels =
            Tunnels::of(&[(one, tunnel(one, &["10.1.0.0/16", "10.2.0.0/16"]))].into());
        let mut change = |wishes: &[(ConnectionId, Option<&[&str]>)]| {
            let before = tunnels.blocks();
            let wishes = wishes.iter();
            let change = GatewayChange {
                id: GatewayId::random(),
                tunnels: wishes
                    .map(|(id, peers)| (*id, peers.map(|peers| tunnel(*id, peers))))
                    .collect(),
            };
            let told = tunnels.change(&change);
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
