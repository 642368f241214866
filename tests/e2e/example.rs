//! The documented example, "Connecting two VPCs using VPN", by its own curl lines.

use std::net::UdpSocket;
use std::process::Command;

use serde_json::Value;

use crate::support::api::Api;
use crate::support::capture::{Capture, frames};
use crate::support::namespace::ip;
use crate::support::serve::Serve;
use crate::support::site::{Instance, Site};
use crate::support::traffic::{ping, ping_both};
use crate::support::{PATIENCE, VERDICT, turn, until};

/// A command as it is printed there, and what it prints.
struct Step {
    command: &'static str,
    printed: Option<Value>,
}

fn steps() -> Vec<Step> {
    let texts = include_str!("documented/two-vpcs.txt")
        .split("$ curl")
        .skip(1);
    let step = |text: &'static str| match text.split_once("\n{\n") {
        None => Step {
            command: text,
            printed: None,
        },
        Some((command, _)) => Step {
            command,
            printed: serde_json::from_str(&text[command.len()..]).unwrap(),
        },
    };
    texts.map(step).collect()
}

/// Where values are, in any document.
fn places(document: &Value, at: &str, all: &mut Vec<String>) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for item in items {
                places(item, &format!("{at}/-"), all);
            }
        }
        _ => all.push(at.to_owned()),
    }
}

impl Step {
    /// Runs it, with these variables in the shell and these in the text; what is answered has all that is printed.
    fn play(&self, variables: &[(&str, &str)], written: &[(&str, &str)]) -> Value {
        let texts = written
            .iter()
            .fold(self.command.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            });
        let mut shell = Command::new("bash");
        shell.args(["-euc", &format!("curl -sS{texts}")]);
        shell.envs(variables.iter().copied());
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer: Value = serde_json::from_slice(&output.stdout).expect(&said);
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        if let Some(printed) = &self.printed {
            places(printed, "", &mut expected);
        }
        places(&answer, "", &mut found);
        for place in expected {
            assert!(found.contains(&place), "no {place} in {answer:#}");
        }
        answer
    }
}

#[test]
fn two_vpcs_are_connected_as_documented_and_nothing_is_ever_sent_in_clear() {
    let Some(_turn) = turn(&["curl"]) else { return };
    let serve = Serve::start("ae1", 1);
    let api = serve.api();
    let mut one = Site::without_gateway(&serve, &api, "one", &["10.240.0.0/24"]);
    let mut two = Site::without_gateway(&serve, &api, "two", &["10.240.64.0/24"]);
    let steps = steps();
    let [
        first_gateway,
        look,
        second_gateway,
        first_connection,
        second_connection,
        list,
    ] = steps.as_slice()
    else {
        panic!("{} steps", steps.len())
    };
    let token = format!("Bearer {}", api.token);
    let base = serve.base();
    let shell = [
        ("iam_token", token.as_str()),
        ("api_endpoint", base.as_str()),
        ("api_version", "2020-02-20"),
    ];
    let quoted = |text: &str| format!("\"{text}\"");

    let made = first_gateway.play(&shell, &[("$subnet1", &quoted(&one.subnets[0]))]);
    assert_eq!(made["status"], "pending");
    one.has_gateway(&api, &made);
    let made = second_gateway.play(&shell, &[("$subnet2", &quoted(&two.subnets[0]))]);
    two.has_gateway(&api, &made);
    let (one_id, two_id) = (one.gateway.clone(), two.gateway.clone());
    let shell: Vec<_> = { shell.into_iter() }
        .chain([("gwid1", one_id.as_str()), ("gwid2", two_id.as_str())])
        .collect();
    assert_eq!(look.play(&shell, &[])["status"], "available");

    let (a, b) = (&one.instances[0], &two.instances[0]);
    let capture = Capture::start(&serve);
    ping(a, &b.address).none();
    let make = |step: &Step, local: &Site, peer: &Site| {
        let address = quoted(&peer.address);
        let written = [
            ("$gwaddress1", address.as_str()),
            ("$gwaddress2", address.as_str()),
            ("<LOCAL-CIDR>", &local.cidrs[0]),
            ("<PEER-CIDR>", &peer.cidrs[0]),
        ];
        let made = step.play(&shell, &written);
        assert_eq!(made["status"], "down");
        assert_eq!(made["psk"], "VPNDemoPassword");
        assert_eq!(made["route_mode"], "policy");
        let id = made["id"].as_str().unwrap();
        format!("vpn_gateways/{}/connections/{id}", local.gateway)
    };
    let first = make(first_connection, &one, &two);
    ping(a, &b.address).none();
    ping(b, &a.address).none();
    let before = capture.stop();
    before.hides(&a.address, &b.address);
    assert_eq!(before.esp, 0);

    let capture = Capture::start(&serve);
    let second = make(second_connection, &two, &one);
    api.up(&first);
    api.up(&second);
    ping_both(a, b);
    let listed = list.play(&shell, &[]);
    assert_eq!(listed["connections"][0]["status"], "up");
    are_counted(&api, &first, &one);
    are_counted(&api, &second, &two);
    let during = capture.stop();
    during.hides(&a.address, &b.address);
    assert!(during.esp >= frames(40), "{} datagrams of ESP", during.esp);

    are_separate_when_deleted(&serve, &api, [&first, &second], [a, b]);
}

/// Once the connections are deleted nothing goes through, nor out.
fn are_separate_when_deleted(
    serve: &Serve,
    api: &Api,
    connections: [&str; 2],
    ends: [&Instance; 2],
) {
    let [a, b] = ends;
    let capture = Capture::start(serve);
    for path in connections {
        assert_eq!(api.delete(path).status, 202);
        until("the connection is gone", PATIENCE, || {
            (api.get(path).status == 404).then_some(())
        });
    }
    until("nothing goes through any more", VERDICT, || {
        (ping(a, &b.address).received == 0).then_some(())
    });
    ping(b, &a.address).none();
    capture.stop().hides(&a.address, &b.address);
}

/// Both ends of a connection have counted what went through it.
fn are_counted(api: &Api, path: &str, site: &Site) {
    until("the counters are told", VERDICT, || {
        let traffic = &api.get(path).is(200)["negotiated"]["traffic"];
        let grown = |name: &str| traffic[name].as_u64().unwrap() >= 20;
        (grown("packets_in") && grown("packets_out")).then_some(())
    });
    let id = &site.gateway[5..];
    for name in ["ibm_is_vpn_gateway", "ibm_is_vpn_connection"] {
        assert!(api.metric(&format!("{name}_packets_in_total"), id) >= 20);
        assert!(api.metric(&format!("{name}_bytes_out_total"), id) >= 20 * 84);
    }
}

#[test]
fn a_capture_sees_what_must_not_be_there() {
    let Some(_turn) = turn(&[]) else { return };
    let serve = Serve::start("aef", 15);
    let host = UdpSocket::bind((format!("{}.1", serve.external).as_str(), 0)).unwrap();
    let nobody = format!("{}.9", serve.external);
    let device = format!("{}-ext", serve.prefix);
    let mut seen = Vec::new();
    // A neighbour that is known without asking: its frames are flooded to all ports.
    ip(&format!(
        "neighbor add {nobody} lladdr 02:00:00:00:00:09 dev {device}"
    ));
    for (port, octets) in [
        (53, &[0; 8]),
        (4500, &[10, 240, 0, 4, 10, 240, 64, 4]),
        (4500, &[10, 240, 0, 4, 10, 240, 64, 5]),
    ] {
        let capture = Capture::start(&serve);
        host.send_to(octets, (nobody.as_str(), port)).unwrap();
        let captured = capture.stop();
        assert_eq!(captured.packets().len(), 1);
        seen.push(captured.leak("10.240.0.4", "10.240.64.4").is_some());
    }
    assert_eq!(seen, [true, true, false]);
}
