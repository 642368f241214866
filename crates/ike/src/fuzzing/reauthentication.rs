//! A peer that refuses to have the IKE SA rekeyed, and makes another one.

extern crate std;

use std::vec::Vec;

use super::cases::What;
use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// How a side's packets go: the Child SAs that it sends on, the newest last, by their outbound SPIs.
fn sends(table: &Table, side: usize) -> Vec<u32> {
    let sas = table.ends[side].sas.values().filter_map(v2);
    let mut children: Vec<_> = sas
        .filter_map(IkeSa::established)
        .flat_map(|sa| &sa.children)
        .filter(|child| child.is_live() && child.outbound_active)
        .collect();
    children.sort_by_key(|child| child.key);
    children.iter().map(|child| child.outbound.spi).collect()
}

/// Runs message by message. At each moment both ends send, and each receives what the other sends.
fn watch(table: &mut Table, duration: Duration) {
    watch_without(table, duration, |_| false);
}

/// The same where these datagrams get lost.
fn watch_without(table: &mut Table, duration: Duration, lost: impl Fn(&Datagram) -> bool) {
    let limit = table.now + duration;
    while table.now < limit {
        if table.wire.is_empty() {
            table.wait(Duration::from_millis(10));
        } else {
            let datagram = table.wire.remove(0);
            if !lost(&datagram) {
                table.deliver(&datagram);
            }
        }
        for side in [0, 1] {
            let used = sends(table, side).pop();
            let used = used.unwrap_or_else(|| panic!("{side} sends nothing at {:?}", table.now));
            let mut there = table.children[1 - side].iter();
            assert!(there.any(|child| child.inbound.spi == used), "{side}");
        }
    }
}

/// Two ends, of which these begin, and this one's IKE SAs last 300 s.
fn up(begins: [bool; 2], short: usize) -> Table {
    let mut table = Table::of(0, [0x5eed_0001, 0x5eed_0002], |side| ConnectionConfig {
        ike_lifetime: if side == short {
            Duration::from_secs(300)
        } else {
            DAY
        },
        child_lifetime: DAY,
        initiate: begins[side],
        ..config(side, 0)
    });
    table.deliver_all();
    watch(&mut table, Duration::from_secs(90));
    for side in [0, 1] {
        assert_eq!(table.keys(side).len(), 1);
    }
    table
}

/// The peer of this side has no algorithm in common with it for the SA that is there.
fn refuse(table: &mut Table, side: usize) {
    table.change(1 - side, |config| {
        config.ike.groups = alloc::vec![Group::Ecp384];
    });
}

#[test]
fn who_begins_makes_another_beside_it_at_once_whoever_made_the_first() {
    for begins in [[true, false], [true, true], [false, true]] {
        for side in [0, 1].into_iter().filter(|side| begins[*side]) {
            let mut table = up(begins, 1 - side);
            // The peer's own lifetime is out of the way.
            table.each(1 - side, |sa| {
                sa.rekey_at = Instant::NEVER;
                sa.expires_at = sa.since + DAY;
            });
            let before = [0, 1].map(|side| table.keys(side));
            refuse(&mut table, side);
            table.rekey(side, What::Ike);
            watch(&mut table, Duration::from_secs(5));
            watch(&mut table, Duration::from_secs(120));
            for end in [0, 1] {
                let now = table.keys(end);
                assert_eq!(now.len(), 1, "{begins:?} {side}");
                assert_ne!(now, before[end], "{begins:?} {side}");
                assert_eq!(table.children[end].len(), 1, "{begins:?} {side}");
            }
        }
    }
}

#[test]
fn who_only_answers_says_how_long_it_lasts_and_the_peer_makes_another_in_time() {
    for side in [0, 1] {
        let mut begins = [true; 2];
        begins[side] = false;
        let mut table = up(begins, side);
        let before = [0, 1].map(|side| table.keys(side));
        refuse(&mut table, side);
        // At some 90 % of its lifetime it asks, and is refused until its end.
        watch(&mut table, Duration::from_secs(400));
        for end in [0, 1] {
            let now = table.keys(end);
            assert_eq!(now.len(), 1, "{side}");
            assert_ne!(now, before[end], "{side}");
        }
    }
}

#[test]
fn the_end_of_the_old_one_is_no_gap_where_the_new_one_was_not_used_yet() {
    let mut table = up([true, false], 1);
    table.each(1, |sa| {
        sa.rekey_at = Instant::NEVER;
        sa.expires_at = sa.since + DAY;
    });
    refuse(&mut table, 0);
    table.rekey(0, What::Ike);
    // The other end asks whether its answer has arrived, and is not heard.
    watch_without(&mut table, Duration::from_millis(450), |datagram| {
        datagram.sender == 1
            && datagram.octets[18] == ExchangeType::INFORMATIONAL.0
            && datagram.octets[19] & 0x20 == 0
    });
    // The old one is gone by now, and with it what was sent on.
    assert_eq!([0, 1].map(|side| table.keys(side).len()), [1, 1]);
    watch(&mut table, Duration::from_secs(60));
}
