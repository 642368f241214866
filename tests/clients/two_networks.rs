//! "Create a VPN (using VPNaaS)", a provider's tutorial: two networks, each behind its router, and
//! a tunnel between them.

use std::process::Command;

use crate::client::{Client, TODAY, program, turn_with};
use crate::sdk;
use crate::session::{Session, Step};
use crate::support::serve::Serve;
use crate::support::traffic::{ping, ping_both};
use crate::support::{PATIENCE, namespace, until};

const DOCUMENTED: &str = include_str!("documented/two-networks.txt");

/// Whether an address answers this host.
fn answers(address: &str) -> bool {
    let arguments = ["-n", "-q", "-c", "5", "-i", "0.05", "-W", "1", address];
    let output = Command::new("ping").args(arguments).output();
    output.unwrap().status.success()
}

/// Whether somebody says on the link to have an address.
fn is_neighbour(address: &str) -> bool {
    let arguments = ["neighbor", "show", address];
    let output = Command::new("ip").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().contains("lladdr")
}

/// The workers of a service.
fn workers(serve: &Serve) -> usize {
    let arguments = ["-P", &serve.pid().to_string()];
    let output = Command::new("pgrep").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// What of a service the host still has: namespaces, links, tables of filters.
fn remains(serve: &Serve) -> Vec<String> {
    let output = Command::new("nft").args(["list", "tables"]).output();
    let tables = String::from_utf8(output.unwrap().stdout).unwrap();
    let tables = tables.lines().filter(|line| line.contains(&serve.prefix));
    let mut found = namespace::all(&serve.prefix);
    found.extend(tables.map(str::to_owned));
    found
}

#[test]
fn two_networks_are_connected_as_documented_and_taken_apart_again() {
    let Some((_turn, programs)) = turn_with(TODAY) else {
        return;
    };
    let serve = Serve::start("ac1", 41);
    let openstack = Client::new(&serve, programs.clone());
    let steps = Step::read(DOCUMENTED);
    assert_eq!(steps.len(), 20);
    let connecting = |step: &&Step| step.command.contains("site connection create");
    let (last, first): (Vec<_>, Vec<_>) = steps.iter().partition(connecting);
    let mut session = Session::default();
    for step in first {
        session.play(&openstack, step);
    }

    let left = openstack.machine("left-network", "left-vm");
    let right = openstack.machine("right-network", "right-vm");
    ping(&left, &format!("{}.1", serve.external)).all();
    let floating = openstack.field(
        "openstack floating ip create ext-net --port left-vm",
        "floating_ip_address",
    );
    // It is there, and nothing answers.
    until(
        "the floating IP has a neighbour's address",
        PATIENCE,
        || {
            assert!(!answers(&floating));
            is_neighbour(&floating).then_some(())
        },
    );
    openstack.works("openstack security group rule create --proto icmp default");
    until("the floating IP reaches the machine", PATIENCE, || {
        answers(&floating).then_some(())
    });

    // Whatever the groups let through, there is no way from one network to the other.
    ping(&left, &right.address).none();
    ping(&right, &left.address).none();
    for step in last {
        session.play(&openstack, step);
    }
    openstack.all_up(2);
    ping_both(&left, &right);
    assert!(answers(&floating));
    openstack.works("openstack router show left-router");

    assert_eq!(workers(&serve), 2);
    let there = remains(&serve);
    assert!(there.len() > 5, "{there:?}");
    sdk::run(
        program(&programs.join("python"), &serve, "demo"),
        "deletion.py",
    );
    let bridge = format!("{}-ext", serve.prefix);
    until("nothing is left but the bridge", PATIENCE, || {
        (remains(&serve) == [bridge.as_str()] && workers(&serve) == 0).then_some(())
    });
}
