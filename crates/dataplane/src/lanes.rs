//! Which of a connection's tunnels has a packet.
//!
//! A connection has one tunnel, its first lane, or two. Of two one has all packets as long as it can carry them, so
//! that they stay in order, or each has a share of the flows. A lane that is in doubt has none while the other can
//! carry them; which lanes are in doubt is for the caller to say, who hears what their peers answer.

use std::hash::{DefaultHasher, Hash, Hasher};

use adit_esp::InnerHeader;

/// One of a connection's tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Lane {
    /// The one there is, or the first of two.
    #[default]
    First,
    /// The other one.
    Second,
}

impl Lane {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// One thing of two, for each lane.
    pub fn of<T>(self, [first, second]: [T; 2]) -> T {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}

/// How a connection's packets are shared among its lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sharing {
    /// Whether each flow has one of both; otherwise one has them all as long as it can.
    pub distribute: bool,
    /// Whether each lane is in doubt: first, second.
    pub doubtful: [bool; 2],
}

/// The sharing of one connection, and where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lanes {
    pub(crate) sharing: Sharing,
    /// The one that had the packets last.
    current: Lane,
}

impl Lanes {
    /// The lane that has this packet, of those that can carry it: first, second.
    pub(crate) fn choose(&mut self, packet: &InnerHeader, can: [bool; 2]) -> Option<Lane> {
        let lanes = Lane::ALL;
        let [first, second] = lanes.map(|lane| lane.of(can) && !lane.of(self.sharing.doubtful));
        let among = if first || second {
            [first, second]
        } else {
            can
        };
        match among {
            [true, true] if self.sharing.distribute => Some(share(packet)),
            // Where it was, so that a lane that is back doesn't overtake what is on its way.
            [true, true] => Some(self.current),
            [true, false] => Some(self.change(Lane::First)),
            [false, true] => Some(self.change(Lane::Second)),
            [false, false] => None,
        }
    }

    fn change(&mut self, lane: Lane) -> Lane {
        self.current = lane;
        lane
    }
}

/// A flow's lane: always the same one. Fragments show no ports but in the first, and go by addresses.
fn share(packet: &InnerHeader) -> Lane {
    let mut hasher = DefaultHasher::new();
    (packet.source, packet.destination, packet.protocol).hash(&mut hasher);
    if !packet.is_fragment {
        (packet.source_port, packet.destination_port).hash(&mut hasher);
    }
    match hasher.finish() & 1 {
        0 => Lane::First,
        _ => Lane::Second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(port: u16) -> InnerHeader {
        InnerHeader {
            source: [10, 0, 0, 1].into(),
            destination: [10, 9, 0, 1].into(),
            protocol: 17,
            source_port: Some(port),
            destination_port: Some(53),
            total_len: 28,
            transport_offset: 20,
            is_fragment: false,
            dont_fragment: false,
        }
    }

    #[test]
    fn one_lane_has_all_packets_until_it_can_not_carry_them() {
        let mut lanes = Lanes::default();
        let mut choose = |can| lanes.choose(&packet(1), can);
        assert_eq!(choose([true, true]), Some(Lane::First));
        assert_eq!(choose([false, true]), Some(Lane::Second));
        // It does not come back by itself: what is on its way would be overtaken.
        assert_eq!(choose([true, true]), Some(Lane::Second));
        assert_eq!(choose([true, false]), Some(Lane::First));
        assert_eq!(choose([false, false]), None);
        assert_eq!(choose([true, true]), Some(Lane::First));
    }

    #[test]
    fn a_doubtful_lane_has_none_while_the_other_can_carry_them() {
        for distribute in [false, true] {
            let sharing = Sharing {
                distribute,
                doubtful: [true, false],
            };
            let mut lanes = Lanes {
                sharing,
                ..Lanes::default()
            };
            for port in 0..64 {
                let lane = lanes.choose(&packet(port), [true, true]);
                assert_eq!(lane, Some(Lane::Second));
            }
            // Better there than nowhere.
            let lane = lanes.choose(&packet(1), [true, false]);
            assert_eq!(lane, Some(Lane::First));
            lanes.sharing.doubtful = [true, true];
            assert!(lanes.choose(&packet(1), [true, true]).is_some());
        }
    }

    #[test]
    fn each_flow_has_one_lane_and_both_have_flows() {
        let sharing = Sharing {
            distribute: true,
            doubtful: [false; 2],
        };
        let mut lanes = Lanes {
            sharing,
            ..Lanes::default()
        };
        let mut count = [0, 0];
        for port in 0..256 {
            let lane = lanes.choose(&packet(port), [true, true]).unwrap();
            assert_eq!(lanes.choose(&packet(port), [true, true]), Some(lane));
            match lane {
                Lane::First => count[0] += 1,
                Lane::Second => count[1] += 1,
            }
        }
        assert!(count.iter().all(|count| *count > 64), "{count:?}");
        // All fragments of a packet go one way, whatever ports the first one shows.
        let fragment = |port| InnerHeader {
            is_fragment: true,
            source_port: port,
            ..packet(7)
        };
        let mut of = |port| lanes.choose(&fragment(port), [true, true]);
        assert_eq!(of(Some(9)), of(None));
    }
}
