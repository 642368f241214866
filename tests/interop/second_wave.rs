//! Scenarios of the second wave of strongSwan's own tests that no other test here has. `docs/interop.md` says which
//! is where.

use std::time::Duration;

use adit_model::connection::{Identity, Initiator};
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};
use adit_model::{Cidr, ReasonCode};

use crate::ends::{Ends, VERSIONS};
use crate::fragments::NAMES;
use crate::nat::{BEHIND, Nat};
use crate::scene::{PSK, SITE};
use crate::strongswan::{
    BLOCK, BLOCK_V6, INNER, INNER_V6, More, Peer, TOOLS, Wanted, block, inner,
};
use crate::support::capture::Capture;
use crate::support::host::Host;
use crate::support::namespace::ip;
use crate::support::traffic::{PingsUnderWay, ping, ping_with, tcp};
use crate::support::{Ground, PATIENCE, poll, turn, until};

/// A place with a second tunnel that is like the first, to another peer.
fn two_peers(prefix: &str, number: u8) -> Ends {
    let mut ends = Ends::new(prefix, number);
    let second = Peer::address_of(&ends.host, 1).parse().unwrap();
    let ike = ends.tunnel().ike.clone();
    let tunnel = ends.place.connect(second, block(1).parse().unwrap());
    tunnel.ike = ike;
    ends
}

/// The peers of these two tunnels.
fn wanted_of_two(ends: &Ends) -> [Wanted; 2] {
    [0, 1].map(|number| Wanted {
        more: More {
            number,
            ..ends.wanted.more
        },
        ..ends.wanted.clone()
    })
}

fn initiate(peer: &Peer) {
    peer.swanctl("--initiate --child net --timeout 8");
}

#[track_caller]
fn carries_both_ways(ends: &Ends, peer: &Peer, inner: &str) {
    ping(&ends.place.instance, inner).all();
    let how = format!("-c 10 -i 0.02 -I {inner}");
    ping_with(&peer.namespace, &ends.place.instance.address, &how).all();
}

/// `ikev1/rw-multi-ciphers`, and the same by IKEv2.
#[test]
fn each_peer_of_one_responder_gets_its_own_algorithms() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = two_peers("am1", 175);
    let suites = [
        (
            Encryption::Aes128,
            Authentication::Sha256,
            14,
            "aes128-sha256-modp2048",
            "aes128-sha256",
        ),
        (
            Encryption::Aes256,
            Authentication::Sha512,
            19,
            "aes256-sha512-ecp256",
            "aes256-sha512",
        ),
    ];
    for (tunnel, (encryption, authentication, group, ..)) in
        ends.place.tunnels.iter_mut().zip(suites)
    {
        tunnel.initiator = Initiator::ResponseOnly;
        tunnel.ike.encryption = vec![encryption];
        tunnel.ike.authentication = vec![authentication];
        tunnel.ike.groups = vec![DhGroup::try_from(group).unwrap()];
        tunnel.ipsec.encryption = vec![encryption];
        tunnel.ipsec.authentication = vec![authentication];
    }
    for version in VERSIONS {
        ends.speak(version);
        let mut wanted = wanted_of_two(&ends);
        for (wanted, (.., ike, esp)) in wanted.iter_mut().zip(suites) {
            (wanted.ike, wanted.esp) = (ike, esp);
        }
        let peers = [&wanted[0], &wanted[1]].map(|one| Peer::start(&ends.host, one));
        ends.apply();
        for (peer, (n, id)) in peers.iter().zip((0..).zip(ends.place.connections())) {
            ends.host.has_order(id);
            initiate(peer);
            ends.host.up(id, &[]);
            carries_both_ways(&ends, peer, &inner(n));
        }
        // With the other's it is refused.
        wanted[0].ike = suites[1].3;
        peers[0].configure(&wanted[0]);
        peers[0].try_terminate();
        peers[0].try_initiate();
        assert!(peers[0].sas().ike.is_empty(), "{}", peers[0].sas().text);
        ends.host.down_for(ends.id(), ReasonCode::IkePolicyMismatch);
        for id in ends.place.connections() {
            ends.host.remove(&ends.place, id);
        }
    }
}

/// `ikev2/rw-initiator-only`, `ikev1/rw-initiator-only`: whoever answers nobody is asked again, but not in a hurry.
#[test]
fn a_peer_that_answers_nobody_is_not_flooded_and_may_begin() {
    let Some(_turn) = turn(TOOLS) else { return };
    for version in VERSIONS {
        let mut ends = Ends::new("am2", 176);
        ends.speak(version);
        ends.wanted.more.of_daemon = "initiator_only = yes";
        let peer = Peer::start(&ends.host, &ends.wanted);
        let capture = Capture::start(&ends.host);
        ends.apply();
        ends.host.down_for(ends.id(), ReasonCode::PeerNotResponding);
        std::thread::sleep(Duration::from_secs(4));
        let asked = capture.stop().ike;
        assert!((2..12).contains(&asked), "{asked} datagrams");
        initiate(&peer);
        ends.works(&peer);
        assert!(peer.sas().began(), "{}", peer.sas().text);
    }
}

/// `ikev2/inactivity-timeout`.
#[test]
fn a_child_sa_that_the_peer_closes_for_want_of_traffic_comes_back() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("am3", 177);
    ends.wanted.more.of_child = "inactivity = 2s";
    let peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.works(&peer);
    let before = ends.host.spis(ends.id());
    until("strongSwan has closed it", PATIENCE, || {
        peer.log().contains("inactivity").then_some(())
    });
    // The connection is wished up: it gets another one, though not at once, since the peer has a reason.
    ends.host.down_for(ends.id(), ReasonCode::Negotiating);
    until("there is another one", 2 * PATIENCE, || {
        let spis = ends.host.spis(ends.id());
        (spis.len() == 1 && spis != before).then_some(())
    });
    ends.works(&peer);
}

/// `ikev2/net2net-gw`: who is behind one peer speaks to who is behind another by two tunnels, one after the other.
#[test]
fn two_peers_speak_to_each_other_through_the_gateway() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = two_peers("am4", 178);
    let blocks: [Cidr; 2] = [0, 1].map(|n| block(n).parse().unwrap());
    ends.place.tunnels[0].local_cidrs = vec![blocks[1]];
    ends.place.tunnels[1].local_cidrs = vec![blocks[0]];
    for version in VERSIONS {
        ends.speak(version);
        let mut wanted = wanted_of_two(&ends);
        wanted[0].remote = "10.78.0.0/24";
        wanted[1].remote = "10.77.0.0/24";
        let peers = [&wanted[0], &wanted[1]].map(|one| Peer::start(&ends.host, one));
        let capture = Capture::start(&ends.host);
        ends.apply();
        for id in ends.place.connections() {
            ends.host.up(id, &[]);
        }
        let [one, other] = [inner(0), inner(1)];
        let how = format!("-c 10 -i 0.02 -I {one}");
        ping_with(&peers[0].namespace, &other, &how).all();
        let how = format!("-c 10 -i 0.02 -I {other}");
        ping_with(&peers[1].namespace, &one, &how).all();
        let octets = tcp(&peers[0].namespace, &peers[1].namespace, &other, 10, false);
        assert!(octets >= 8_000_000, "{octets}");
        capture.stop().hides(&one, &other);
        for id in ends.place.connections() {
            ends.host.remove(&ends.place, id);
        }
    }
}

/// `ikev2/dynamic-initiator`: whoever has any address, and another one now, has one tunnel as before.
#[test]
fn a_peer_at_any_address_comes_back_from_another_one() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("am5", 179);
    ends.wanted.ids = Some(["swan.example.com", "adit.example.com"]);
    let tunnel = ends.tunnel();
    tunnel.peer_address = [0, 0, 0, 0].into();
    tunnel.local_id = Identity::parse("adit.example.com");
    tunnel.peer_id = Identity::parse("swan.example.com");
    let mut peer = Peer::start(&ends.host, &ends.wanted);
    ends.apply();
    ends.host.has_order(ends.id());
    initiate(&peer);
    ends.works(&peer);
    let before = ends.host.spis(ends.id());
    // It is gone without a word, and is elsewhere.
    drop(peer);
    ends.wanted.more.number = 3;
    ends.tunnel().peer_cidrs = vec![block(3).parse().unwrap()];
    ends.apply();
    peer = Peer::start(&ends.host, &ends.wanted);
    initiate(&peer);
    ends.host.up(ends.id(), &before);
    carries_both_ways(&ends, &peer, &inner(3));
}

/// `ikev1/dynamic-initiator`, `ikev1/dynamic-responder`: its name leads to another address now, so that the connection is
/// to that one, whoever begins.
#[test]
fn a_peer_whose_name_leads_elsewhere_is_reached_there() {
    let Some(_turn) = turn(TOOLS) else { return };
    for version in VERSIONS {
        for initiator in [Initiator::BiDirectional, Initiator::ResponseOnly] {
            let mut ends = Ends::new("am6", 180);
            ends.speak(version);
            ends.wanted.ids = Some(["swan.example.com", "adit.example.com"]);
            let tunnel = ends.tunnel();
            tunnel.initiator = initiator;
            tunnel.local_id = Identity::parse("adit.example.com");
            tunnel.peer_id = Identity::parse("swan.example.com");
            let peer = Peer::start(&ends.host, &ends.wanted);
            ends.apply();
            ends.host.has_order(ends.id());
            if initiator == Initiator::ResponseOnly {
                initiate(&peer);
            }
            ends.works(&peer);
            moves(&ends, &peer);
            ends.tunnel().peer_address = format!("{}.60", ends.host.external()).parse().unwrap();
            ends.apply();
            if initiator == Initiator::ResponseOnly {
                until("it is taken up from there", PATIENCE, || {
                    peer.try_initiate();
                    (peer.sas().ike.len() == 1).then_some(())
                });
            }
            ends.works(&peer);
        }
    }
}

/// Gives the peer another address, of which its own configuration knows; its SAs are gone.
fn moves(ends: &Ends, peer: &Peer) {
    let network = ends.host.external();
    peer.try_terminate();
    let own = &peer.namespace;
    ip(&format!("-n {own} address delete {network}.50/24 dev eth0"));
    ip(&format!("-n {own} address add {network}.60/24 dev eth0"));
    peer.configure_at(&format!("{network}.60"), &ends.wanted);
}

/// `ikev1/nat-rw`: two peers behind one NAT by IKEv1, whose address is known, so that a key can be chosen; they differ by
/// what they call themselves.
#[test]
fn two_behind_one_known_nat_are_told_apart_by_name_in_ikev1() {
    let Some(_turn) = turn(&[TOOLS, &["nft"]].concat()) else {
        return;
    };
    let mut ends = two_peers("am7", 181);
    ends.speak(IkeVersion::V1);
    let nat = Nat::start(&ends.host);
    let names = ["east.example.com", "west.example.com"];
    for (tunnel, name) in ends.place.tunnels.iter_mut().zip(names) {
        tunnel.peer_address = nat.address.parse().unwrap();
        tunnel.peer_id = Identity::parse(name);
        tunnel.initiator = Initiator::ResponseOnly;
    }
    let gateway: &'static str = ends.wanted.gateway.clone().leak();
    ends.wanted.more.behind = Some(BEHIND);
    let mut wanted = wanted_of_two(&ends);
    for (wanted, name) in wanted.iter_mut().zip(names) {
        wanted.ids = Some([name, gateway]);
    }
    let peers = [&wanted[0], &wanted[1]].map(|one| {
        let peer = Peer::start_unplugged(&ends.host, one);
        peer.plug_behind(&nat.namespace, Nat::bridge());
        peer
    });
    ends.apply();
    for (peer, (n, id)) in peers.iter().zip((0..).zip(ends.place.connections())) {
        ends.host.has_order(id);
        initiate(peer);
        ends.host.up(id, &[]);
        carries_both_ways(&ends, peer, &inner(n));
    }
    // The second has not taken the first one's place.
    ping(&ends.place.instance, INNER).all();
}

/// `ikev2/protoport-dual`, `ikev1/protoport-dual`: Child SAs for one protocol each, beside each other, of one pair of
/// blocks.
#[test]
fn a_peer_may_have_a_child_sa_for_each_protocol() {
    let Some(_turn) = turn(TOOLS) else { return };
    for version in VERSIONS {
        let mut ends = Ends::new("am8", 182);
        ends.speak(version);
        ends.tunnel().initiator = Initiator::ResponseOnly;
        ends.wanted.more.children = "ping {
                local_ts = 10.77.0.0/24[icmp]
                remote_ts = 10.240.0.0/24[icmp]
                esp_proposals = aes128-sha256
            }
            iperf {
                local_ts = 10.77.0.0/24[tcp/5201]
                remote_ts = 10.240.0.0/24[tcp]
                esp_proposals = aes128-sha256
            }";
        let peer = Peer::start(&ends.host, &ends.wanted);
        ends.apply();
        ends.host.has_order(ends.id());
        peer.swanctl("--initiate --child ping --timeout 8");
        peer.swanctl("--initiate --child iperf --timeout 8");
        let both = || peer.sas().children.len();
        assert_eq!(both(), 2, "{}", peer.sas().text);
        ping_with(&ends.place.instance.namespace, INNER, "-c 10 -i 0.02").all();
        let octets = tcp(
            &ends.place.instance.namespace,
            &peer.namespace,
            INNER,
            10,
            false,
        );
        assert!(octets >= 8_000_000, "{octets}");
        let lost = poll(Duration::from_secs(5), || (both() != 2).then_some(()));
        assert_eq!(lost, None, "{}", peer.sas().text);
    }
}

/// `libipsec/net2net-cert-ip6-in-ip4`: IPv6 inside IPv4.
#[test]
fn ipv6_goes_through_udp_over_ipv4() {
    let Some(_turn) = turn(TOOLS) else { return };
    for initiator in [Initiator::BiDirectional, Initiator::ResponseOnly] {
        let mut ends = Ends::new("am9", 183);
        ends.wanted.ike = "aes256gcm16-prfsha384-ecp384";
        ends.wanted.esp = "aes256gcm16";
        ends.wanted.remote_v6 = Some(ends.place.cidr_v6.to_string());
        let cidr = ends.place.cidr_v6;
        let tunnel = ends.tunnel();
        tunnel.initiator = initiator;
        tunnel.local_cidrs = vec![cidr];
        tunnel.peer_cidrs = vec![BLOCK_V6.parse().unwrap()];
        tunnel.ike.encryption = vec![Encryption::Aes256Gcm16];
        tunnel.ike.authentication = vec![Authentication::Sha384];
        tunnel.ike.groups = vec![DhGroup::try_from(20).unwrap()];
        tunnel.ipsec.encryption = vec![Encryption::Aes256Gcm16];
        let peer = Peer::start(&ends.host, &ends.wanted);
        let capture = Capture::start(&ends.host);
        ends.apply();
        ends.host.has_order(ends.id());
        if initiator == Initiator::ResponseOnly {
            peer.swanctl("--initiate --child net6 --timeout 8");
        }
        ends.host.up(ends.id(), &[]);
        let machine = &ends.place.instance.namespace;
        ping_with(machine, INNER_V6, "-c 10 -i 0.02").all();
        let how = format!("-c 10 -i 0.02 -I {INNER_V6}");
        ping_with(&peer.namespace, &ends.place.v6, &how).all();
        capture.stop().hides(&ends.place.v6, INNER_V6);
    }
}

/// `ike/frags-ipv6`, by IKEv2: strongSwan's messages come in pieces over IPv6, whoever begins.
#[test]
fn fragments_pass_over_ipv6() {
    let Some(_turn) = turn(TOOLS) else { return };
    for initiator in [Initiator::BiDirectional, Initiator::ResponseOnly] {
        let host = Host::open_with_v6("ama", 184);
        let mut place = host.place("10.240.0", 11);
        let gateway = place.gateway.addresses.v6.unwrap().to_string();
        let address = Peer::address_v6_on(&host).unwrap().parse().unwrap();
        let [swan, adit] = NAMES;
        let tunnel = place.connect(address, BLOCK.parse().unwrap());
        tunnel.initiator = initiator;
        tunnel.local_id = Identity::parse(adit);
        tunnel.peer_id = Identity::parse(swan);
        let id = tunnel.connection;
        let wanted = Wanted {
            gateway,
            ike: "aes128-sha256-modp2048",
            esp: "aes128-sha256",
            psk: PSK,
            remote: SITE,
            remote_v6: None,
            ids: Some(NAMES),
            more: More {
                fragment_size: Some(400),
                ..More::default()
            },
            version: 2,
        };
        let peer = Peer::start(&host, &wanted);
        host.apply(&place);
        host.has_order(id);
        if initiator == Initiator::ResponseOnly {
            initiate(&peer);
        }
        host.up(id, &[]);
        ping(&place.instance, INNER).all();
        let log = peer.log();
        assert!(log.contains("splitting IKE message"), "{log}");
    }
}

/// `ikev2/reauth-mbb`: strongSwan makes another IKE SA, with everything anew, before it closes the old one; no ping is lost.
#[test]
fn a_peer_reauthenticates_and_no_ping_is_lost() {
    let Some(_turn) = turn(TOOLS) else { return };
    for initiator in [Initiator::ResponseOnly, Initiator::BiDirectional] {
        let mut ends = Ends::new("amb", 185);
        ends.tunnel().initiator = initiator;
        ends.wanted.more.of_daemon = "make_before_break = yes";
        ends.wanted.more.of_connection = "reauth_time = 5s\n over_time = 60s\n rand_time = 0s";
        let peer = Peer::start(&ends.host, &ends.wanted);
        ends.apply();
        ends.host.has_order(ends.id());
        if initiator == Initiator::ResponseOnly {
            initiate(&peer);
        }
        ends.works(&peer);
        let pings = PingsUnderWay::start(&ends.place.instance.namespace, INNER);
        until(
            "it has authenticated itself three times",
            3 * PATIENCE,
            || {
                let again = peer.log().matches("reauthenticating IKE_SA").count();
                (again >= 2).then_some(())
            },
        );
        std::thread::sleep(Duration::from_secs(1));
        pings.stop().all();
        ends.works(&peer);
    }
}
