//! Traffic selectors: writing, narrowing, describing (RFC 7296 section 2.9).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use adit_ike_wire::{AddressRange, TrafficSelector};

use crate::config::ChildConfig;

/// The selectors of these addresses, whatever the protocol and the ports.
#[must_use]
pub fn of_ranges(ranges: &[AddressRange]) -> Vec<TrafficSelector> {
    ranges
        .iter()
        .copied()
        .map(TrafficSelector::any_of)
        .collect()
}

/// What of the peer's wish our configuration allows: the local and remote selectors that are
/// agreed, or `None` when one side would be empty.
///
/// All pairs of configured local and remote ranges are allowed, so each side narrows by itself.
pub(crate) fn narrow(
    local: &[TrafficSelector],
    remote: &[TrafficSelector],
    children: &[ChildConfig],
) -> Option<(Vec<TrafficSelector>, Vec<TrafficSelector>)> {
    let local_allowed = distinct(children.iter().flat_map(|child| &child.local));
    let remote_allowed = distinct(children.iter().flat_map(|child| &child.remote));
    let local = intersections(local, &local_allowed);
    let remote = intersections(remote, &remote_allowed);
    (!local.is_empty() && !remote.is_empty()).then_some((local, remote))
}

fn distinct<'a>(ranges: impl Iterator<Item = &'a AddressRange>) -> Vec<AddressRange> {
    let mut distinct = Vec::new();
    for range in ranges {
        if !distinct.contains(range) {
            distinct.push(*range);
        }
    }
    distinct
}

fn intersections(wished: &[TrafficSelector], allowed: &[AddressRange]) -> Vec<TrafficSelector> {
    let mut agreed = Vec::new();
    for wish in wished {
        for range in allowed {
            if let Some(common) = wish.intersection(TrafficSelector::any_of(*range))
                && !agreed.contains(&common)
            {
                agreed.push(common);
            }
        }
    }
    agreed.truncate(adit_ike_wire::v2::traffic_selector::MAX_SELECTORS);
    agreed
}

/// Whether every selector of `inner` lies within one of `outer`: what a responder may answer.
#[must_use]
pub fn within(inner: &[TrafficSelector], outer: &[TrafficSelector]) -> bool {
    !inner.is_empty()
        && inner.iter().all(|selector| {
            outer
                .iter()
                .any(|outer| outer.intersection(*selector) == Some(*selector))
        })
}

/// Whether `child` is wholly carried by a Child SA with these selectors.
pub(crate) fn covers(
    local: &[TrafficSelector],
    remote: &[TrafficSelector],
    child: &ChildConfig,
) -> bool {
    within(&of_ranges(&child.local), local) && within(&of_ranges(&child.remote), remote)
}

/// Selectors for people: `10.1.0.0-10.1.0.255 === 10.2.0.0-10.2.0.255`.
#[must_use]
pub fn describe(local: &[TrafficSelector], remote: &[TrafficSelector]) -> String {
    format!("{} === {}", list(local), list(remote))
}

fn list(selectors: &[TrafficSelector]) -> String {
    let mut text = String::new();
    for selector in selectors.iter().take(16) {
        let separator = if text.is_empty() { "" } else { " " };
        let (first, last) = (selector.addresses.first(), selector.addresses.last());
        // Writing to a String can't fail.
        let _ = match prefix_len(selector.addresses) {
            Some(len) => write!(text, "{separator}{first}/{len}"),
            None => write!(text, "{separator}{first}-{last}"),
        };
        if selector.protocol != 0 || (selector.first_port, selector.last_port) != (0, u16::MAX) {
            let _ = write!(
                text,
                "[{}/{}-{}]",
                selector.protocol, selector.first_port, selector.last_port
            );
        }
    }
    text
}

/// The prefix length, where the range is a block.
#[must_use]
pub fn prefix_len(range: AddressRange) -> Option<u8> {
    let (differing, first, bits) = match range {
        AddressRange::V4(first, last) => {
            let (first, last) = (u32::from(first), u32::from(last));
            (u128::from(first ^ last), u128::from(first), 32_u32)
        }
        AddressRange::V6(first, last) => {
            let (first, last) = (u128::from(first), u128::from(last));
            (first ^ last, first, 128)
        }
    };
    let host_bits = 128 - differing.leading_zeros();
    let is_block = differing.count_ones() == host_bits && first & differing == 0;
    if is_block {
        u8::try_from(bits - host_bits).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn block(a: u8, b: u8) -> AddressRange {
        AddressRange::V4(Ipv4Addr::new(10, a, b, 0), Ipv4Addr::new(10, a, b, 255))
    }

    fn wide(a: u8) -> AddressRange {
        AddressRange::V4(Ipv4Addr::new(10, a, 0, 0), Ipv4Addr::new(10, a, 255, 255))
    }

    fn child(local: &[AddressRange], remote: &[AddressRange]) -> ChildConfig {
        ChildConfig {
            local: local.to_vec(),
            remote: remote.to_vec(),
        }
    }

    #[test]
    fn a_wider_wish_is_narrowed_to_what_is_configured() {
        let children = [child(&[block(1, 1)], &[block(2, 1)])];
        let agreed = narrow(&of_ranges(&[wide(1)]), &of_ranges(&[wide(2)]), &children).unwrap();
        assert_eq!(
            agreed,
            (of_ranges(&[block(1, 1)]), of_ranges(&[block(2, 1)]))
        );
    }

    #[test]
    fn a_wish_outside_the_configuration_is_refused() {
        let children = [child(&[block(1, 1)], &[block(2, 1)])];
        assert_eq!(
            narrow(
                &of_ranges(&[block(1, 1)]),
                &of_ranges(&[block(3, 1)]),
                &children
            ),
            None
        );
    }

    #[test]
    fn one_wish_for_all_pairs_is_agreed_whole() {
        let children = [
            child(&[block(1, 1)], &[block(2, 1)]),
            child(&[block(1, 2)], &[block(2, 1)]),
        ];
        let local = of_ranges(&[block(1, 1), block(1, 2)]);
        let remote = of_ranges(&[block(2, 1)]);
        assert_eq!(
            narrow(&local, &remote, &children),
            Some((local.clone(), remote.clone()))
        );
        assert!(children.iter().all(|child| covers(&local, &remote, child)));
    }

    #[test]
    fn what_was_agreed_is_always_within_the_wish_and_the_configuration() {
        let children = [child(&[block(1, 1), block(1, 3)], &[wide(2)])];
        let wish = (
            of_ranges(&[wide(1)]),
            of_ranges(&[block(2, 9), block(4, 4)]),
        );
        let (local, remote) = narrow(&wish.0, &wish.1, &children).unwrap();
        assert!(within(&local, &wish.0) && within(&remote, &wish.1));
        assert!(within(&local, &of_ranges(&[block(1, 1), block(1, 3)])));
        assert!(within(&remote, &of_ranges(&[wide(2)])));
    }

    #[test]
    fn blocks_are_described_as_blocks() {
        let odd = AddressRange::V4(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 9));
        let text = describe(&of_ranges(&[block(1, 1), odd]), &of_ranges(&[wide(2)]));
        assert_eq!(text, "10.1.1.0/24 10.0.0.1-10.0.0.9 === 10.2.0.0/16");
    }
}
