//! Scenarios that are more than one tunnel and its traffic: what goes wrong first, or is done differently.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use adit_model::connection::{DpdAction, Identity, Initiator};
use adit_model::observed::{TunnelObserved, TunnelState};
use adit_model::policy::{Encapsulation, IkeVersion};
use adit_model::{ConnectionId, ReasonCode};

use crate::libreswan::{forget_secret, whack};
use crate::peer::{Daemon, Peer, Wanted};
use crate::report::Outcome;
use crate::rows::{Ends, Row, SLOW, role};
use crate::support::capture::Capture;
use crate::support::host::{Host, Place};
use crate::support::traffic::{ping_with, socket_in};
use crate::support::until;

/// Where they are played.
pub(crate) struct Stage<'a> {
    pub(crate) host: &'a Host,
    pub(crate) place: &'a mut Place,
    pub(crate) peer: &'a mut Peer,
}

/// One of them.
pub(crate) struct Story {
    pub(crate) daemon: Daemon,
    pub(crate) name: &'static str,
    pub(crate) scenarios: &'static str,
    role: Initiator,
    play: fn(&mut Stage<'_>),
}

use Initiator::{BiDirectional, ResponseOnly};

const fn libreswan(
    name: &'static str,
    scenarios: &'static str,
    role: Initiator,
    play: fn(&mut Stage<'_>),
) -> Story {
    Story {
        daemon: Daemon::Libreswan,
        name,
        scenarios,
        role,
        play,
    }
}

const fn strongswan(
    name: &'static str,
    scenarios: &'static str,
    role: Initiator,
    play: fn(&mut Stage<'_>),
) -> Story {
    Story {
        daemon: Daemon::StrongSwan,
        ..libreswan(name, scenarios, role, play)
    }
}

pub(crate) const STORIES: &[Story] = &[
    strongswan(
        "the first packet there brings it up",
        "ikev2/net2net-route",
        ResponseOnly,
        the_first_packet_there,
    ),
    strongswan(
        "what the first packet is of is narrowed to",
        "ikev2/net2net-route-narrow",
        ResponseOnly,
        narrowed_from_a_packet,
    ),
    strongswan(
        "a Child SA for each protocol, each brought up by its first packet",
        "ikev2/protoport-trap, ikev2/protoport-range",
        ResponseOnly,
        a_trap_for_each_protocol,
    ),
    strongswan(
        "a packet to whomever finds its peer, in transport mode",
        "ikev2/trap-any",
        ResponseOnly,
        whomever_a_packet_is_to,
    ),
    libreswan(
        "the initiator has no key",
        "ikev2-05-basic-psk-missing-initiator",
        ResponseOnly,
        the_initiator_has_no_key,
    ),
    libreswan(
        "the responder has no key",
        "ikev2-05-basic-psk-missing-responder",
        BiDirectional,
        the_responder_has_no_key,
    ),
    libreswan(
        "nothing common for the Child SA",
        "ikev2-35-mismatched-child",
        ResponseOnly,
        nothing_common_for_the_child_sa,
    ),
    libreswan(
        "SHA-256 truncated to 96 bits",
        "none: sha2-truncbug=yes",
        ResponseOnly,
        sha256_of_96_bits,
    ),
    libreswan(
        "dead peer detection that Adit alone does, IKEv1",
        "dpd-02",
        BiDirectional,
        dead_peer_detection_of_one_end,
    ),
    libreswan(
        "dead peer detection with two quick modes",
        "dpd-04",
        BiDirectional,
        dead_peer_detection_with_two_quick_modes,
    ),
    libreswan(
        "two blocks by IKEv1, each with keys of its own",
        "multinet-01, ikev1-rw-multiple-subnets",
        ResponseOnly,
        two_blocks_by_ikev1,
    ),
    libreswan(
        "replay windows of 0 and 256",
        "replay-window-ikev2",
        ResponseOnly,
        replay_windows,
    ),
    libreswan(
        "a connection that libreswan revives",
        "ikev2-liveness-09-revival",
        ResponseOnly,
        a_connection_that_is_revived,
    ),
    libreswan(
        "a peer at any address, back from another one",
        "ikev2-61-any-psk, ikev2-27-uniqueid",
        ResponseOnly,
        from_any_address,
    ),
    libreswan(
        "each message twice",
        "ikev2-43-init-retransmit, ikev2-impair-01-replay-duplicates",
        ResponseOnly,
        each_message_twice,
    ),
    libreswan(
        "messages of before again",
        "ikev2-impair-02-replay-forward",
        ResponseOnly,
        messages_again,
    ),
    libreswan(
        "a cookie is asked for",
        "ikev2-ddos-cookie-01",
        BiDirectional,
        a_cookie_is_asked_for,
    ),
    libreswan(
        "a first message without key exchange",
        "ikev2-impair-06-send-no-ike-ke",
        ResponseOnly,
        no_key_exchange,
    ),
    libreswan(
        "both begin at once",
        "crossing-streams-bootup-01",
        BiDirectional,
        both_begin_at_once,
    ),
];

impl Story {
    /// Plays it, and sees that nothing is left of it.
    pub(crate) fn run(&self, stage: &mut Stage<'_>) -> Outcome {
        let (daemon, role) = (self.daemon.name(), role(self.role));
        eprintln!("{daemon}: {}, Adit is {role}", self.name);
        stage.peer.run(self.daemon);
        let played = catch_unwind(AssertUnwindSafe(|| {
            (self.play)(stage);
            stage.ends();
        }));
        if played.is_err() {
            eprintln!("{}", stage.peer.log());
            stage.clear();
        }
        Outcome {
            daemon: self.daemon,
            name: self.name,
            scenarios: self.scenarios,
            role,
            passed: played.is_ok(),
        }
    }
}

const IKEV1: Row = Row {
    version: IkeVersion::V1,
    esp: crate::table::CBC,
    ..Row::LIBRESWAN
};

const CBC: Row = Row {
    version: IkeVersion::V2,
    ..IKEV1
};

impl Stage<'_> {
    fn id(&self) -> ConnectionId {
        self.place.tunnels[0].connection
    }

    fn observed(&self) -> Option<TunnelObserved> {
        self.host.observed(self.id())
    }

    fn prepare(&mut self, row: &Row, initiator: Initiator) -> (Wanted, Ends) {
        row.prepare(self.host, self.place, initiator)
    }

    /// Both ends want it.
    fn configure(&mut self, wanted: &Wanted) {
        self.peer.configure(wanted);
        self.host.apply(self.place);
        self.host.has_order(self.id());
    }

    fn initiate(&mut self) {
        until("the other end has brought it up", SLOW, || {
            self.peer.initiate().then_some(())
        });
    }

    #[track_caller]
    fn is_up(&self) {
        self.is_up_with(1);
    }

    #[track_caller]
    fn is_up_with(&self, children: usize) {
        until("the tunnel is up", SLOW, || {
            let observed = self.observed()?;
            let is_up = observed.state == TunnelState::Up && observed.children.len() == children;
            is_up.then_some(())
        });
    }

    /// Waits until it is down for this reason; the evidence.
    #[track_caller]
    fn is_down_for(&self, code: ReasonCode) -> String {
        until("the reason is known", SLOW, || {
            let observed = self.observed()?;
            let reason = observed.reasons.into_iter().next()?;
            let is_so = observed.state != TunnelState::Up && reason.code == code;
            is_so.then_some(reason.evidence)
        })
    }

    /// Takes it away at Adit, and sees that the machine has nothing left of it.
    #[track_caller]
    fn ends(&mut self) {
        self.clear();
        until("nothing is left in the machine's kernel", SLOW, || {
            self.peer.kernel().trim().is_empty().then_some(())
        });
    }

    fn clear(&mut self) {
        for id in self.place.connections() {
            self.host.remove(self.place, id);
        }
        self.place.tunnels.clear();
        self.peer.forget();
    }

    fn whack(&mut self, arguments: &str) -> String {
        whack(&mut self.peer.machine, arguments)
    }

    /// One packet from there brings the tunnel up, and nothing of it is seen. The machine's kernel drops it itself.
    #[track_caller]
    fn first_packet(&mut self, ends: &Ends) {
        let capture = Capture::start(self.host);
        let Ends { here, there, .. } = ends;
        let ping = format!("ping -c 1 -W 1 -I {there} {here}");
        let _ = self.peer.machine.attempt(&ping);
        self.is_up();
        let captured = capture.stop();
        if ends.namespace == self.place.instance.namespace {
            captured.hides(here, there);
        } else {
            // Outside, there are no other addresses.
            captured.protects();
        }
    }
}

fn the_first_packet_there(stage: &mut Stage<'_>) {
    let row = &Row::V2;
    let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
    wanted.more = "start_action = trap".to_owned();
    stage.configure(&wanted);
    stage.first_packet(&ends);
    row.carries(&ends, stage.peer);
    stage.peer.swanctl("--uninstall --child net");
}

fn narrowed_from_a_packet(stage: &mut Stage<'_>) {
    let row = &Row::V2;
    let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
    wanted.more = "start_action = trap".to_owned();
    wanted.local = "10.77.0.0/16".to_owned();
    wanted.remote = "10.240.0.0/16".to_owned();
    stage.configure(&wanted);
    stage.first_packet(&ends);
    row.carries(&ends, stage.peer);
    let said = stage.peer.swanctl("--list-sas");
    assert!(said.contains("10.240.0.0/24"), "{said}");
    assert!(!said.contains("10.240.0.0/16"), "{said}");
    stage.peer.swanctl("--uninstall --child net");
}

fn a_trap_for_each_protocol(stage: &mut Stage<'_>) {
    let (mut wanted, ends) = stage.prepare(&Row::V2, ResponseOnly);
    let (local, remote) = (wanted.local.clone(), wanted.remote.clone());
    wanted.local = format!("{local}[1]");
    wanted.remote = format!("{remote}[1]");
    // Without /etc/protocols it knows them by number alone. The brace ends `net`; the last child ends where that would have.
    wanted.more = format!(
        "start_action = trap
        }}
        high {{
            local_ts = {local}[17]
            remote_ts = {remote}[17/5000-5999]
            esp_proposals = {}
            start_action = trap",
        wanted.child
    );
    // For less than whole blocks it makes no routes.
    let route = format!("{remote} dev eth0 src {}", ends.there);
    let machine = &mut stage.peer.machine;
    machine.run(&format!("ip route replace {route}"));
    stage.configure(&wanted);
    stage.first_packet(&ends);
    let Ends {
        here, namespace, ..
    } = &ends;
    let socket = socket_in(namespace, &format!("{here}:5353"));
    let second = Some(Duration::from_secs(1));
    socket.set_read_timeout(second).unwrap();
    let send = format!("bash -c 'echo hello >/dev/udp/{here}/5353'");
    // The machine's kernel drops the first one here too.
    let mut buffer = [0; 16];
    let length = until("a datagram arrives", SLOW, || {
        stage.peer.machine.run(&send);
        socket.recv(&mut buffer).ok()
    });
    assert_eq!(&buffer[..length], b"hello\n");
    stage.is_up_with(2);
    // Beside what either is for, nothing passes.
    stage.peer.machine.run(&send.replace("5353", "6353"));
    let said = stage.peer.swanctl("--list-sas");
    assert_eq!(said.matches(", INSTALLED,").count(), 2, "{said}");
    assert!(said.contains("/5000-5999]"), "{said}");
    stage.peer.swanctl("--uninstall --child net");
    stage.peer.swanctl("--uninstall --child high");
    let machine = &mut stage.peer.machine;
    machine.run(&format!("ip route delete {route}"));
}

fn whomever_a_packet_is_to(stage: &mut Stage<'_>) {
    let row = &Row {
        mode: Encapsulation::Transport,
        ..Row::V2
    };
    let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
    wanted.more = "start_action = trap".to_owned();
    let (network, _) = wanted.own.rsplit_once('.').unwrap();
    wanted.remote = format!("{network}.0/28");
    wanted.gateway_addresses = "%any".to_owned();
    stage.configure(&wanted);
    stage.first_packet(&ends);
    row.carries(&ends, stage.peer);
    stage.peer.swanctl("--uninstall --child net");
}

fn the_initiator_has_no_key(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, ResponseOnly);
    stage.configure(&wanted);
    forget_secret(&mut stage.peer.machine);
    let said = stage.whack("--name adit --initiate --asynchronous");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.peer.kernel().trim(), "", "{said}");
    stage.is_down_for(ReasonCode::Negotiating);
    stage.peer.configure(&wanted);
    stage.initiate();
    stage.is_up();
    row.carries(&ends, stage.peer);
}

fn the_responder_has_no_key(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, BiDirectional);
    stage.peer.configure(&wanted);
    forget_secret(&mut stage.peer.machine);
    stage.host.apply(stage.place);
    let evidence = stage.is_down_for(ReasonCode::CannotAuthenticateConnection);
    assert!(evidence.contains("AUTHENTICATION_FAILED"), "{evidence}");
    stage.peer.configure(&wanted);
    stage.is_up();
    row.carries(&ends, stage.peer);
}

fn nothing_common_for_the_child_sa(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, ResponseOnly);
    let mut other = wanted.clone();
    other.algorithms = (crate::table::CBC.1, crate::table::CBC.2);
    stage.configure(&other);
    stage.whack("--name adit --initiate --asynchronous");
    let evidence = stage.is_down_for(ReasonCode::IpsecPolicyMismatch);
    assert!(evidence.contains("aes128"), "{evidence}");
    assert_eq!(stage.peer.kernel().trim(), "");
    stage.peer.configure(&wanted);
    stage.initiate();
    stage.is_up();
    row.carries(&ends, stage.peer);
}

fn sha256_of_96_bits(stage: &mut Stage<'_>) {
    for row in [&IKEV1, &CBC] {
        let (wanted, ends) = stage.prepare(row, ResponseOnly);
        let mut truncating = wanted.clone();
        truncating.more = "sha2-truncbug=yes\n".to_owned();
        stage.configure(&truncating);
        stage.initiate();
        stage.is_up();
        let Ends { here, there, .. } = &ends;
        let ping = format!("ping -c 5 -i 0.2 -W 1 -I {there} {here}");
        let (said, is_answered) = stage.peer.machine.attempt(&ping);
        assert!(!is_answered, "{said}");
        let evidence = stage.is_down_for(ReasonCode::IpsecPolicyMismatch);
        assert!(evidence.contains("96 bits"), "{evidence}");
        stage.whack("--name adit --terminate");
        stage.peer.configure(&wanted);
        stage.initiate();
        stage.is_up();
        row.carries(&ends, stage.peer);
        stage.ends();
    }
}

fn dead_peer_detection_of_one_end(stage: &mut Stage<'_>) {
    let (wanted, ends) = stage.prepare(&IKEV1, BiDirectional);
    let detection = &mut stage.place.tunnels[0].dead_peer_detection;
    (detection.interval_s, detection.timeout_s) = (1, 4);
    stage.configure(&wanted);
    stage.is_up();
    let spis = stage.host.spis(stage.id());
    // Nobody sends, and both are there.
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(stage.host.spis(stage.id()), spis);
    IKEV1.carries(&ends, stage.peer);
}

/// A second block behind the machine, and the route it answers by.
const SECOND: [&str; 2] = ["10.78.0.0/24", "10.78.0.1"];

/// Both ends want two blocks behind the machine.
fn with_two_blocks(stage: &mut Stage<'_>, wanted: &mut Wanted) {
    let [block, address] = SECOND;
    wanted.more += &format!("leftsubnets={{{},{block}}}\n", wanted.local);
    wanted.local.clear();
    let cidrs = &mut stage.place.tunnels[0].peer_cidrs;
    cidrs.push(block.parse().unwrap());
    let add = format!("ip address replace {address}/32 dev lo");
    stage.peer.machine.run(&add);
}

#[track_caller]
fn both_carry(stage: &mut Stage<'_>, ends: &Ends) {
    let Ends {
        namespace,
        here,
        there,
    } = ends;
    for there in [&**there, SECOND[1]] {
        until("the first packet arrives", SLOW, || {
            let ping = ping_with(namespace, there, "-c 1 -W 1");
            (ping.received == 1).then_some(())
        });
        ping_with(namespace, there, "-c 10 -i 0.05 -W 5").all();
        let command = format!("ping -c 10 -i 0.2 -W 5 -I {there} {here}");
        let said = stage.peer.machine.run(&command);
        assert!(said.contains(" 10 received"), "{said}");
    }
    let kernel = stage.peer.kernel();
    // It leaves those of before a break to their lifetime.
    assert!(kernel.matches("proto esp").count() >= 4, "{kernel}");
}

fn dead_peer_detection_with_two_quick_modes(stage: &mut Stage<'_>) {
    let (mut wanted, ends) = stage.prepare(&IKEV1, BiDirectional);
    with_two_blocks(stage, &mut wanted);
    let detection = &mut stage.place.tunnels[0].dead_peer_detection;
    (detection.interval_s, detection.timeout_s) = (1, 4);
    detection.action = DpdAction::Restart;
    stage.configure(&wanted);
    stage.is_up_with(2);
    both_carry(stage, &ends);
    let down = |stage: &mut Stage<'_>, is| {
        let rule = if is { "add" } else { "delete" };
        let gateway = stage.place.outer();
        let route = format!("ip route {rule} blackhole {gateway}/32");
        stage.peer.machine.run(&route);
    };
    down(stage, true);
    stage.is_down_for(ReasonCode::PeerNotResponding);
    down(stage, false);
    stage.is_up_with(2);
    both_carry(stage, &ends);
}

fn two_blocks_by_ikev1(stage: &mut Stage<'_>) {
    let (mut wanted, ends) = stage.prepare(&IKEV1, ResponseOnly);
    with_two_blocks(stage, &mut wanted);
    stage.configure(&wanted);
    stage.whack("--name adit --initiate");
    stage.is_up_with(2);
    both_carry(stage, &ends);
    let observed = stage.observed().unwrap();
    let blocks: Vec<_> = observed
        .children
        .iter()
        .map(|one| format!("{one:?}"))
        .collect();
    assert_ne!(blocks[0], blocks[1]);
}

fn replay_windows(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    for window in [0, 256] {
        let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
        wanted.more = format!("replay-window={window}\n");
        stage.configure(&wanted);
        stage.initiate();
        stage.is_up();
        row.carries(&ends, stage.peer);
        stage.ends();
    }
}

fn a_connection_that_is_revived(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
    wanted.more = "auto=start\n".to_owned();
    stage.configure(&wanted);
    stage.initiate();
    stage.is_up();
    let id = stage.id();
    let before = stage.host.spis(id);
    stage.host.remove(stage.place, id);
    std::thread::sleep(Duration::from_secs(1));
    stage.host.apply(stage.place);
    // By itself.
    until("it is there again", 2 * SLOW, || {
        let spis = stage.host.spis(id);
        (spis.len() == 1 && spis != before).then_some(())
    });
    row.carries(&ends, stage.peer);
}

fn from_any_address(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (mut wanted, ends) = stage.prepare(row, ResponseOnly);
    let tunnel = &mut stage.place.tunnels[0];
    tunnel.peer_address = [0, 0, 0, 0].into();
    tunnel.peer_id = Identity::parse("swan.example.com");
    wanted.more = "leftid=@swan.example.com\n".to_owned();
    stage.configure(&wanted);
    stage.initiate();
    stage.is_up();
    row.carries(&ends, stage.peer);
    // It goes without a word, and comes back from elsewhere.
    let spis = stage.host.spis(stage.id());
    let own = wanted.own.clone();
    wanted.own = own.replace(".50", ".60");
    let machine = &mut stage.peer.machine;
    machine.run(&format!("ip address add {}/24 dev eth0", wanted.own));
    machine.run(&format!("ip route add blackhole {}/32", wanted.gateway));
    whack(machine, "--name adit --delete");
    machine.run("ip xfrm state flush; ip xfrm policy flush");
    machine.run(&format!("ip route delete blackhole {}/32", wanted.gateway));
    whack(machine, "--listen");
    stage.peer.configure(&wanted);
    stage.initiate();
    until("another one has taken its place", SLOW, || {
        let now = stage.host.spis(stage.id());
        (now.len() == 1 && now != spis).then_some(())
    });
    row.carries(&ends, stage.peer);
    stage.ends();
    let gone = format!("ip address delete {}/24 dev eth0", wanted.own);
    stage.peer.machine.run(&gone);
}

/// Plays a tunnel with this impairment of libreswan's, which is up and carries all the same, also after a rekey.
fn impaired(stage: &mut Stage<'_>, impairment: &str) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, ResponseOnly);
    stage.configure(&wanted);
    let said = stage.whack(&format!("--impair {impairment}"));
    assert!(!said.contains("unrecognized"), "{said}");
    stage.initiate();
    stage.is_up();
    row.carries(&ends, stage.peer);
    let before = stage.host.spis(stage.id());
    stage.peer.rekey();
    until("only the new SAs are left", SLOW, || {
        let now = stage.host.spis(stage.id());
        let kernel = stage.peer.kernel().matches("proto esp").count();
        (now.len() == 1 && now != before && kernel == 2).then_some(())
    });
    row.carries(&ends, stage.peer);
    stage.whack("--impair none");
    let (log, _) = stage.peer.machine.attempt("grep -ci impair /tmp/log");
    assert_ne!(log.trim(), "0");
}

fn each_message_twice(stage: &mut Stage<'_>) {
    impaired(stage, "replay-duplicates");
}

fn messages_again(stage: &mut Stage<'_>) {
    impaired(stage, "replay-forward");
}

fn a_cookie_is_asked_for(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, BiDirectional);
    stage.whack("--ddos-busy");
    stage.configure(&wanted);
    stage.is_up();
    row.carries(&ends, stage.peer);
    let log = stage.peer.machine.attempt("grep -ci cookie /tmp/log").0;
    assert_ne!(log.trim(), "0");
    stage.whack("--ddos-auto");
}

fn no_key_exchange(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, ResponseOnly);
    stage.configure(&wanted);
    let said = stage.whack("--impair ke-payload:omit");
    assert!(!said.contains("unrecognized"), "{said}");
    stage.whack("--name adit --initiate --asynchronous");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(stage.peer.kernel().trim(), "");
    stage.whack("--impair none");
    stage.whack("--name adit --terminate");
    stage.initiate();
    stage.is_up();
    row.carries(&ends, stage.peer);
}

fn both_begin_at_once(stage: &mut Stage<'_>) {
    let row = &Row::LIBRESWAN;
    let (wanted, ends) = stage.prepare(row, BiDirectional);
    stage.peer.configure(&wanted);
    stage.whack("--name adit --initiate --asynchronous");
    stage.host.apply(stage.place);
    stage.is_up();
    until("one pair is left", SLOW, || {
        let kernel = stage.peer.kernel().matches("proto esp").count();
        (kernel == 2 && stage.host.spis(stage.id()).len() == 1).then_some(())
    });
    row.carries(&ends, stage.peer);
}
