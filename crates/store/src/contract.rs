//! What every store must do, as tests: each implementation runs them by [`crate::contract_tests`].

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cloned_ref_to_slice_refs,
    clippy::too_many_lines,
    missing_docs,
    reason = "these are tests; their names say what they show"
)]

mod change_log;
mod identities;
mod numbers;
mod outer_addresses;
mod parts;
mod peer_cidrs;
mod projects;
mod routes;
mod security_group_rules;
mod world;

use adit_model::connection::Ends;
use adit_model::endpoint_group::{EndpointKind, Endpoints};
use adit_model::{
    FloatingIp, FloatingIpId, Gateway, HostId, IkePolicy, IkePolicyId, MacAddress, Port, PortId,
    ProjectId, Revision, Router, RouterId,
};

use crate::{Order, OrderBy, Query, Store, StoreError};
pub use change_log::{
    log_and_rows_agree, the_log_has_what_was_committed_in_its_order,
    the_log_is_searched_from_its_newest_end, the_log_is_trimmed_from_its_oldest_end,
};
pub use identities::{
    a_change_of_identities_is_counted, application_credentials_read_back,
    revoked_tokens_are_known_until_they_end,
    users_and_projects_change_and_go_with_what_hangs_on_them, users_projects_and_keys_read_back,
};
pub use numbers::a_number_is_a_things_own_and_is_given_once;
pub use outer_addresses::{
    a_public_address_is_given_once, all_addresses_outside_are_told_with_whose_they_are,
};
pub use parts::a_part_of_the_rows_is_listed_and_counted;
pub use peer_cidrs::what_is_behind_a_routers_peers_is_listed_once;
pub use projects::{
    a_project_that_ended_is_there_for_its_things_alone, a_project_that_owns_something_stays,
    roles_are_had_once_in_each_project,
};
pub use routes::a_route_keeps_its_connection_and_no_other_has_its_block;
pub use security_group_rules::a_rule_is_of_its_own_group_and_goes_with_the_one_it_names;
pub use world::{World, certificates, ppk};
use world::{name, time};

/// Makes one test of each contract; the argument is an expression that awaits to an
/// `Arc<dyn Store>` with nothing in it.
#[macro_export]
macro_rules! contract_tests {
    ($store:expr) => {
        $crate::contract_tests!(@each $store;
            an_inserted_row_reads_back_as_it_was
            what_hangs_on_something_is_found
            a_page_has_what_was_asked_for_in_order
            all_addresses_outside_are_told_with_whose_they_are
            another_projects_id_answers_like_a_missing_one
            a_part_of_the_rows_is_listed_and_counted
            quotas_are_kept_until_they_are_forgotten
            a_number_is_a_things_own_and_is_given_once
            a_dropped_transaction_changes_nothing
            a_reader_sees_one_moment
            an_update_counts_the_revision_and_needs_the_stored_one
            an_update_leaves_what_it_hangs_on
            what_is_hung_on_cannot_be_deleted
            a_reference_to_nothing_is_refused
            deleting_a_gateway_deletes_its_connections
            what_is_behind_a_routers_peers_is_listed_once
            a_route_keeps_its_connection_and_no_other_has_its_block
            a_public_address_is_given_once
            an_address_is_given_once
            a_rule_is_of_its_own_group_and_goes_with_the_one_it_names
            lists_are_oldest_first
            users_projects_and_keys_read_back
            users_and_projects_change_and_go_with_what_hangs_on_them
            a_project_that_owns_something_stays
            a_project_that_ended_is_there_for_its_things_alone
            roles_are_had_once_in_each_project
            application_credentials_read_back
            revoked_tokens_are_known_until_they_end
            writers_go_one_after_another
            a_change_of_identities_is_counted
            the_log_has_what_was_committed_in_its_order
            the_log_is_trimmed_from_its_oldest_end
            the_log_is_searched_from_its_newest_end
        );
    };
    (@each $store:expr; $($name:ident)+) => {$(
        #[tokio::test]
        async fn $name() {
            let store = $store.await;
            $crate::contract::$name(&*store).await;
        }
    )+};
}

pub async fn an_inserted_row_reads_back_as_it_was(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    let mut tx = store.read().await.unwrap();
    macro_rules! reads_back {
        ($($field:ident: $get:ident $any:ident;)+) => {$(
            let stored = tx.$get(p, w.$field.id).await.unwrap();
            assert_eq!(stored.as_ref(), Some(&w.$field));
            let stored = tx.$any(w.$field.id).await.unwrap();
            assert_eq!(stored.as_ref(), Some(&w.$field));
        )+};
    }
    reads_back! {
        external: network any_network;
        network: network any_network;
        subnet: subnet any_subnet;
        router: router any_router;
        interface: port any_port;
        port: port any_port;
        floating_ip: floating_ip any_floating_ip;
        public_gateway: public_gateway any_public_gateway;
        network_acl: network_acl any_network_acl;
        ssh_key: ssh_key any_ssh_key;
        security_group: security_group any_security_group;
        security_group_rule: security_group_rule any_security_group_rule;
        gateway: gateway any_gateway;
        endpoint_group: endpoint_group any_endpoint_group;
        connection: connection any_connection;
        ike_policy: ike_policy any_ike_policy;
        ipsec_policy: ipsec_policy any_ipsec_policy;
        connection_request: connection_request any_connection_request;
        tunnel_context: tunnel_context any_tunnel_context;
    }
}

pub async fn what_hangs_on_something_is_found(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    World::new(2).store(store).await;
    let mut tx = store.read().await.unwrap();
    let ports = [w.interface.clone(), w.port.clone()];
    let by_id = |mut rows: Vec<Port>| {
        rows.sort_by_key(|row| row.id != w.interface.id);
        rows
    };
    macro_rules! finds {
        ($($of:ident($id:expr) -> $found:expr;)+) => {$(
            assert_eq!(tx.$of($id).await.unwrap(), [$found.clone()], stringify!($of));
        )+};
    }
    finds! {
        subnets_of_network(w.network.id) -> w.subnet;
        subnets_of_public_gateway(w.public_gateway.id) -> w.subnet;
        subnets_of_network_acl(w.network_acl.id) -> w.subnet;
        network_acls_of_router(w.router.id) -> w.network_acl;
        public_gateways_of_floating_ip(w.other_floating_ip.id) -> w.public_gateway;
        public_gateways_of_router(w.router.id) -> w.public_gateway;
        ports_of_router(w.router.id) -> w.interface;
        ports_of_security_group(w.security_group.id) -> w.port;
        security_groups_of_router(w.router.id) -> w.security_group;
        routers_of_external_network(w.external.id) -> w.router;
        floating_ips_of_port(w.port.id) -> w.floating_ip;
        floating_ips_of_router(w.router.id) -> w.floating_ip;
        rules_of_security_group(w.security_group.id) -> w.security_group_rule;
        gateways_of_router(w.router.id) -> w.gateway;
        gateways_of_subnet(w.subnet.id) -> w.gateway;
        endpoint_groups_of_subnet(w.subnet.id) -> w.endpoint_group;
        connections_of_gateway(w.gateway.id) -> w.connection;
        connections_of_ike_policy(w.ike_policy.id) -> w.connection;
        connections_of_ipsec_policy(w.ipsec_policy.id) -> w.connection;
        connections_of_endpoint_group(w.endpoint_group.id) -> w.connection;
    }
    assert_eq!(
        by_id(tx.ports_of_network(w.network.id).await.unwrap()),
        ports
    );
    assert_eq!(by_id(tx.ports_of_subnet(w.subnet.id).await.unwrap()), ports);
}

pub async fn another_projects_id_answers_like_a_missing_one(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let p = other.project.id;
    let mut tx = store.write().await.unwrap();
    macro_rules! hidden {
        ($($field:ident: $get:ident $delete:ident;)+) => {$(
            assert_eq!(tx.$get(p, w.$field.id).await.unwrap(), None);
            assert!(!tx.$delete(p, w.$field.id).await.unwrap());
        )+};
    }
    hidden! {
        connection: connection delete_connection;
        endpoint_group: endpoint_group delete_endpoint_group;
        gateway: gateway delete_gateway;
        floating_ip: floating_ip delete_floating_ip;
        public_gateway: public_gateway delete_public_gateway;
        network_acl: network_acl delete_network_acl;
        ssh_key: ssh_key delete_ssh_key;
        security_group_rule: security_group_rule delete_security_group_rule;
        port: port delete_port;
        security_group: security_group delete_security_group;
        subnet: subnet delete_subnet;
        router: router delete_router;
        network: network delete_network;
        ike_policy: ike_policy delete_ike_policy;
        ipsec_policy: ipsec_policy delete_ipsec_policy;
        connection_request: connection_request delete_connection_request;
        tunnel_context: tunnel_context delete_tunnel_context;
    }
    macro_rules! listed {
        ($($field:ident: $list:ident $count:ident;)+) => {$(
            assert_eq!(tx.$list(p).await.unwrap(), [other.$field.clone()]);
            assert_eq!(tx.$count(p).await.unwrap(), 1);
        )+};
    }
    listed! {
        connection: connections count_connections;
        endpoint_group: endpoint_groups count_endpoint_groups;
        gateway: gateways count_gateways;
        public_gateway: public_gateways count_public_gateways;
        network_acl: network_acls count_network_acls;
        ssh_key: ssh_keys count_ssh_keys;
        security_group: security_groups count_security_groups;
        security_group_rule: security_group_rules count_security_group_rules;
        subnet: subnets count_subnets;
        router: routers count_routers;
        ike_policy: ike_policies count_ike_policies;
        ipsec_policy: ipsec_policies count_ipsec_policies;
        connection_request: connection_requests count_connection_requests;
        tunnel_context: tunnel_contexts count_tunnel_contexts;
    }
    let stolen = Router {
        project: p,
        resource_group: None,
        ..w.router.clone()
    };
    assert!(matches!(
        tx.update_router(&stolen).await,
        Err(StoreError::Stale)
    ));
    assert_eq!(tx.all_routers().await.unwrap(), [w.router, other.router]);
    assert_eq!(tx.all_gateways().await.unwrap(), [w.gateway, other.gateway]);
    assert_eq!(
        tx.all_connections().await.unwrap(),
        [w.connection, other.connection]
    );
}

pub async fn a_dropped_transaction_changes_nothing(store: &dyn Store) {
    let w = World::new(1);
    let mut tx = store.write().await.unwrap();
    w.insert(&mut *tx).await.unwrap();
    assert_eq!(tx.all_routers().await.unwrap().len(), 1);
    drop(tx);
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.all_routers().await.unwrap(), []);
    assert_eq!(tx.projects().await.unwrap(), []);
}

pub async fn a_reader_sees_one_moment(store: &dyn Store) {
    let w = World::new(1);
    let mut before = store.read().await.unwrap();
    assert_eq!(before.all_routers().await.unwrap(), []);
    w.store(store).await;
    assert_eq!(before.all_routers().await.unwrap(), []);
    let mut after = store.read().await.unwrap();
    assert_eq!(after.all_routers().await.unwrap().len(), 1);
}

pub async fn an_update_counts_the_revision_and_needs_the_stored_one(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    let mut changed = w.connection.clone();
    changed.name = name("other");
    changed.admin_state_up = true;
    changed.authentication = certificates();
    changed.ppk = Some(ppk());
    changed.ike_policy = None;
    changed.translations = Vec::new();
    changed.ends = Ends::Blocks {
        local: changed.ends.local().to_vec(),
        peer: changed.ends.peer().iter().rev().copied().collect(),
    };
    assert_eq!(tx.update_connection(&changed).await.unwrap(), Revision(2));
    assert!(matches!(
        tx.update_connection(&changed).await,
        Err(StoreError::Stale)
    ));
    changed.revision = Revision(2);
    let stored = tx.connection(w.project.id, w.connection.id).await.unwrap();
    assert_eq!(stored, Some(changed));
    macro_rules! counts {
        ($($row:ident $update:ident $get:ident;)+) => {$(
            let renamed = { let mut row = w.$row.clone(); row.name = name("renamed"); row };
            assert_eq!(tx.$update(&renamed).await.unwrap(), Revision(2));
            assert!(matches!(tx.$update(&renamed).await, Err(StoreError::Stale)));
            let stored = tx.$get(w.project.id, renamed.id).await.unwrap().unwrap();
            assert_eq!((stored.name, stored.revision), (name("renamed"), Revision(2)));
        )+};
    }
    counts! {
        router update_router router;
        subnet update_subnet subnet;
        network update_network network;
        port update_port port;
        security_group update_security_group security_group;
        security_group_rule update_security_group_rule security_group_rule;
        endpoint_group update_endpoint_group endpoint_group;
        gateway update_gateway gateway;
        ike_policy update_ike_policy ike_policy;
        ipsec_policy update_ipsec_policy ipsec_policy;
        connection_request update_connection_request connection_request;
        tunnel_context update_tunnel_context tunnel_context;
    }
    // What is in a group may be something else later, of another kind too.
    let group = tx.any_endpoint_group(w.endpoint_group.id).await.unwrap();
    let mut group = group.unwrap();
    let block = "10.0.0.0/8".to_owned();
    group.endpoints = Endpoints::parse(EndpointKind::Cidr, [block]).unwrap();
    tx.update_endpoint_group(&group).await.unwrap();
    let stored = tx.any_endpoint_group(group.id).await.unwrap();
    assert_eq!(stored.unwrap().endpoints, group.endpoints);
    let users = tx.endpoint_groups_of_subnet(w.subnet.id).await.unwrap();
    assert_eq!(users, []);
    // What is on a host may be on another one later.
    let host = HostId::random();
    let mut router = tx.any_router(w.router.id).await.unwrap().unwrap();
    let mut gateway = tx.any_gateway(w.gateway.id).await.unwrap().unwrap();
    (router.host, gateway.host) = (host, host);
    tx.update_router(&router).await.unwrap();
    tx.update_gateway(&gateway).await.unwrap();
    let router = tx.any_router(router.id).await.unwrap();
    let gateway = tx.any_gateway(gateway.id).await.unwrap();
    assert_eq!(router.map(|row| row.host), Some(host));
    assert_eq!(gateway.map(|row| row.host), Some(host));
    let gone = Router {
        id: RouterId::random(),
        ..w.router
    };
    assert!(matches!(
        tx.update_router(&gone).await,
        Err(StoreError::Stale)
    ));
}

pub async fn an_update_leaves_what_it_hangs_on(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let mut tx = store.write().await.unwrap();
    let mut moved = w.gateway.clone();
    moved.router = other.router.id;
    moved.addresses = other.gateway.addresses;
    moved.created_at = time(99);
    tx.update_gateway(&moved).await.unwrap();
    let stored = tx.gateway(w.project.id, w.gateway.id).await.unwrap();
    let expected = Gateway {
        revision: Revision(2),
        ..w.gateway.clone()
    };
    assert_eq!(stored, Some(expected));
    let mut moved = w.connection.clone();
    moved.gateway = other.gateway.id;
    tx.update_connection(&moved).await.unwrap();
    assert_eq!(
        tx.connections_of_gateway(w.gateway.id).await.unwrap().len(),
        1
    );
}

pub async fn what_is_hung_on_cannot_be_deleted(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    for which in 0..12 {
        let mut tx = store.write().await.unwrap();
        let refused = match which {
            0 => tx.delete_router(p, w.router.id).await,
            1 => tx.delete_subnet(p, w.subnet.id).await,
            2 => tx.delete_ike_policy(p, w.ike_policy.id).await,
            3 => tx.delete_network(p, w.network.id).await,
            4 => tx.delete_network(p, w.external.id).await,
            5 => tx.delete_port(p, w.port.id).await,
            6 => tx.delete_security_group(p, w.security_group.id).await,
            7 => tx.delete_endpoint_group(p, w.endpoint_group.id).await,
            8 => tx.delete_floating_ip(p, w.other_floating_ip.id).await,
            9 => tx.delete_public_gateway(p, w.public_gateway.id).await,
            10 => tx.delete_network_acl(p, w.network_acl.id).await,
            _ => tx.delete_ipsec_policy(p, w.ipsec_policy.id).await,
        };
        assert!(
            matches!(refused, Err(StoreError::Referenced)),
            "{which}: {refused:?}"
        );
    }
    let mut tx = store.write().await.unwrap();
    macro_rules! gone {
        ($($delete:ident $row:ident;)+) => {$(
            assert!(tx.$delete(p, w.$row.id).await.unwrap());
        )+};
    }
    gone! { delete_connection connection; }
    assert!(!tx.delete_connection(p, w.connection.id).await.unwrap());
    gone! {
        delete_ike_policy ike_policy;
        delete_ipsec_policy ipsec_policy;
        delete_gateway gateway;
        delete_endpoint_group endpoint_group;
        delete_floating_ip floating_ip;
        delete_port port;
        delete_port interface;
        delete_subnet subnet;
        delete_public_gateway public_gateway;
        delete_network_acl network_acl;
        delete_floating_ip other_floating_ip;
        delete_security_group security_group;
        delete_router router;
        delete_network network;
        delete_network external;
    }
    assert_eq!(tx.all_security_group_rules().await.unwrap(), []);
    tx.commit().await.unwrap();
}

pub async fn a_reference_to_nothing_is_refused(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let lost = World::new(2);
    let mut tx = store.write().await.unwrap();
    let refused = tx.insert_router(&lost.router).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let mut row = w.connection.clone();
    row.ike_policy = Some(lost.ike_policy.id);
    let refused = tx.update_connection(&row).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
}

pub async fn deleting_a_gateway_deletes_its_connections(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    assert!(tx.delete_gateway(w.project.id, w.gateway.id).await.unwrap());
    assert_eq!(tx.all_connections().await.unwrap(), []);
    assert!(
        tx.delete_ike_policy(w.project.id, w.ike_policy.id)
            .await
            .unwrap()
    );
}

pub async fn an_address_is_given_once(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    let mut twin = w.port.clone();
    twin.id = PortId::random();
    twin.mac = MacAddress::of_port(twin.id);
    let refused = tx.insert_port(&twin).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let mut moved = w.port.clone();
    moved.fixed_ips[0].address = w.interface.fixed_ips[0].address;
    let refused = tx.update_port(&moved).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let twin = FloatingIp {
        id: FloatingIpId::random(),
        ..w.floating_ip.clone()
    };
    let refused = tx.insert_floating_ip(&twin).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let again = tx.insert_ike_policy(&w.ike_policy).await;
    assert!(matches!(again, Err(StoreError::Duplicate)), "{again:?}");
}

pub async fn lists_are_oldest_first(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    for second in [5, 3, 4] {
        let row = Router {
            id: RouterId::random(),
            name: name(&second.to_string()),
            created_at: time(second),
            external: None,
            ..w.router.clone()
        };
        tx.insert_router(&row).await.unwrap();
    }
    let names: Vec<String> = tx
        .routers(w.project.id)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.name.to_string())
        .collect();
    assert_eq!(names, ["r", "3", "4", "5"]);
}

pub async fn a_page_has_what_was_asked_for_in_order(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    let mut tx = store.write().await.unwrap();
    let mut rows = vec![w.ike_policy.clone()];
    for (second, text) in [(5, "b"), (3, "c"), (4, "b"), (4, "d")] {
        let row = IkePolicy {
            id: IkePolicyId::random(),
            name: name(text),
            created_at: time(second),
            ..w.ike_policy.clone()
        };
        tx.insert_ike_policy(&row).await.unwrap();
        rows.push(row);
    }
    let all = Query::of_project(p);
    let by_name = Order {
        by: OrderBy::Name,
        descending: true,
    };
    rows.sort_by_key(|row| std::cmp::Reverse((row.name.clone(), row.id)));
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let query = Query {
            order: by_name,
            after,
            limit: Some(2),
            ..all.clone()
        };
        let page = tx.page_ike_policies(query).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.id.uuid());
        found.extend(page);
    }
    assert_eq!(found, rows);
    rows.sort_by_key(|row| (row.created_at, row.id));
    let query = Query {
        after: Some(rows[1].id.uuid()),
        ..all.clone()
    };
    assert_eq!(tx.page_ike_policies(query).await.unwrap(), rows[2..]);
    let query = Query {
        names: Some(vec!["b".to_owned(), "none".to_owned()]),
        ..all.clone()
    };
    assert_eq!(tx.page_ike_policies(query).await.unwrap().len(), 2);
    let query = Query {
        ids: Some(vec![rows[3].id.uuid()]),
        ..Query::default()
    };
    assert_eq!(
        tx.page_ike_policies(query).await.unwrap(),
        [rows[3].clone()]
    );
    for nothing in [
        Query {
            after: Some(uuid::Uuid::new_v4()),
            ..all.clone()
        },
        Query {
            ids: Some(Vec::new()),
            ..all.clone()
        },
        Query::of_project(ProjectId::random()),
    ] {
        assert_eq!(tx.page_ike_policies(nothing).await.unwrap(), []);
    }
}

pub async fn quotas_are_kept_until_they_are_forgotten(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    let mut tx = store.write().await.unwrap();
    assert!(tx.quotas(p).await.unwrap().is_empty());
    tx.set_quota(p, "network", 7).await.unwrap();
    tx.set_quota(p, "network", -1).await.unwrap();
    tx.set_quota(p, "port", 8).await.unwrap();
    let set = tx.quotas(p).await.unwrap();
    assert_eq!((set.len(), set["network"], set["port"]), (2, -1, 8));
    assert_eq!(tx.projects_with_quotas().await.unwrap(), [p]);
    assert!(tx.delete_quotas(p).await.unwrap());
    assert!(!tx.delete_quotas(p).await.unwrap());
    assert!(tx.quotas(p).await.unwrap().is_empty());
}

pub async fn writers_go_one_after_another(store: &dyn Store) {
    let w = World::new(1);
    let mut first = store.write().await.unwrap();
    w.insert(&mut *first).await.unwrap();
    let second = async {
        let mut tx = store.write().await.unwrap();
        tx.all_routers().await.unwrap().len()
    };
    let commit = async {
        tokio::task::yield_now().await;
        first.commit().await.unwrap();
    };
    let (seen, ()) = tokio::join!(second, commit);
    assert_eq!(
        seen, 1,
        "the second writer read before the first had committed"
    );
}
