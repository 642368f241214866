//! Scenarios of strongSwan's own test suite that no other test here has, each with Adit as initiator and as
//! responder. `docs/interop.md` says which is where.

use std::time::Duration;

use adit_model::connection::{DeadPeerDetection, DpdAction, Identity, Initiator};
use adit_model::observed::TunnelState;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};
use adit_model::{Psk, ReasonCode};

use crate::ends::{Ends, VERSIONS, number};
use crate::nat::{BEHIND, Nat};
use crate::strongswan::{INNER, More, Peer, TOOLS, Wanted, block, inner};
use crate::support::capture::{Capture, frames};
use crate::support::traffic::{ping, ping_with};
use crate::support::{Ground, PATIENCE, VERDICT, poll, turn, until};

const BOTH: [Initiator; 2] = [Initiator::BiDirectional, Initiator::ResponseOnly];

/// Has the tunnel in this version, begun by this end.
fn set(ends: &mut Ends, version: IkeVersion, initiator: Initiator) {
    ends.speak(version);
    ends.tunnel().initiator = initiator;
}

/// Both ends have what was set, it comes up by whoever is to begin, carries traffic that nobody sees, and goes
/// without a trace.
#[track_caller]
pub(crate) fn comes_up_and_goes(ends: &Ends, peer: &Peer) {
    let initiator = ends.place.tunnels[0].initiator;
    peer.configure(&ends.wanted);
    let capture = Capture::start(&ends.host);
    ends.apply();
    if initiator == Initiator::ResponseOnly {
        ends.host.has_order(ends.id());
        peer.swanctl("--initiate --child net --timeout 4");
    }
    ends.works(peer);
    let sas = peer.sas();
    let began = initiator == Initiator::ResponseOnly;
    assert_eq!(sas.began(), began, "{}", sas.text);
    assert!(
        sas.packets_in >= 20 && sas.packets_out >= 20,
        "{}",
        sas.text
    );
    let captured = capture.stop();
    assert!(captured.esp >= frames(40), "{}", captured.esp);
    captured.hides(&ends.place.instance.address, INNER);
    goes(ends, peer);
}

/// The same by each version, begun by each end.
#[track_caller]
fn by_each_version_and_end(ends: &mut Ends, peer: &Peer) {
    for version in VERSIONS {
        for initiator in BOTH {
            set(ends, version, initiator);
            comes_up_and_goes(ends, peer);
        }
    }
}

/// The tunnel is taken away, and strongSwan has nothing of it.
#[track_caller]
fn goes(ends: &Ends, peer: &Peer) {
    ends.host.remove(&ends.place, ends.id());
    until("strongSwan has no SA any more", VERDICT, || {
        peer.sas().text.trim().is_empty().then_some(())
    });
}

#[test]
fn named_ends_authenticate_by_both_versions() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak1", 161);
    ends.wanted.ids = Some(["swan.example.com", "adit.example.com"]);
    ends.tunnel().local_id = Identity::parse("adit.example.com");
    ends.tunnel().peer_id = Identity::parse("swan.example.com");
    let peer = Peer::start(&ends.host, &ends.wanted);
    by_each_version_and_end(&mut ends, &peer);
}

#[test]
fn a_peer_that_asks_for_nobody_by_name_is_answered() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak2", 162);
    // strongSwan sends no IDr then.
    ends.wanted.ids = Some(["swan.example.com", "%any"]);
    ends.tunnel().local_id = Identity::parse("adit.example.com");
    ends.tunnel().peer_id = Identity::parse("swan.example.com");
    let peer = Peer::start(&ends.host, &ends.wanted);
    for initiator in BOTH {
        set(&mut ends, IkeVersion::V2, initiator);
        comes_up_and_goes(&ends, &peer);
    }
}

/// Suites in Adit's words, then strongSwan's for IKE and for ESP.
const CBC: [(Encryption, Authentication, u16, &str, &str); 8] = [
    (
        Encryption::Aes128,
        Authentication::Sha256,
        14,
        "aes128-sha256-modp2048",
        "aes128-sha256",
    ),
    (
        Encryption::Aes192,
        Authentication::Sha384,
        15,
        "aes192-sha384-modp3072",
        "aes192-sha384",
    ),
    (
        Encryption::Aes256,
        Authentication::Sha512,
        16,
        "aes256-sha512-modp4096",
        "aes256-sha512",
    ),
    (
        Encryption::TripleDes,
        Authentication::Sha1,
        2,
        "3des-sha1-modp1024",
        "3des-sha1",
    ),
    (
        Encryption::TripleDes,
        Authentication::Md5,
        2,
        "3des-md5-modp1024",
        "3des-md5",
    ),
    (
        Encryption::Aes256,
        Authentication::Sha256,
        19,
        "aes256-sha256-ecp256",
        "aes256-sha256",
    ),
    (
        Encryption::Aes256,
        Authentication::Sha384,
        20,
        "aes256-sha384-ecp384",
        "aes256-sha384",
    ),
    (
        Encryption::Aes256,
        Authentication::Sha512,
        21,
        "aes256-sha512-ecp521",
        "aes256-sha512",
    ),
];

/// The same for ciphers that need no integrity beside them.
const AEAD: [(Encryption, Authentication, u16, &str, &str); 2] = [
    (
        Encryption::Aes256Gcm16,
        Authentication::Sha512,
        20,
        "aes256gcm16-prfsha512-ecp384",
        "aes256gcm16",
    ),
    (
        Encryption::ChaCha20Poly1305,
        Authentication::Sha512,
        20,
        "chacha20poly1305-prfsha512-ecp384",
        "chacha20poly1305",
    ),
];

#[test]
fn each_suite_is_answered_in_both_versions() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak3", 163);
    let peer = Peer::start(&ends.host, &ends.wanted);
    let cbc = CBC
        .iter()
        .flat_map(|suite| VERSIONS.map(|version| (suite, version)));
    let aead = AEAD.iter().map(|suite| (suite, IkeVersion::V2));
    for (&(encryption, authentication, group, ike, esp), version) in cbc.chain(aead) {
        ends.wanted.ike = ike;
        ends.wanted.esp = esp;
        let tunnel = ends.tunnel();
        tunnel.ike.encryption = vec![encryption];
        tunnel.ike.authentication = vec![authentication];
        tunnel.ike.groups = vec![DhGroup::try_from(group).unwrap()];
        tunnel.ipsec.encryption = vec![encryption];
        tunnel.ipsec.authentication = vec![authentication];
        set(&mut ends, version, Initiator::ResponseOnly);
        eprintln!("{ike} / {esp}, {version:?}");
        comes_up_and_goes(&ends, &peer);
    }
}

#[test]
fn a_peer_that_forces_encapsulation_is_served() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak4", 164);
    // It says that there is a NAT where there is none.
    ends.wanted.more.of_connection = "encap = yes";
    let peer = Peer::start(&ends.host, &ends.wanted);
    by_each_version_and_end(&mut ends, &peer);
}

#[test]
fn a_peer_that_begins_when_it_is_configured_is_answered() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak5", 165);
    let peer = Peer::start(&ends.host, &ends.wanted);
    for version in VERSIONS {
        set(&mut ends, version, Initiator::ResponseOnly);
        ends.apply();
        ends.host.has_order(ends.id());
        ends.wanted.more.of_child = "start_action = start";
        peer.configure(&ends.wanted);
        ends.works(&peer);
        assert!(peer.sas().began(), "{}", peer.sas().text);
        ends.wanted.more.of_child = "";
        peer.configure(&ends.wanted);
        goes(&ends, &peer);
    }
}

/// Two peers, of which one speaks IKEv1 and the other IKEv2, each with a key of its own; then the other way
/// round. They and Adit begin at once.
#[test]
fn one_gateway_speaks_each_version_to_its_peer() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak6", 166);
    let second = Peer::address_of(&ends.host, 1).parse().unwrap();
    let second = ends
        .place
        .connect(second, block(1).parse().unwrap())
        .clone();
    ends.place.tunnels[1] = second;
    let keys = ["the key of the first", "the key of the second"];
    let wanted: [Wanted; 2] = [0, 1].map(|number| Wanted {
        psk: keys[usize::from(number)],
        more: More {
            number,
            ..More::default()
        },
        ..ends.wanted.clone()
    });
    let peers = [&wanted[0], &wanted[1]].map(|wanted| Peer::start(&ends.host, wanted));
    for (tunnel, key) in ends.place.tunnels.iter_mut().zip(keys) {
        tunnel.authentication = Psk::new(key.as_bytes().to_vec()).unwrap().into();
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        tunnel.ike.groups = vec![DhGroup::try_from(14).unwrap()];
    }
    for versions in [
        VERSIONS,
        [IkeVersion::V1, IkeVersion::V2],
        [IkeVersion::V1; 2],
    ] {
        for initiator in BOTH {
            for (n, version) in versions.into_iter().enumerate() {
                ends.place.tunnels[n].ike.version = version;
                ends.place.tunnels[n].initiator = initiator;
                peers[n].configure(&Wanted {
                    version: number(version),
                    ..wanted[n].clone()
                });
            }
            ends.apply();
            for (n, peer) in peers.iter().enumerate() {
                let id = ends.place.tunnels[n].connection;
                if initiator == Initiator::ResponseOnly {
                    ends.host.has_order(id);
                    peer.swanctl("--initiate --child net --timeout 4");
                }
                ends.host.up(id, &[]);
            }
            for (n, peer) in (0..).zip(&peers) {
                ping(&ends.place.instance, &inner(n)).all();
                let from = format!("-c 10 -i 0.02 -I {}", inner(n));
                ping_with(&peer.namespace, &ends.place.instance.address, &from).all();
                let sas = peer.sas();
                assert!(sas.packets_in >= 20, "{}", sas.text);
            }
            for (tunnel, peer) in ends.place.tunnels.iter().zip(&peers) {
                ends.host.remove(&ends.place, tunnel.connection);
                until("strongSwan has no SA any more", VERDICT, || {
                    peer.sas().text.trim().is_empty().then_some(())
                });
            }
        }
    }
}

/// How soon a peer is missed.
const SOON: DeadPeerDetection = DeadPeerDetection {
    action: DpdAction::Clear,
    interval_s: 1,
    timeout_s: 3,
};

fn missed(action: DpdAction) -> DeadPeerDetection {
    DeadPeerDetection { action, ..SOON }
}

#[test]
fn a_dead_peer_s_tunnel_is_cleared_and_taken_up_by_the_peer() {
    let Some(_turn) = turn(TOOLS) else { return };
    for version in VERSIONS {
        let mut ends = Ends::new("ak7", 167);
        set(&mut ends, version, Initiator::BiDirectional);
        ends.tunnel().dead_peer_detection = missed(DpdAction::Clear);
        let peer = Peer::start(&ends.host, &ends.wanted);
        ends.apply();
        ends.works(&peer);
        // Killed, it says no farewell.
        drop(peer);
        ends.host.down_for(ends.id(), ReasonCode::PeerNotResponding);
        ping(&ends.place.instance, INNER).none();
        let peer = Peer::start(&ends.host, &ends.wanted);
        // It is left to the peer to begin.
        let began = poll(Duration::from_secs(3), || {
            let sas = peer.sas();
            (!sas.text.trim().is_empty()).then_some(sas.text)
        });
        assert_eq!(began, None);
        peer.swanctl("--initiate --child net --timeout 4");
        ends.works(&peer);
        assert!(peer.sas().began());
    }
}

#[test]
fn a_dead_peer_is_sought_by_both_versions_until_it_lives() {
    let Some(_turn) = turn(TOOLS) else { return };
    for version in VERSIONS {
        let mut ends = Ends::new("ak8", 168);
        set(&mut ends, version, Initiator::BiDirectional);
        ends.tunnel().dead_peer_detection = missed(DpdAction::Restart);
        let peer = Peer::start(&ends.host, &ends.wanted);
        ends.apply();
        ends.works(&peer);
        drop(peer);
        ends.host.down_for(ends.id(), ReasonCode::PeerNotResponding);
        let peer = Peer::start(&ends.host, &ends.wanted);
        until("the tunnel is up again", 2 * PATIENCE, || {
            let state = ends.host.observed(ends.id())?.state;
            (state == TunnelState::Up).then_some(())
        });
        ends.works(&peer);
        assert!(!peer.sas().began());
    }
}

/// Both see another address than the other end's own, and none of the other's names says its address.
#[test]
fn a_nat_at_each_end_is_passed_whoever_begins() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut ends = Ends::new("ak9", 169);
    let nat = Nat::start(&ends.host);
    let alias = format!("{}.70", ends.host.external());
    let gateway = ends.wanted.gateway.clone();
    nat.both_ways(&gateway, &alias, &format!("{BEHIND}.50"));
    ends.wanted.gateway = alias;
    ends.wanted.more.behind = Some(BEHIND);
    ends.wanted.ids = Some(["swan.example.com", "adit.example.com"]);
    let outside = nat.address.parse().unwrap();
    let tunnel = ends.tunnel();
    tunnel.peer_address = outside;
    tunnel.local_id = Identity::parse("adit.example.com");
    tunnel.peer_id = Identity::parse("swan.example.com");
    let peer = Peer::start_unplugged(&ends.host, &ends.wanted);
    peer.plug_behind(&nat.namespace, Nat::bridge());
    by_each_version_and_end(&mut ends, &peer);
}
