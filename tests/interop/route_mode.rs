//! A gateway in route mode: two tunnels to one strongSwan, for any address to any, and routes that lead to them.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::nat::{BEHIND, Nat};
use crate::scene::{PSK, SITE, Suite};
use crate::strongswan::{BLOCK, INNER, More, Peer, TOOLS, Wanted};
use crate::support::api::Api;
use crate::support::capture::Capture;
use crate::support::namespace::{ip, within};
use crate::support::serve::{Serve, signal_to};
use crate::support::site::{Instance, Site};
use crate::support::traffic::{Pings, PingsUnderWay, ping_with, socket_in, tcp_both};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// Between two pings, in seconds: 20 a second.
const EVERY: &str = "0.05";

/// The most that may be lost of these when a tunnel falls silent: those of 2 s.
const LOST_AT_MOST: u32 = 40;

/// Sends by what is for the peer's own address would take itself into its tunnel, but for what it marks.
const DAEMON: &str = "plugins {
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
    kernel-libipsec { allow_peer_ts = yes }
}";

/// A peer that waits for its own configuration.
fn wanted(site: &Site, suite: &Suite, more: More) -> Wanted {
    Wanted {
        gateway: site.address.clone(),
        ike: suite.ike,
        esp: suite.esp,
        psk: PSK,
        remote: "0.0.0.0/0",
        remote_v6: None,
        ids: None,
        more: More {
            of_daemon: DAEMON,
            ..more
        },
        version: 2,
    }
}

/// The addresses of both members of a site's gateway.
fn members(api: &Api, site: &Site) -> [String; 2] {
    let seen = api.get(&format!("vpn_gateways/{}", site.gateway)).is(200);
    [0, 1].map(|number: usize| {
        let address = &seen["members"][number]["public_ip"]["address"];
        address.as_str().unwrap().to_owned()
    })
}

/// Makes a connection to a peer; its path.
fn connect(api: &Api, site: &Site, peer: &str, more: &Value) -> String {
    let mut body = json!({"name": "way", "psk": PSK, "peer": {"address": peer}});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let many = format!("vpn_gateways/{}/connections", site.gateway);
    let made = api.post(&many, &body.to_string()).is(201);
    format!("{many}/{}", made["id"].as_str().unwrap())
}

/// Has what is for a block go to a connection's peer.
fn lead(api: &Api, site: &Site, connection: &str, (name, destination): (&str, &str)) {
    let vpc = api.get(&format!("vpcs/{}", site.vpc)).is(200);
    let table = vpc["default_routing_table"]["id"].as_str().unwrap();
    let routes = format!("vpcs/{}/routing_tables/{table}/routes", site.vpc);
    let (_, id) = connection.rsplit_once('/').unwrap();
    let body = json!({
        "name": name, "destination": destination, "next_hop": {"id": id},
        "zone": {"name": "us-south-1"},
    });
    api.post(&routes, &body.to_string()).is(201);
}

/// The statuses of both tunnels.
fn statuses(api: &Api, connection: &str) -> [String; 2] {
    let seen = api.get(connection).is(200);
    [0, 1].map(|number: usize| {
        let status = &seen["tunnels"][number]["status"];
        status.as_str().unwrap().to_owned()
    })
}

struct Scene {
    peer: Peer,
    site: Site,
    api: Api,
    /// The path of the connection, and the gateway's two addresses.
    connection: String,
    members: [String; 2],
    serve: Serve,
}

impl Scene {
    /// Two tunnels that the peer brings up in this order.
    fn new(prefix: &str, number: u8, order: [usize; 2]) -> Self {
        let serve = Serve::start(prefix, number);
        let api = serve.api();
        let site = Site::in_mode("route", &serve, &api, "one", &[SITE]);
        let suite = Suite::cbc_sha256();
        let peer = Peer::start(&serve, &wanted(&site, &suite, More::default()));
        let members = members(&api, &site);
        let tunnels = [(NAMES[0], &members[0]), (NAMES[1], &members[1])];
        let own = &peer.address;
        peer.configure_as(&configuration(own, own, &tunnels, &suite));
        let more = json!({"establish_mode": "peer_only"});
        let connection = connect(&api, &site, own, &more);
        let scene = Self {
            peer,
            site,
            api,
            connection,
            members,
            serve,
        };
        scene.lead("branch", BLOCK);
        // Before any tunnel is up nothing leaves otherwise.
        let capture = Capture::start(&scene.serve);
        ping_with(&scene.instance().namespace, INNER, "-c 3 -i 0.1 -w 1").none();
        capture.stop().hides(&scene.instance().address, INNER);
        for tunnel in order {
            scene.bring_up(tunnel);
        }
        scene.all_are_up();
        scene
    }

    /// Has what is for a block go to the peer.
    fn lead(&self, name: &str, destination: &str) {
        lead(&self.api, &self.site, &self.connection, (name, destination));
    }

    fn instance(&self) -> &Instance {
        &self.site.instances[0]
    }

    /// Has the peer bring up one of the tunnels.
    fn bring_up(&self, tunnel: usize) {
        until("the gateway answers", PATIENCE, || {
            let up = format!(
                "--initiate --ike {0} --child {0} --timeout 4",
                NAMES[tunnel]
            );
            self.peer.tries(&up).then_some(())
        });
    }

    fn statuses(&self) -> [String; 2] {
        statuses(&self.api, &self.connection)
    }

    fn all_are_up(&self) {
        until("both tunnels are up", PATIENCE, || {
            (self.statuses() == ["up", "up"]).then_some(())
        });
    }

    /// Packets that each tunnel brought to the peer, and took from it.
    fn counted(&self) -> [(u64, u64); 2] {
        let text = self.peer.swanctl("--list-sas");
        let mut counted = [(0, 0); 2];
        let mut current = None;
        for line in text.lines() {
            if !line.starts_with(' ') {
                current = NAMES
                    .iter()
                    .position(|name| line.starts_with(&format!("{name}:")));
            }
            let words: Vec<_> = line.split_whitespace().collect();
            if let (Some(current), true) = (current, words.len() > 5) {
                let packets = || words[4].parse::<u64>().unwrap();
                match words[0] {
                    "in" => counted[current].0 += packets(),
                    "out" => counted[current].1 += packets(),
                    _ => {}
                }
            }
        }
        counted
    }

    /// Has nothing pass between the peer and one of the gateway's addresses: the tunnel falls silent.
    fn silence(&self, tunnel: usize) {
        let member = &self.members[tunnel];
        let rules = format!(
            "add table inet silence; \
             add chain inet silence inward {{ type filter hook input priority -10; }}; \
             add chain inet silence outward {{ type filter hook output priority -10; }}; \
             add rule inet silence inward ip saddr {member} drop; \
             add rule inet silence outward ip daddr {member} drop"
        );
        self.nft(&rules);
    }

    fn end_silence(&self) {
        self.nft("delete table inet silence");
    }

    fn nft(&self, rules: &str) {
        let done = within(&self.peer.namespace, "nft").arg(rules).status();
        assert!(done.unwrap().success(), "nft {rules}");
    }

    /// Pings of the instance's, under way.
    fn pings(&self, to: &str) -> PingsUnderWay {
        PingsUnderWay::every(&self.instance().namespace, to, EVERY)
    }

    fn distribute(&self, distribute: bool) {
        let body = json!({"distribute_traffic": distribute}).to_string();
        let changed = self.api.patch(&self.connection, &body);
        assert_eq!(changed["distribute_traffic"], distribute);
    }
}

/// What the peer calls its connections, and their Child SAs.
const NAMES: [&str; 2] = ["first", "second"];

/// A peer's configuration: the address that it has, what it calls itself, and its name for a tunnel to each of these.
fn configuration(own: &str, id: &str, tunnels: &[(&str, &String)], suite: &Suite) -> String {
    let (ike, esp) = (suite.ike, suite.esp);
    let each = tunnels.iter().map(|(name, member)| {
        format!(
            "{name} {{
                version = 2
                local_addrs = {own}
                remote_addrs = {member}
                proposals = {ike}
                mobike = no
                local {{
                    auth = psk
                    id = {id}
                }}
                remote {{
                    auth = psk
                    id = {member}
                }}
                children {{
                    {name} {{
                        local_ts = 0.0.0.0/0
                        remote_ts = 0.0.0.0/0
                        esp_proposals = {esp}
                        start_action = none
                    }}
                }}
            }}"
        )
    });
    let each: Vec<_> = each.collect();
    format!(
        "connections {{ {} }}
        secrets {{ ike-any {{ secret = \"{PSK}\" }} }}\n",
        each.join("\n")
    )
}

/// How many were lost.
fn lost(pings: &Pings) -> u32 {
    pings.sent - pings.received
}

#[test]
fn routes_lead_to_two_tunnels_both_ways_and_in_nothing_but_esp() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("arm1", 198, [0, 1]);
    let capture = Capture::start(&scene.serve);
    let (machine, address) = (&scene.instance().namespace, &scene.instance().address);
    ping_with(machine, INNER, "-c 10 -i 0.02").all();
    let from = format!("-c 10 -i 0.02 -I {INNER}");
    ping_with(&scene.peer.namespace, address, &from).all();
    tcp_both(machine, &scene.peer.namespace, INNER);
    // What no route is for goes nowhere, though any address was negotiated.
    let elsewhere = "10.88.0.1";
    let namespace = &scene.peer.namespace;
    ip(&format!("-n {namespace} address add {elsewhere}/32 dev lo"));
    ping_with(machine, elsewhere, "-c 1 -w 1").none();
    // Nor does what comes from there.
    let from = format!("-c 1 -w 1 -I {elsewhere}");
    ping_with(namespace, address, &from).none();
    scene.lead("elsewhere", "10.88.0.0/16");
    until("the route leads there", VERDICT, || {
        ping_with(machine, elsewhere, "-c 1 -w 1")
            .are_all()
            .then_some(())
    });
    // All that nothing narrower is for, but what the gateway itself says to the peer.
    let anywhere = "192.0.2.77";
    ip(&format!("-n {namespace} address add {anywhere}/32 dev lo"));
    scene.lead("all", "0.0.0.0/0");
    until("all leads there", VERDICT, || {
        ping_with(machine, anywhere, "-c 1 -w 1")
            .are_all()
            .then_some(())
    });
    scene.peer.swanctl("--terminate --ike first --timeout 4");
    until("one is down", VERDICT, || {
        (scene.statuses() == ["down", "up"]).then_some(())
    });
    ping_with(machine, anywhere, "-c 10 -i 0.02").all();
    scene.bring_up(0);
    scene.all_are_up();
    ping_with(machine, anywhere, "-c 10 -i 0.02").all();
    let captured = capture.stop();
    for there in [INNER, elsewhere, anywhere] {
        captured.hides(address, there);
    }
}

#[test]
fn a_tunnel_that_falls_silent_loses_two_seconds_at_most() {
    let Some(_turn) = turn(TOOLS) else { return };
    // The peer sends by the one that came up last.
    let scene = Scene::new("arm2", 199, [0, 1]);
    let pings = scene.pings(INNER);
    until("pings go by the first tunnel", VERDICT, || {
        (scene.counted()[0].0 > 20).then_some(())
    });
    let before = scene.counted();
    assert!(
        before[1].1 > 20 && before[0].1 == 0,
        "answers come by the second: {before:?}"
    );
    scene.silence(0);
    let told = until("it is told", PATIENCE, || {
        let seen = scene.api.get(&scene.connection).is(200);
        (seen["tunnels"][0]["status"] == "down").then_some(seen)
    });
    assert_eq!(told["status"], "up", "{told}");
    let reasons = told["status_reasons"].to_string();
    assert!(reasons.contains(&scene.members[0]), "{reasons}");
    until("pings go by the second tunnel", VERDICT, || {
        (scene.counted()[1].0 > before[1].0 + 40).then_some(())
    });
    let pings = pings.stop();
    let gone = lost(&pings);
    eprintln!("{gone} of {} pings were lost", pings.sent);
    assert!(gone <= LOST_AT_MOST, "{gone} were lost: {}", pings.text);
    // It is up again, and has what it had when it is asked to.
    scene.end_silence();
    until("it is up again", 6 * PATIENCE, || {
        scene
            .peer
            .tries("--initiate --ike first --child first --timeout 4");
        (scene.statuses() == ["up", "up"]).then_some(())
    });
    ping_with(&scene.instance().namespace, INNER, "-c 10 -i 0.02").all();
}

#[test]
fn traffic_is_distributed_and_drained_from_one_tunnel_without_loss() {
    let Some(_turn) = turn(TOOLS) else { return };
    let scene = Scene::new("arm3", 200, [0, 1]);
    scene.distribute(true);
    let targets: Vec<_> = (1..9).map(|last| format!("10.77.0.{last}")).collect();
    let namespace = &scene.peer.namespace;
    for target in &targets[1..] {
        ip(&format!("-n {namespace} address add {target}/32 dev lo"));
    }
    // Many flows, of which each tunnel has some.
    let sender = socket_in(&scene.instance().namespace, "0.0.0.0:0");
    until("both tunnels bring some", VERDICT, || {
        for port in 20_000..20_064_u16 {
            sender.send_to(b"a flow", (INNER, port)).unwrap();
        }
        scene
            .counted()
            .iter()
            .all(|(brought, _)| *brought > 20)
            .then_some(())
    });
    let pings: Vec<_> = targets.iter().map(|target| scene.pings(target)).collect();
    let before = scene.counted();
    until("pings go by both tunnels", VERDICT, || {
        let now = scene.counted();
        (0..2)
            .all(|one| now[one].0 > before[one].0 + 40)
            .then_some(())
    });
    scene.distribute(false);
    // What is on its way arrives; then the second one has nothing, and may go.
    let mut last = scene.counted()[1].0;
    until("the second tunnel is drained", VERDICT, || {
        std::thread::sleep(Duration::from_millis(200));
        let now = scene.counted()[1].0;
        let is_drained = now == last;
        last = now;
        is_drained.then_some(())
    });
    scene.peer.swanctl("--terminate --ike second --timeout 4");
    until("it is told", VERDICT, || {
        (scene.statuses() == ["up", "down"]).then_some(())
    });
    let before = scene.counted()[0].0;
    until("pings go on", VERDICT, || {
        (scene.counted()[0].0 > before + 200).then_some(())
    });
    for pings in pings {
        let pings = pings.stop();
        assert_eq!(lost(&pings), 0, "{}", pings.text);
    }
}

#[test]
fn one_of_two_far_sides_that_is_killed_takes_two_seconds_of_pings_along_at_most() {
    let Some(_turn) = turn(TOOLS) else { return };
    let serve = Serve::start("arm4", 201);
    let api = serve.api();
    let site = Site::in_mode("route", &serve, &api, "one", &[SITE]);
    let (suite, members) = (Suite::cbc_sha256(), members(&api, &site));
    // Two programs behind one address, one for each of the gateway's, and both have what is asked for behind them.
    let nat = Nat::start(&serve);
    let mut peers = Vec::new();
    for (number, member) in (0_u8..).zip(&members) {
        let more = More {
            number,
            behind: Some(BEHIND),
            ..More::default()
        };
        let peer = Peer::start_unplugged(&serve, &wanted(&site, &suite, more));
        peer.plug_behind(&nat.namespace, Nat::bridge());
        let name = NAMES[usize::from(number)];
        let tunnel = [(name, member)];
        peer.configure_as(&configuration(&peer.address, &nat.address, &tunnel, &suite));
        if number > 0 {
            let namespace = &peer.namespace;
            ip(&format!("-n {namespace} address add {INNER}/32 dev lo"));
        }
        peers.push(peer);
    }
    nat.by_sender([
        (&members[0], &peers[0].address),
        (&members[1], &peers[1].address),
    ]);
    let often = json!({"dead_peer_detection": {"action": "restart", "interval": 2, "timeout": 10}});
    let connection = connect(&api, &site, &nat.address, &often);
    lead(&api, &site, &connection, ("branch", BLOCK));
    until("both tunnels are up", PATIENCE, || {
        (statuses(&api, &connection) == ["up", "up"]).then_some(())
    });
    let pings = PingsUnderWay::every(&site.instances[0].namespace, INNER, EVERY);
    until("the first one answers", VERDICT, || {
        (peers[0].sas().packets_out > 20).then_some(())
    });
    let second = peers.pop().unwrap();
    let before = second.sas().packets_out;
    // By SIGKILL, and nobody is there any more who could say that nobody is there.
    drop(peers);
    until("the second one answers", PATIENCE, || {
        (second.sas().packets_out > before + 40).then_some(())
    });
    let pings = pings.stop();
    let gone = lost(&pings);
    eprintln!("{gone} of {} pings were lost", pings.sent);
    assert!(
        0 < gone && gone <= LOST_AT_MOST,
        "{gone} were lost: {}",
        pings.text
    );
    assert_eq!(statuses(&api, &connection), ["down", "up"]);
}

#[test]
fn both_tunnels_come_back_after_a_worker_and_after_the_service_was_killed() {
    let Some(_turn) = turn(TOOLS) else { return };
    let mut scene = Scene::new("arm5", 202, [0, 1]);
    let begins = json!({"establish_mode": "bidirectional"}).to_string();
    scene.api.patch(&scene.connection, &begins);
    let capture = Capture::start(&scene.serve);
    let pings = scene.pings(INNER);
    let works = |scene: &Scene| {
        until("both tunnels carry again", 2 * PATIENCE, || {
            let is_up = scene.statuses() == ["up", "up"];
            let machine = &scene.instance().namespace;
            (is_up && ping_with(machine, INNER, "-c 3 -i 0.02 -w 2").are_all()).then_some(())
        });
    };
    let killed = scene.serve.worker(&scene.site.gateway).unwrap();
    signal_to(killed, Signal::SIGKILL);
    until("another worker runs", VERDICT, || {
        let worker = scene.serve.worker(&scene.site.gateway);
        worker.filter(|pid| *pid != killed)
    });
    works(&scene);
    scene.serve.end(Signal::SIGKILL);
    scene.serve.run();
    scene.api = scene.api.at(&scene.serve.api());
    works(&scene);
    drop(pings);
    let address = scene.instance().address.clone();
    capture.stop().hides(&address, INNER);
}
