//! What one project may take of what all share: it gets its part, and a clear refusal, and others
//! still get theirs.

use std::sync::Arc;

use crate::world::{LAX_FLOATING_IPS, LAX_PORTS, World, config, name};
use adit_control::error::{Quota, Rule};
use adit_control::floating_ip::NewFloatingIp;
use adit_control::network::NewNetwork;
use adit_control::port::{self, NewPort};
use adit_control::{Caller, Config, Error, Query, Resource};
use adit_model::port::Device;
use adit_model::{FloatingIp, NetworkId, Port};
use adit_store::MemoryStore;

/// 27 addresses are given of its block, of which 5 are kept for who has fewer than 2.
fn small() -> Config {
    let mut config = config();
    config.external.cidr = "203.0.113.0/27".parse().unwrap();
    config.external.reserved = vec!["203.0.113.1".parse().unwrap()];
    config.limits.headroom_percent = 20;
    config.limits.headroom_of_project = 2;
    config
}

async fn external(w: &World) -> NetworkId {
    let all = w.control.page_networks(&w.admin, Query::default()).await;
    let mut all = all.unwrap().into_iter().map(|view| view.network);
    all.find(|network| network.external).unwrap().id
}

async fn floating_ip(w: &World, caller: &Caller) -> Result<FloatingIp, Error> {
    let new = NewFloatingIp::of(external(w).await);
    w.control
        .create_floating_ip(caller, LAX_FLOATING_IPS, new)
        .await
}

#[tokio::test]
async fn the_last_public_addresses_are_for_who_has_few() {
    let w = World::over(Arc::new(MemoryStore::default()), small()).await;
    let mut made = Vec::new();
    let refused = loop {
        match floating_ip(&w, &w.demo).await {
            Ok(row) => made.push(row),
            Err(refused) => break refused,
        }
    };
    let Error::Conflict {
        rule: Rule::NoExternalAddress,
        message,
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert!(
        message.contains("the last 5 are for projects that have fewer than 2"),
        "{message}"
    );
    assert_eq!(made.len(), 29 - 5);
    for _ in 0..2 {
        floating_ip(&w, &w.admin).await.unwrap();
    }
    assert!(floating_ip(&w, &w.admin).await.is_err());
    // What is given back can be had again.
    for row in &made[..3] {
        w.control
            .delete_floating_ip(&w.demo, row.id, None)
            .await
            .unwrap();
    }
    floating_ip(&w, &w.admin).await.unwrap();
}

async fn machine(w: &World, network: NetworkId) -> Result<Port, Error> {
    let new = NewPort {
        name: name("m"),
        resource_group: None,
        description: String::new(),
        place: port::Place::Network(network),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(false),
        security_groups: None,
    };
    w.control.create_port(&w.demo, LAX_PORTS, new).await
}

#[tokio::test]
async fn a_project_has_so_many_machines_and_gateways_unless_somebody_says_otherwise() {
    let mut config = config();
    config.limits.machines = 3;
    config.project_quotas.insert(Resource::FloatingIp, 2);
    let w = World::over(Arc::new(MemoryStore::default()), config).await;
    let new = NewNetwork {
        name: name("n"),
        description: String::new(),
        admin_state_up: true,
        external: false,
        shared: false,
        mtu: 1500,
        port_security: true,
    };
    let network = w
        .control
        .create_network(&w.demo, new)
        .await
        .unwrap()
        .network;
    for _ in 0..3 {
        machine(&w, network.id).await.unwrap();
    }
    let refused = machine(&w, network.id).await;
    assert!(matches!(
        refused,
        Err(Error::QuotaExceeded {
            quota: Quota::Machines,
            limit: 3
        })
    ));
    assert_eq!(w.control.default_quota(Resource::Gateway), 10);
    for _ in 0..2 {
        floating_ip(&w, &w.demo).await.unwrap();
    }
    let refused = floating_ip(&w, &w.demo).await;
    assert!(matches!(
        refused,
        Err(Error::ProjectQuota(Resource::FloatingIp))
    ));
    let more = [(Resource::FloatingIp, 3)].into();
    let set = w.control.set_quotas(&w.admin, w.demo.project, &more);
    set.await.unwrap();
    floating_ip(&w, &w.demo).await.unwrap();
}
