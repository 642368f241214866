//! The rows: each brings a tunnel up both ways round, has traffic in both directions, sees nothing of it in clear on the
//! wire, and nothing left behind.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use adit_model::connection::Initiator;
use adit_model::observed::TunnelState;
use adit_model::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeVersion, Transform,
};
use adit_model::{Cidr, ConnectionId, Psk};

use crate::machine::{Machine, image};
use crate::peer::{Daemon, Peer, Wanted};
use crate::report::{Outcome, Report};
use crate::stories::{STORIES, Stage};
use crate::strongswan::{BLOCK, BLOCK_V6, INNER, INNER_V6};
use crate::support::capture::Capture;
use crate::support::host::{Host, Place};
use crate::support::traffic::ping_with;
use crate::support::{skipped, turn, until};
use crate::table::{LIBRESWAN, MORE, SHORT};

const TOOLS: &[&str] = &["qemu-system-x86_64"];

/// How long a machine in software may take for an exchange.
pub(crate) const SLOW: Duration = Duration::from_secs(30);

/// How a row's packets are seen on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Esp,
    EspOverV6,
    Ah,
    AhOverV6,
}

/// A row: what differs from one to the next.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) daemon: Daemon,
    pub(crate) name: &'static str,
    /// What the daemon's own tests call this.
    pub(crate) scenarios: &'static str,
    pub(crate) version: IkeVersion,
    pub(crate) outer_v6: bool,
    pub(crate) inner_v6: bool,
    /// As strongSwan spells it, and what it is.
    pub(crate) esp: (&'static str, Encryption, Authentication),
    pub(crate) transform: Transform,
    pub(crate) mode: Encapsulation,
    /// The two ends speak to each other themselves, as in transport mode always.
    pub(crate) hosts: bool,
    /// Sequence numbers have 64 bits.
    pub(crate) esn: bool,
    /// There is a key exchange for each Child SA that is replaced.
    pub(crate) pfs: bool,
    pub(crate) psk: &'static str,
    /// The groups of Adit's IKE policy, and the other end's phase 1 as libreswan spells it.
    pub(crate) groups: &'static [u16],
    pub(crate) ike: &'static str,
    /// The other end rekeys once.
    pub(crate) rekeys: Rekeys,
    pub(crate) seen: Seen,
}

/// What the other end replaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rekeys {
    Nothing,
    Child,
    Ike,
}

impl Row {
    /// Runs it with Adit in this role.
    fn run(&self, host: &Host, place: &mut Place, peer: &mut Peer, initiator: Initiator) -> bool {
        let daemon = self.daemon.name();
        eprintln!("{daemon}: {}, Adit is {}", self.name, role(initiator));
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
        let (id, ends) = self.configure(host, place, peer, initiator);
        if initiator == Initiator::ResponseOnly {
            until("the other end has brought it up", SLOW, || {
                peer.initiate().then_some(())
            });
        }
        until("the tunnel is up", SLOW, || {
            let observed = host.observed(id)?;
            (observed.state == TunnelState::Up).then_some(())
        });
        if self.pfs && self.version == IkeVersion::V2 {
            // IKE_AUTH makes a Child SA without forward secrecy, which is replaced soon; libreswan sends on the new one
            // before its answer can have been read.
            until("the Child SA has forward secrecy", SLOW, || {
                let children = host.observed(id)?.children;
                let has = |suite: &str| suite.contains("ecp256");
                (children.len() == 1 && has(&children[0].suite)).then_some(())
            });
        }
        self.carries(&ends, peer);
        if self.rekeys != Rekeys::Nothing {
            let before = host.spis(id);
            match self.rekeys {
                Rekeys::Ike => peer.rekey_ike(),
                _ => peer.rekey(),
            }
            until("only the new SAs are left", SLOW, || {
                let are_new = self.rekeys == Rekeys::Ike || host.spis(id) != before;
                (are_new && peer.kernel().matches(self.proto()).count() == 2).then_some(())
            });
            self.carries(&ends, peer);
        }
        let captured = capture.stop();
        if self.is_between_blocks() && self.transform == Transform::Esp {
            captured.hides(&ends.here, &ends.there);
        } else {
            // The outer header is the only one, or like the inner one, or AH shows that.
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

    /// Has both ends want the tunnel; who will speak to whom through it.
    fn configure(
        &self,
        host: &Host,
        place: &mut Place,
        peer: &mut Peer,
        initiator: Initiator,
    ) -> (ConnectionId, Ends) {
        let (wanted, ends) = self.prepare(host, place, initiator);
        peer.run(self.daemon);
        peer.configure(&wanted);
        host.apply(place);
        (place.tunnels[0].connection, ends)
    }

    /// What both ends are to want, of which neither has been told: the tunnel is the place's only one.
    pub(crate) fn prepare(
        &self,
        host: &Host,
        place: &mut Place,
        initiator: Initiator,
    ) -> (Wanted, Ends) {
        let theirs = &Peer::addresses(host)[usize::from(self.outer_v6)];
        let their_address: IpAddr = theirs.parse().unwrap();
        let block = if self.inner_v6 { BLOCK_V6 } else { BLOCK };
        let own_block = if self.inner_v6 {
            place.cidr_v6
        } else {
            place.cidr
        };
        let ours = place.gateway.addresses.toward(their_address).unwrap();
        let between_blocks = self.is_between_blocks();
        let (behind, own_block) = if between_blocks {
            (block.parse().unwrap(), own_block)
        } else {
            (Cidr::host(their_address), Cidr::host(ours))
        };
        let source = if self.inner_v6 { INNER_V6 } else { INNER };
        let leads = self.daemon == Daemon::Libreswan && between_blocks;
        let wanted = Wanted {
            version: match self.version {
                IkeVersion::V1 => 1,
                IkeVersion::V2 => 2,
            },
            own: theirs.clone(),
            gateway: ours.to_string(),
            gateway_addresses: ours.to_string(),
            ike: "aes128-sha256-ecp256",
            ike_libreswan: self.ike,
            child: self.esp.0,
            algorithms: (self.esp.1, self.esp.2),
            transform: self.transform,
            encapsulation: self.mode,
            pfs: self.pfs,
            esn: self.esn,
            psk: self.psk,
            route: leads.then(|| format!("ip route replace {own_block} dev eth0 src {source}")),
            local: behind.to_string(),
            remote: own_block.to_string(),
            more: String::new(),
        };
        place.tunnels.clear();
        let tunnel = place.connect(their_address, behind);
        tunnel.initiator = initiator;
        tunnel.local_cidrs = vec![own_block];
        tunnel.ike.version = self.version;
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        let groups = self.groups.iter();
        tunnel.ike.groups = groups.map(|one| DhGroup::try_from(*one).unwrap()).collect();
        tunnel.authentication = Psk::new(self.psk.as_bytes().to_vec()).unwrap().into();
        tunnel.ipsec.encryption = vec![self.esp.1];
        tunnel.ipsec.authentication = vec![self.esp.2];
        let group = match (self.daemon, self.version) {
            (Daemon::Libreswan, IkeVersion::V1) => 14,
            _ => 19,
        };
        let pfs = self.pfs.then(|| DhGroup::try_from(group).unwrap());
        tunnel.ipsec.pfs = pfs.into_iter().collect();
        tunnel.ipsec.transform = self.transform;
        tunnel.ipsec.encapsulation = self.mode;
        let ends = if between_blocks {
            self.behind(place)
        } else {
            Ends {
                namespace: place.router(host),
                here: ours.to_string(),
                there: theirs.clone(),
            }
        };
        (wanted, ends)
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

    fn is_between_blocks(&self) -> bool {
        !self.hosts && self.mode == Encapsulation::Tunnel
    }

    /// How the kernel calls the protocol.
    const fn proto(&self) -> &'static str {
        match self.transform {
            Transform::Ah => "proto ah",
            _ => "proto esp",
        }
    }

    /// Pings both ways, counted by both ends.
    pub(crate) fn carries(&self, ends: &Ends, peer: &mut Peer) {
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
            kernel.matches("esn (0x").count(),
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
pub(crate) struct Ends {
    /// Where `here` is.
    pub(crate) namespace: String,
    pub(crate) here: String,
    pub(crate) there: String,
}

pub(crate) fn role(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::BiDirectional => "initiator",
        Initiator::ResponseOnly => "responder",
    }
}

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
        [MORE, LIBRESWAN].concat()
    } else {
        Vec::new()
    };
    let host = Host::open_without_udp("agu", 140);
    let machine = Machine::boot(&host, &image);
    let mut peer = Peer::start(&host, machine);
    let mut place = host.place("10.240.0", 11);
    let mut results = Vec::new();
    // Those whose daemon and name have all parts of any of these, to look at some: `a+b|c`.
    let wanted = std::env::var("ADIT_GUEST_ROWS").unwrap_or_default();
    let is_wanted = |daemon: Daemon, name: &str| {
        let name = format!("{}: {name}", daemon.name());
        let mut any = wanted.split('|');
        any.any(|all| all.split('+').all(|part| name.contains(part)))
    };
    let chosen = SHORT.iter().chain(&more);
    for row in chosen.filter(|row| is_wanted(row.daemon, row.name)) {
        for initiator in [Initiator::BiDirectional, Initiator::ResponseOnly] {
            let passed = row.run(&host, &mut place, &mut peer, initiator);
            results.push(Outcome {
                daemon: row.daemon,
                name: row.name,
                scenarios: row.scenarios,
                role: role(initiator),
                passed,
            });
        }
    }
    if report.is_some() || is_chosen {
        let mut stage = Stage {
            host: &host,
            place: &mut place,
            peer: &mut peer,
        };
        for story in STORIES {
            if is_wanted(story.daemon, story.name) {
                results.push(story.run(&mut stage));
            }
        }
    }
    if let Some(report) = report {
        report.write(&image, &results);
    }
    let failed: Vec<_> = results.iter().filter(|one| !one.passed).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
