//! The rows: each brings a tunnel up both ways round, has traffic in both directions, sees nothing of it in clear on the
//! wire, and nothing left behind.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use adit_model::connection::Initiator;
use adit_model::observed::TunnelState;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};

use crate::machine::{Machine, image};
use crate::peer::{Peer, Wanted};
use crate::report::{Outcome, Report};
use crate::strongswan::{BLOCK, BLOCK_V6, INNER, INNER_V6};
use crate::support::capture::Capture;
use crate::support::host::{Host, Place};
use crate::support::traffic::ping_with;
use crate::support::{skipped, turn, until};

const TOOLS: &[&str] = &["qemu-system-x86_64"];

/// How long a machine in software may take for an exchange.
const SLOW: Duration = Duration::from_secs(30);

/// How a row's packets are seen on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Esp,
    EspOverV6,
}

/// A row: what differs from one to the next.
struct Row {
    name: &'static str,
    /// What strongSwan's own tests call this.
    scenarios: &'static str,
    version: IkeVersion,
    outer_v6: bool,
    inner_v6: bool,
    esp: (&'static str, Encryption, Authentication),
    /// Sequence numbers have 64 bits.
    esn: bool,
    /// strongSwan rekeys it once.
    rekeys: bool,
    seen: Seen,
}

const GCM: (&str, Encryption, Authentication) = (
    "aes256gcm16",
    Encryption::Aes256Gcm16,
    Authentication::Sha256,
);
const CBC: (&str, Encryption, Authentication) =
    ("aes128-sha256", Encryption::Aes128, Authentication::Sha256);

impl Row {
    const V2: Self = Self {
        name: "ESP by itself, IKEv2",
        scenarios: "ikev2/net2net-psk",
        version: IkeVersion::V2,
        outer_v6: false,
        inner_v6: false,
        esp: GCM,
        esn: false,
        rekeys: false,
        seen: Seen::Esp,
    };

    /// Runs it with Adit in this role.
    fn run(&self, host: &Host, place: &mut Place, peer: &mut Peer, initiator: Initiator) -> bool {
        eprintln!("{}, Adit is {}", self.name, role(initiator));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.once(host, place, peer, initiator);
        }));
        if outcome.is_err() {
            eprintln!("{}", peer.log());
            // The next one begins with nothing.
            for id in place.connections() {
                host.remove(place, id);
            }
            place.tunnels.clear();
            peer.forget();
        }
        outcome.is_ok()
    }

    fn once(&self, host: &Host, place: &mut Place, peer: &mut Peer, initiator: Initiator) {
        let capture = Capture::start(host);
        let theirs = &Peer::addresses(host)[usize::from(self.outer_v6)];
        let their_address: IpAddr = theirs.parse().unwrap();
        let block = if self.inner_v6 { BLOCK_V6 } else { BLOCK };
        let own_block = if self.inner_v6 {
            place.cidr_v6
        } else {
            place.cidr
        };
        let ours = place.gateway.addresses.toward(their_address).unwrap();
        peer.configure(&Wanted {
            version: match self.version {
                IkeVersion::V1 => 1,
                IkeVersion::V2 => 2,
            },
            own: theirs.clone(),
            gateway: ours.to_string(),
            ike: "aes128-sha256-ecp256",
            child: ("esp_proposals", self.esp.0),
            local: block.to_owned(),
            remote: own_block.to_string(),
            mode: "tunnel",
        });
        place.tunnels.clear();
        let tunnel = place.connect(their_address, block.parse().unwrap());
        tunnel.initiator = initiator;
        tunnel.local_cidrs = vec![own_block];
        tunnel.ike.version = self.version;
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        tunnel.ike.groups = vec![DhGroup::try_from(19).unwrap()];
        tunnel.ipsec.encryption = vec![self.esp.1];
        tunnel.ipsec.authentication = vec![self.esp.2];
        tunnel.ipsec.pfs = Vec::new();
        let id = tunnel.connection;
        host.apply(place);
        if initiator == Initiator::ResponseOnly {
            until("strongSwan has brought it up", SLOW, || {
                let said = peer.swanctl("--initiate --child net --timeout 20 || true");
                said.contains("completed successfully").then_some(())
            });
        }
        until("the tunnel is up", SLOW, || {
            let observed = host.observed(id)?;
            (observed.state == TunnelState::Up).then_some(())
        });
        self.carries(place, peer);
        if self.rekeys {
            peer.swanctl("--rekey --child net");
            until("only the new SAs are left", SLOW, || {
                (peer.kernel().matches("proto esp").count() == 2).then_some(())
            });
            self.carries(place, peer);
        }
        let captured = capture.stop();
        let here = if self.inner_v6 {
            &place.v6
        } else {
            &place.instance.address
        };
        let there = if self.inner_v6 { INNER_V6 } else { INNER };
        captured.hides(here, there);
        let seen = match self.seen {
            Seen::Esp => captured.raw_esp,
            Seen::EspOverV6 => captured.raw_esp_over_v6,
        };
        assert!(seen >= 20 && captured.esp == 0, "{captured:?}");
        place.tunnels.clear();
        host.remove(place, id);
        until("nothing is left in the machine's kernel", SLOW, || {
            peer.kernel().trim().is_empty().then_some(())
        });
        peer.forget();
    }

    /// Pings and a stream of TCP both ways, counted by both ends.
    fn carries(&self, place: &Place, peer: &mut Peer) {
        let (here, there) = if self.inner_v6 {
            (place.v6.clone(), INNER_V6)
        } else {
            (place.instance.address.clone(), INNER)
        };
        let namespace = &place.instance.namespace;
        // In IKEv1 a peer with several threads may answer what proves that it is there before it has taken the
        // message that has it install the SAs; in software that takes a while.
        until("the first packet arrives", SLOW, || {
            let ping = ping_with(namespace, there, "-c 1 -W 1");
            (ping.received == 1).then_some(())
        });
        let pings = ping_with(namespace, there, "-c 10 -i 0.05 -W 5");
        pings.all();
        let family = if self.inner_v6 { "-6" } else { "-4" };
        let said = peer.machine.run(&format!(
            "ping {family} -c 10 -i 0.2 -W 5 -I {there} {here}"
        ));
        assert!(said.contains(" 10 received"), "{said}");
        // With the largest packets that the tunnel takes, and larger ones.
        for size in [1300, 1352, 4000] {
            // The first may be what tells the sender how large an IPv6 packet can be.
            let _ = ping_with(namespace, there, &format!("-c 1 -W 1 -s {size}"));
            let pings = ping_with(namespace, there, &format!("-c 3 -i 0.05 -W 5 -s {size}"));
            assert_eq!(pings.sent, pings.received, "{size}: {}", pings.text);
        }
        let kernel = peer.kernel();
        let states = kernel.matches("proto esp").count();
        assert_eq!(states, 2, "{kernel}");
        assert!(!kernel.contains("encap type"), "no UDP is used: {kernel}");
        assert_eq!(
            kernel.matches("af-unspec esn").count(),
            if self.esn { 2 } else { 0 },
            "{kernel}"
        );
    }
}

fn role(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::BiDirectional => "initiator",
        Initiator::ResponseOnly => "responder",
    }
}

/// Those of `make test`.
const SHORT: &[Row] = &[
    Row::V2,
    Row {
        name: "ESP by itself, IKEv1",
        scenarios: "ikev1/net2net-psk",
        version: IkeVersion::V1,
        esp: CBC,
        ..Row::V2
    },
    Row {
        name: "IPv4 in IPv6, IKEv2",
        scenarios: "ipv6/net2net-ip4-in-ip6-ikev2",
        outer_v6: true,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv6, IKEv2",
        scenarios: "ipv6/net2net-ikev2, ipv6/rw-psk-ikev2",
        outer_v6: true,
        inner_v6: true,
        esp: CBC,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
];

/// And those of `make interop-full`.
const MORE: &[Row] = &[
    Row {
        name: "IPv6 in IPv4, IKEv2",
        scenarios: "ipv6/net2net-ip6-in-ip4-ikev2",
        inner_v6: true,
        ..Row::V2
    },
    Row {
        name: "64-bit sequence numbers, IKEv2",
        scenarios: "ikev2/net2net-esn",
        esp: (
            "aes256gcm16-esn",
            Encryption::Aes256Gcm16,
            Authentication::Sha256,
        ),
        esn: true,
        ..Row::V2
    },
    Row {
        name: "strongSwan rekeys, IKEv2",
        scenarios: "ikev2/net2net-rekey",
        rekeys: true,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv4, IKEv1",
        scenarios: "ipv6/net2net-ip6-in-ip4-ikev1",
        version: IkeVersion::V1,
        inner_v6: true,
        esp: CBC,
        ..Row::V2
    },
    Row {
        name: "IPv4 in IPv6, IKEv1",
        scenarios: "ipv6/net2net-ip4-in-ip6-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "IPv6 in IPv6, IKEv1",
        scenarios: "ipv6/net2net-ikev1, ipv6/rw-psk-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        inner_v6: true,
        esp: CBC,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
];

#[test]
fn peers_with_esp_in_their_kernels() {
    let Some(_turn) = turn(TOOLS) else { return };
    let Some(image) = image() else {
        skipped("the image of a machine, which tools/guest-image makes");
        return;
    };
    let report = Report::wanted();
    let more = if report.is_some() { MORE } else { &[] };
    let host = Host::open_without_udp("agu", 140);
    let machine = Machine::boot(&host, &image);
    let mut peer = Peer::start(&host, machine);
    let mut place = host.place("10.240.0", 11);
    let mut results = Vec::new();
    for row in SHORT.iter().chain(more) {
        for initiator in [Initiator::BiDirectional, Initiator::ResponseOnly] {
            let passed = row.run(&host, &mut place, &mut peer, initiator);
            results.push(Outcome {
                name: row.name,
                scenarios: row.scenarios,
                role: role(initiator),
                passed,
            });
        }
    }
    if let Some(report) = report {
        report.write(&image, &results);
    }
    let failed: Vec<_> = results.iter().filter(|one| !one.passed).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
