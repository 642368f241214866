//! The embedded provider against the real kernel. Needs root; says so and skips without.

#![cfg(test)]

use std::net::IpAddr;
use std::process::Command;

use adit_model::desired::{InstanceSpec, RouterSpec, SubnetSpec};
use adit_model::{Cidr, GatewayId, InstanceId, RouterId, SubnetId};
use adit_netns::{ExternalNetwork, Network, NetworkError};

fn is_root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        eprintln!("SKIPPED: needs root");
    }
    root
}

/// A block of this test's own: tests run side by side, and blocks may not overlap.
fn external(number: u8) -> ExternalNetwork {
    ExternalNetwork {
        cidr: format!("198.19.{number}.0/24").parse().unwrap(),
        tunnel_mtu: 1400,
    }
}

/// What `ip` prints inside a namespace, or on the host.
fn ip(namespace: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    let output = command.args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn router(id: RouterId, cidr: &str) -> RouterSpec {
    let cidr: Cidr = cidr.parse().unwrap();
    RouterSpec {
        id,
        subnets: vec![SubnetSpec {
            id: SubnetId::random(),
            cidr,
            router_address: cidr.nth(1).unwrap(),
            instances: vec![InstanceSpec {
                id: InstanceId::random(),
                address: cidr.nth(4).unwrap(),
            }],
        }],
    }
}

#[tokio::test]
async fn a_router_is_made_once_and_goes_without_a_trace() {
    if !is_root() {
        return;
    }
    let prefix = "adt0";
    let network = Network::open(prefix, external(10)).await.unwrap();
    let spec = router(RouterId::random(), "10.91.0.0/24");
    network.apply_router(&spec).await.unwrap();
    network.apply_router(&spec).await.unwrap();
    let gateway = GatewayId::random();
    let address: IpAddr = "198.19.10.9".parse().unwrap();
    let ports = network
        .attach_gateway(spec.id, gateway, address)
        .await
        .unwrap();
    assert!(network.has_address(spec.id, address).await.unwrap());

    let namespace = format!("{prefix}-r-{}", spec.id.short());
    let tun = format!("{prefix}-t{}", gateway.short());
    let blocks: Vec<Cidr> = ["10.92.0.0/24", "10.93.0.0/16"]
        .map(|b| b.parse().unwrap())
        .into();
    network
        .set_gateway_blocks(spec.id, gateway, &blocks)
        .await
        .unwrap();
    network
        .set_gateway_blocks(spec.id, gateway, &blocks[..1])
        .await
        .unwrap();
    let routes = ip(Some(&namespace), &["route"]);
    assert!(
        routes.contains(&format!("10.92.0.0/24 dev {tun}")),
        "{routes}"
    );
    assert!(routes.contains("unreachable 10.92.0.0/24"), "{routes}");
    assert!(!routes.contains("10.93.0.0"), "{routes}");
    assert!(!routes.contains("default"), "{routes}");

    drop(ports);
    let routes = ip(Some(&namespace), &["route"]);
    assert!(
        !routes.contains(&tun),
        "the device went with its last descriptor: {routes}"
    );
    assert!(routes.contains("unreachable 10.92.0.0/24"), "{routes}");

    let instance = format!("{prefix}-i-{}", spec.subnets[0].instances[0].id.short());
    assert!(ip(Some(&instance), &["addr"]).contains("10.91.0.4/24"));
    let reply = Command::new("ip")
        .args([
            "netns",
            "exec",
            &instance,
            "ping",
            "-c1",
            "-W2",
            "10.91.0.1",
        ])
        .output()
        .unwrap();
    assert!(reply.status.success(), "{reply:?}");

    network.remove_all().await.unwrap();
    assert!(!ip(None, &["netns"]).contains(&format!("{prefix}-")));
    assert!(!ip(None, &["link"]).contains(&format!("{prefix}-")));
}

#[tokio::test]
async fn what_a_killed_run_left_is_reused_or_removed() {
    if !is_root() {
        return;
    }
    let prefix = "adt1";
    let network = Network::open(prefix, external(11)).await.unwrap();
    let kept = router(RouterId::random(), "10.91.0.0/24");
    let stale = router(RouterId::random(), "10.94.0.0/24");
    network.apply_router(&kept).await.unwrap();
    network.apply_router(&stale).await.unwrap();
    let again = Network::open(prefix, external(11)).await;
    assert!(matches!(again, Err(NetworkError::PrefixInUse(_))));
    let address: IpAddr = "198.19.11.9".parse().unwrap();
    let attached = network.attach_gateway(kept.id, GatewayId::random(), address);
    drop(attached.await.unwrap());
    drop(network);
    assert!(
        Command::new("ip")
            .args(["netns", "add", "adt1-i-0badcafe"])
            .status()
            .unwrap()
            .success()
    );

    let network = Network::open(prefix, external(11)).await.unwrap();
    let namespace = format!("{prefix}-r-{}", kept.id.short());
    let before = ip(Some(&namespace), &["link"]);
    network.retain(&[kept.id]).await.unwrap();
    network.apply_router(&kept).await.unwrap();
    assert_eq!(ip(Some(&namespace), &["link"]), before);
    assert!(!network.has_address(kept.id, address).await.unwrap());
    let names = ip(None, &["netns"]);
    assert!(!names.contains(&stale.id.short()), "{names}");
    assert!(!names.contains("0badcafe"), "{names}");
    assert!(
        names.contains(&kept.subnets[0].instances[0].id.short()),
        "{names}"
    );
    let instance = stale.subnets[0].instances[0].id.short();
    assert!(!names.contains(&instance), "{names}");
    network.remove_all().await.unwrap();
    assert!(!ip(None, &["netns"]).contains(&format!("{prefix}-")));
}

#[tokio::test]
async fn a_prefix_that_does_not_fit_link_names_is_refused() {
    for prefix in ["", "toolong", "a-b", "AB"] {
        let refused = Network::open(prefix, external(12)).await;
        assert!(
            matches!(refused, Err(NetworkError::Prefix(_))),
            "{prefix:?}"
        );
    }
}

#[tokio::test]
async fn a_router_can_be_looked_at_by_many_at_once() {
    if !is_root() {
        return;
    }
    let network = Network::open("adt7", external(13)).await.unwrap();
    let network = std::sync::Arc::new(network);
    let spec = router(RouterId::random(), "10.97.0.0/24");
    network.apply_router(&spec).await.unwrap();
    let address: IpAddr = "198.19.13.9".parse().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (network, spec) = (network.clone(), spec.clone());
        tasks.spawn(async move {
            network.apply_router(&spec).await?;
            network.has_address(spec.id, address).await
        });
    }
    let outcomes = tasks.join_all().await;
    network.remove_all().await.unwrap();
    for outcome in outcomes {
        assert!(!outcome.unwrap());
    }
}

#[tokio::test]
async fn an_external_network_that_the_host_routes_elsewhere_is_refused() {
    if !is_root() {
        return;
    }
    let first = Network::open("adt8", external(14)).await.unwrap();
    let second = Network::open("adt9", external(14)).await;
    assert!(matches!(second, Err(NetworkError::ExternalInUse { .. })));
    first.remove_all().await.unwrap();
}
