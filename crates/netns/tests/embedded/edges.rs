//! What may pass the edges of subnets.

use std::net::UdpSocket;
use std::time::Duration;

use adit_model::GatewayId;
use adit_model::desired::{EdgeGateway, EdgeSpec, RouterSpec};
use adit_model::network_acl::{AclRule, Action, Flow};

use crate::support::{
    apply, apply_network, apply_router, close, connects, hears, interface, is_root, machine,
    machine_space, network, open, outer, pings, site, way_out,
};

fn rule(flow: Flow, protocol: Option<u8>) -> AclRule {
    AclRule {
        protocol,
        ..AclRule::allowing(flow)
    }
}

/// The edge of a router's first subnet.
fn edge(spec: &RouterSpec, rules: &[AclRule]) -> EdgeSpec {
    EdgeSpec {
        interface: spec.interfaces[0].id,
        block: None,
        gateways: Vec::new(),
        rules: rules.to_vec(),
    }
}

const TCP: Option<u8> = Some(6);

#[tokio::test]
async fn the_first_rule_that_fits_decides_and_answers_need_one_too() {
    if !is_root() {
        return;
    }
    let prefix = "edg0";
    let provider = open(prefix, 38).await;
    let (mut one, mut spec) = site("10.80.0");
    one.instances
        .push(machine(&["10.80.0.5/24"], &["10.80.0.1"]));
    let mut two = network();
    two.instances
        .push(machine(&["10.80.1.4/24"], &["10.80.1.1"]));
    spec.interfaces.push(interface(&two, &["10.80.1.1/24"]));
    let everything = [rule(Flow::Inbound, None), rule(Flow::Outbound, None)];
    spec.edges = vec![edge(&spec, &[])];
    apply_network(&provider, &two).await;
    apply(&provider, &one, &spec).await;
    let neighbour = machine_space(prefix, &one.instances[1]);
    let [one, two] = [&one, &two].map(|net| machine_space(prefix, &net.instances[0]));
    let at = |port: u16| format!("0.0.0.0:{port}");
    let reaches = |port: u16| {
        let to = format!("10.80.0.4:{port}");
        connects(Some(&two), &to, Some(&one), &at(port)).is_some()
    };
    // Nothing is allowed; machines of the subnet reach each other all the same.
    assert!(!pings(&two, "10.80.0.4") && !pings(&one, "10.80.1.4") && !pings(&one, "10.80.0.1"));
    assert!(pings(&neighbour, "10.80.0.4"));
    let mut apply_rules = async |rules: &[AclRule]| {
        spec.edges = vec![edge(&spec, rules)];
        apply_router(&provider, &spec).await;
    };
    apply_rules(&everything).await;
    assert!(pings(&two, "10.80.0.4") && reaches(7020));
    // The way in alone is no conversation.
    let mut only_in = rule(Flow::Inbound, TCP);
    only_in.destination_ports = Some((7020, 7020));
    apply_rules(&[only_in]).await;
    assert!(!reaches(7020));
    let mut answers = rule(Flow::Outbound, TCP);
    answers.source_ports = Some((7020, 7020));
    apply_rules(&[only_in, answers]).await;
    assert!(reaches(7020) && !reaches(7021) && !pings(&two, "10.80.0.4"));
    // Order decides.
    let deny = AclRule {
        action: Action::Deny,
        source: "10.80.1.4".parse().unwrap(),
        ..rule(Flow::Inbound, Some(1))
    };
    apply_rules(&[deny, everything[0], everything[1]]).await;
    assert!(!pings(&two, "10.80.0.4") && reaches(7020));
    assert!(!pings(&one, "10.80.1.4"), "the answer is a ping's, too");
    apply_rules(&[everything[0], deny, everything[1]]).await;
    assert!(pings(&two, "10.80.0.4"));
    let echo = AclRule {
        icmp_type: Some(8),
        ..rule(Flow::Inbound, Some(1))
    };
    apply_rules(&[echo, everything[1]]).await;
    assert!(pings(&two, "10.80.0.4") && !pings(&one, "10.80.1.4"));
    apply_rules(&[everything[1]]).await;
    let heard = hears(Some(&one), "10.80.1.4:7022", Some(&two), &at(7022));
    assert!(heard.is_some(), "what goes out needs no answer");
    spec.edges = Vec::new();
    apply_router(&provider, &spec).await;
    assert!(pings(&two, "10.80.0.4") && pings(&one, "10.80.1.4"));
    close(&provider, prefix).await;
}

#[tokio::test]
async fn what_a_gateway_says_to_its_peer_passes_the_edge_of_its_subnet() {
    if !is_root() {
        return;
    }
    let prefix = "edg1";
    let provider = open(prefix, 39).await;
    let (network, mut spec) = site("10.81.0");
    spec.external = way_out("198.19.39.5");
    apply(&provider, &network, &spec).await;
    let attach = provider.attach_gateway(spec.id, GatewayId::random(), outer("198.19.39.9"));
    let ports = attach.await.unwrap();
    let ours = UdpSocket::from(ports.v4.ike);
    let theirs = UdpSocket::bind("198.19.39.1:500").unwrap();
    for socket in [&ours, &theirs] {
        socket.set_nonblocking(false).unwrap();
        let wait = Duration::from_millis(300);
        socket.set_read_timeout(Some(wait)).unwrap();
    }
    let heard = |from: &UdpSocket, at: &str, to: &UdpSocket| {
        from.send_to(b"hello", at).is_ok() && to.recv(&mut [0; 8]).is_ok()
    };
    let ways = || {
        [
            heard(&theirs, "198.19.39.9:500", &ours),
            heard(&ours, "198.19.39.1:500", &theirs),
        ]
    };
    assert_eq!(ways(), [true, true]);
    let mut inbound = rule(Flow::Inbound, None);
    let mut outbound = rule(Flow::Outbound, None);
    let mut apply_rules = async |rules: &[AclRule]| {
        let mut edge = edge(&spec, rules);
        edge.gateways = vec![EdgeGateway {
            address: "198.19.39.9".parse().unwrap(),
            inside: "10.81.0.254".parse().unwrap(),
        }];
        spec.edges = vec![edge];
        apply_router(&provider, &spec).await;
    };
    apply_rules(&[inbound]).await;
    assert_eq!(ways(), [true, false]);
    apply_rules(&[outbound]).await;
    assert_eq!(ways(), [false, true]);
    inbound.source = "198.19.39.1".parse().unwrap();
    inbound.destination = "10.81.0.0/24".parse().unwrap();
    outbound.destination = "198.19.39.1/32".parse().unwrap();
    apply_rules(&[inbound, outbound]).await;
    assert_eq!(ways(), [true, true], "by the gateway's address inside");
    inbound.source = "198.19.39.2".parse().unwrap();
    apply_rules(&[inbound, outbound]).await;
    assert_eq!(ways(), [false, true]);
    close(&provider, prefix).await;
}
