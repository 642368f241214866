//! "VPN as a Service", another provider's page: a tunnel to a branch office, with the older client.
//! Here the branch office is a second router of the same service.

use crate::client::{Client, OLDER, turn_with};
use crate::session::{Session, Step};
use crate::support::serve::Serve;
use crate::support::traffic::ping_both;

const DOCUMENTED: &str = include_str!("documented/branch.txt");

/// The address of the branch office on that page.
const BRANCH: &str = "203.0.113.50";

/// A network with a subnet, behind a router of its own.
fn site(openstack: &Client<'_>, network: &str, subnet: &str, cidr: &str, router: &str) {
    for command in [
        format!("openstack network create {network}"),
        format!("openstack subnet create {subnet} --network {network} --subnet-range {cidr}"),
        format!("openstack router create {router}"),
        format!("openstack router add subnet {router} {subnet}"),
        format!("openstack router set {router} --external-gateway ext-net"),
    ] {
        openstack.works(&command);
    }
}

/// The public address of a service.
fn address(openstack: &Client<'_>, service: &str) -> String {
    let command = format!("openstack vpn service show {service}");
    openstack.field(&command, "Ext v4 IP")
}

/// What a connection of the branch office's has beside its two sides: the page's policies and key,
/// and an eye on whether the other side is alive.
fn from_branch(name: &str, service: &str, peer: &str, sides: &str) -> String {
    format!(
        "openstack vpn ipsec site connection create {name} --vpnservice {service} \
         --ikepolicy ike-aes256-sha256 --ipsecpolicy ipsec-aes256-sha256 \
         --peer-address {peer} --peer-id {peer} {sides} \
         --psk \"your-pre-shared-key\" --dpd action=restart,interval=15,timeout=60"
    )
}

#[test]
fn a_branch_office_is_connected_as_documented() {
    let Some((_turn, programs)) = turn_with(OLDER) else {
        return;
    };
    let serve = Serve::start("ac3", 43);
    let openstack = Client::new(&serve, programs);
    site(
        &openstack,
        "my-net",
        "my-local-subnet",
        "10.1.0.0/24",
        "my-router",
    );
    site(
        &openstack,
        "branch",
        "branch-subnet",
        "192.168.1.0/24",
        "branch-router",
    );
    let here = openstack.machine("my-net", "here");
    let there = openstack.machine("branch", "there");
    openstack.works("openstack security group rule create --proto icmp default");

    // As printed. The service has a subnet, and then groups are not for its connections.
    let steps = Step::read(DOCUMENTED);
    let [before @ .., connect, show] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let mut session = Session::default();
    for step in before {
        session.play(&openstack, step);
    }
    openstack.works(
        "openstack vpn service create at-branch --router branch-router --subnet branch-subnet",
    );
    let branch = address(&openstack, "at-branch");
    let own = address(&openstack, "vpn-to-branch-office");
    session.learn(BRANCH, &branch);
    let connect = session.translate(&connect.command);
    openstack.fails(
        &connect,
        "Missing peer CIDRs for IPsec site-to-site connection",
    );

    // With one subnet at the service and CIDRs at the connection.
    let sides = "--peer-cidr 192.168.1.0/24";
    openstack.works(&from_branch(
        "old-way",
        "vpn-to-branch-office",
        &branch,
        sides,
    ));
    let sides = "--peer-cidr 10.1.0.0/24";
    openstack.works(&from_branch("old-way-back", "at-branch", &own, sides));
    openstack.all_up(2);
    ping_both(&here, &there);
    openstack.fails(
        "openstack router remove subnet branch-router branch-subnet",
        "is used by VPNService",
    );
    openstack.works("openstack vpn ipsec site connection delete old-way old-way-back");
    openstack.works("openstack vpn service delete vpn-to-branch-office at-branch");

    // With groups, and services without subnets.
    let services = "openstack vpn service create";
    openstack.works(&format!(
        "{services} vpn-to-branch-office --router my-router"
    ));
    openstack.works(&format!("{services} at-branch --router branch-router"));
    let (own, now) = (
        address(&openstack, "vpn-to-branch-office"),
        address(&openstack, "at-branch"),
    );
    openstack
        .works("openstack vpn endpoint group create at-branch --type subnet --value branch-subnet");
    openstack.works("openstack vpn endpoint group create behind --type cidr --value 10.1.0.0/24");
    openstack.works(&connect.replace(&branch, &now));
    let sides = "--local-endpoint-group at-branch --peer-endpoint-group behind";
    openstack.works(&from_branch("back", "at-branch", &own, sides));
    openstack.all_up(2);
    session.play(&openstack, show);
    ping_both(&here, &there);
}
