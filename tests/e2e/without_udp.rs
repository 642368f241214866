//! Two gateways that put nothing into UDP: ESP is IP protocol 50.

use std::net::IpAddr;

use adit_model::desired::TunnelSpec;

use crate::support::capture::Capture;
use crate::support::host::{Host, Place};
use crate::support::traffic::{ping_both, ping_with, tcp};
use crate::support::turn;

/// A tunnel from `here` to `there`, at that of its addresses which `outer` picks.
fn connect<'a>(
    here: &'a mut Place,
    there: &Place,
    outer: fn(&Place) -> IpAddr,
) -> &'a mut TunnelSpec {
    let own = here.cidr_v6;
    let tunnel = here.connect(outer(there), there.cidr);
    tunnel.local_cidrs.push(own);
    tunnel.peer_cidrs.push(there.cidr_v6);
    tunnel
}

#[test]
fn all_four_combinations_of_families_pass_as_protocol_50() {
    let Some(_turn) = turn(&["iperf3", "ss", "timeout"]) else {
        return;
    };
    let host = Host::open_without_udp("aeud", 141);
    let (mut one, mut two) = (host.place("10.240.0", 11), host.place("10.241.0", 12));
    let v4 = |place: &Place| place.outer();
    let v6 = |place: &Place| place.gateway.addresses.v6.unwrap().into();
    for (outer, over_v6) in [(v4 as fn(&Place) -> IpAddr, false), (v6, true)] {
        let capture = Capture::start(&host);
        let id = connect(&mut one, &two, outer).connection;
        let other = connect(&mut two, &one, outer).connection;
        host.apply(&one);
        host.apply(&two);
        host.up_with(id, 2);
        host.up_with(other, 2);
        ping_both(&one.instance, &two.instance);
        ping_with(&one.instance.namespace, &two.v6, "-c 10 -i 0.02").all();
        ping_with(&two.instance.namespace, &one.v6, "-c 10 -i 0.02").all();
        // Of a class of its own, which goes to the outer header.
        ping_with(
            &one.instance.namespace,
            &two.instance.address,
            "-c 10 -i 0.02 -Q 0xb8",
        )
        .all();
        for (from, to) in [(&one, &two), (&two, &one)] {
            let (client, server) = (&from.instance.namespace, &to.instance.namespace);
            for address in [&to.instance.address, &to.v6] {
                let received = tcp(client, server, address, 10, false);
                assert!(received >= 8_000_000, "{received}");
            }
        }
        let captured = capture.stop();
        captured.hides(&one.instance.address, &two.instance.address);
        captured.hides(&one.v6, &two.v6);
        assert_eq!((captured.esp, captured.esp_over_v6), (0, 0));
        // Requests, and answers that have what they answer.
        assert_eq!(captured.expedited, 20);
        let seen = [captured.raw_esp, captured.raw_esp_over_v6];
        let expected = usize::from(over_v6);
        assert!(seen[expected] > 1000 && seen[1 - expected] == 0, "{seen:?}");
        host.remove(&one, id);
        host.remove(&two, other);
        one.tunnels.clear();
        two.tunnels.clear();
    }
}
