//! The rows: each brings a tunnel up both ways round, has traffic in both directions, sees nothing of it in clear on the
//! wire, and nothing left behind.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use adit_model::Cidr;
use adit_model::connection::Initiator;
use adit_model::observed::TunnelState;
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};

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
    Ah,
    AhOverV6,
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
    transform: Transform,
    mode: Encapsulation,
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

/// The cipher is a policy's; AH has none.
const AH_SHA256: (&str, Encryption, Authentication) =
    ("sha256", Encryption::Aes128, Authentication::Sha256);
const AH_SHA384: (&str, Encryption, Authentication) =
    ("sha384", Encryption::Aes128, Authentication::Sha384);
const AH_SHA512: (&str, Encryption, Authentication) =
    ("sha512", Encryption::Aes128, Authentication::Sha512);
const AH_SHA1: (&str, Encryption, Authentication) =
    ("sha1", Encryption::Aes128, Authentication::Sha1);
const AH_XCBC: (&str, Encryption, Authentication) =
    ("aesxcbc", Encryption::Aes128, Authentication::AesXcbc);

impl Row {
    const V2: Self = Self {
        name: "ESP by itself, IKEv2",
        scenarios: "ikev2/net2net-psk",
        version: IkeVersion::V2,
        outer_v6: false,
        inner_v6: false,
        esp: GCM,
        transform: Transform::Esp,
        mode: Encapsulation::Tunnel,
        esn: false,
        rekeys: false,
        seen: Seen::Esp,
    };

    const AH: Self = Self {
        name: "AH, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA256,
        transform: Transform::Ah,
        seen: Seen::Ah,
        ..Self::V2
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
        let is_tunnel = self.mode == Encapsulation::Tunnel;
        let (behind, own_block) = if is_tunnel {
            (block.parse().unwrap(), own_block)
        } else {
            (Cidr::host(their_address), Cidr::host(ours))
        };
        let proposals = match self.transform {
            Transform::Ah => "ah_proposals",
            _ => "esp_proposals",
        };
        peer.configure(&Wanted {
            version: match self.version {
                IkeVersion::V1 => 1,
                IkeVersion::V2 => 2,
            },
            own: theirs.clone(),
            gateway: ours.to_string(),
            ike: "aes128-sha256-ecp256",
            child: (proposals, self.esp.0),
            local: behind.to_string(),
            remote: own_block.to_string(),
            mode: if is_tunnel { "tunnel" } else { "transport" },
        });
        place.tunnels.clear();
        let tunnel = place.connect(their_address, behind);
        tunnel.initiator = initiator;
        tunnel.local_cidrs = vec![own_block];
        tunnel.ike.version = self.version;
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        tunnel.ike.groups = vec![DhGroup::try_from(19).unwrap()];
        tunnel.ipsec.encryption = vec![self.esp.1];
        tunnel.ipsec.authentication = vec![self.esp.2];
        tunnel.ipsec.pfs = Vec::new();
        tunnel.ipsec.transform = self.transform;
        tunnel.ipsec.encapsulation = self.mode;
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
        let ends = if is_tunnel {
            self.behind(place)
        } else {
            Ends {
                namespace: place.router(host),
                here: ours.to_string(),
                there: theirs.clone(),
            }
        };
        self.carries(&ends, peer);
        if self.rekeys {
            peer.swanctl("--rekey --child net");
            until("only the new SAs are left", SLOW, || {
                (peer.kernel().matches(self.proto()).count() == 2).then_some(())
            });
            self.carries(&ends, peer);
        }
        let captured = capture.stop();
        if is_tunnel && self.transform == Transform::Esp {
            captured.hides(&ends.here, &ends.there);
        } else {
            // The outer header is the only one, or AH shows the inner one.
            captured.protects();
        }
        let seen = match self.seen {
            Seen::Esp => captured.raw_esp,
            Seen::EspOverV6 => captured.raw_esp_over_v6,
            Seen::Ah => captured.ah,
            Seen::AhOverV6 => captured.ah_over_v6,
        };
        assert!(seen >= 20 && captured.esp == 0, "{captured:?}");
        place.tunnels.clear();
        host.remove(place, id);
        until("nothing is left in the machine's kernel", SLOW, || {
            peer.kernel().trim().is_empty().then_some(())
        });
        peer.forget();
    }

    /// What is behind the two ends.
    fn behind(&self, place: &Place) -> Ends {
        let (here, there) = if self.inner_v6 {
            (place.v6.clone(), INNER_V6)
        } else {
            (place.instance.address.clone(), INNER)
        };
        Ends {
            namespace: place.instance.namespace.clone(),
            here,
            there: there.to_owned(),
        }
    }

    /// How the kernel calls the protocol.
    const fn proto(&self) -> &'static str {
        match self.transform {
            Transform::Ah => "proto ah",
            _ => "proto esp",
        }
    }

    /// Pings both ways, counted by both ends.
    fn carries(&self, ends: &Ends, peer: &mut Peer) {
        let Ends {
            namespace,
            here,
            there,
        } = ends;
        let from = format!("-I {here}");
        // In IKEv1 a peer with several threads may answer what proves that it is there before it has taken the
        // message that has it install the SAs; in software that takes a while.
        until("the first packet arrives", SLOW, || {
            let ping = ping_with(namespace, there, &format!("{from} -c 1 -W 1"));
            (ping.received == 1).then_some(())
        });
        let pings = ping_with(namespace, there, &format!("{from} -c 10 -i 0.05 -W 5"));
        pings.all();
        let family = if there.contains(':') { "-6" } else { "-4" };
        let said = peer.machine.run(&format!(
            "ping {family} -c 10 -i 0.2 -W 5 -I {there} {here}"
        ));
        assert!(said.contains(" 10 received"), "{said}");
        // With the largest packets that the tunnel takes, and larger ones.
        for size in [1300, 1352, 4000] {
            // The first may be what tells the sender how large an IPv6 packet can be.
            let _ = ping_with(namespace, there, &format!("{from} -c 1 -W 1 -s {size}"));
            let arguments = format!("{from} -c 3 -i 0.05 -W 5 -s {size}");
            let pings = ping_with(namespace, there, &arguments);
            assert_eq!(pings.sent, pings.received, "{size}: {}", pings.text);
        }
        let kernel = peer.kernel();
        let states = kernel.matches(self.proto()).count();
        assert_eq!(states, 2, "{kernel}");
        assert!(!kernel.contains("encap type"), "no UDP is used: {kernel}");
        assert_eq!(
            kernel.matches("af-unspec esn").count(),
            if self.esn { 2 } else { 0 },
            "{kernel}"
        );
        let mode = match self.mode {
            Encapsulation::Transport => "mode transport",
            Encapsulation::Tunnel => "mode tunnel",
        };
        assert_eq!(kernel.matches(mode).count(), 2, "{kernel}");
    }
}

/// Who speaks to whom.
struct Ends {
    /// Where `here` is.
    namespace: String,
    here: String,
    there: String,
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
    Row {
        name: "ESP in transport mode, IKEv2",
        scenarios: "ikev2/host2host-transport",
        mode: Encapsulation::Transport,
        ..Row::V2
    },
    Row::AH,
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
    Row {
        name: "ESP in transport mode, IKEv1",
        scenarios: "ikev1/host2host-transport",
        version: IkeVersion::V1,
        esp: CBC,
        mode: Encapsulation::Transport,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode over IPv6, IKEv2",
        scenarios: "ipv6/transport-ikev2",
        outer_v6: true,
        esp: CBC,
        mode: Encapsulation::Transport,
        rekeys: true,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "ESP in transport mode over IPv6, IKEv1",
        scenarios: "ipv6/transport-ikev1",
        version: IkeVersion::V1,
        outer_v6: true,
        esp: CBC,
        mode: Encapsulation::Transport,
        seen: Seen::EspOverV6,
        ..Row::V2
    },
    Row {
        name: "AH, IKEv1",
        scenarios: "ikev1/net2net-ah",
        version: IkeVersion::V1,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-384, rekeyed by strongSwan, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA384,
        rekeys: true,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-512, IKEv2",
        scenarios: "ikev2/net2net-ah",
        esp: AH_SHA512,
        ..Row::AH
    },
    Row {
        name: "AH with SHA-1, IPv6 in IPv6, IKEv2",
        scenarios: "ikev2/net2net-ah",
        outer_v6: true,
        inner_v6: true,
        esp: AH_SHA1,
        seen: Seen::AhOverV6,
        ..Row::AH
    },
    Row {
        name: "AH with AES-XCBC in transport mode, IKEv2",
        scenarios: "ikev2/host2host-ah",
        esp: AH_XCBC,
        mode: Encapsulation::Transport,
        ..Row::AH
    },
    Row {
        name: "AH in transport mode, IKEv1",
        scenarios: "ikev1/host2host-ah",
        version: IkeVersion::V1,
        mode: Encapsulation::Transport,
        ..Row::AH
    },
    Row {
        name: "AH in transport mode over IPv6, IKEv2",
        scenarios: "ikev2/host2host-ah",
        outer_v6: true,
        mode: Encapsulation::Transport,
        seen: Seen::AhOverV6,
        ..Row::AH
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
    let is_chosen = std::env::var_os("ADIT_GUEST_ROWS").is_some();
    let more = if report.is_some() || is_chosen {
        MORE
    } else {
        &[]
    };
    let host = Host::open_without_udp("agu", 140);
    let machine = Machine::boot(&host, &image);
    let mut peer = Peer::start(&host, machine);
    let mut place = host.place("10.240.0", 11);
    let mut results = Vec::new();
    // Those whose name has it, to look at one.
    let wanted = std::env::var("ADIT_GUEST_ROWS").unwrap_or_default();
    let chosen = SHORT.iter().chain(more);
    for row in chosen.filter(|row| row.name.contains(&wanted)) {
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
