//! What every store must do, as tests: each implementation runs them by [`crate::contract_tests`].

#![expect(
    clippy::unwrap_used,
    clippy::cloned_ref_to_slice_refs,
    clippy::too_many_lines,
    missing_docs,
    reason = "these are tests; their names say what they show"
)]

use std::net::{IpAddr, Ipv4Addr};

use adit_model::connection::{DeadPeerDetection, DpdAction};
use adit_model::policy::{IkeParameters, IpsecParameters};
use adit_model::project::Role;
use adit_model::user::{ApiKey, KeyHash, PasswordHash, RevokedToken};
use adit_model::{
    ApplicationCredential, ApplicationCredentialId, Connection, ConnectionId, Gateway, GatewayId,
    IkePolicy, IkePolicyId, Instance, InstanceId, IpsecPolicy, IpsecPolicyId, Name, Project,
    ProjectId, Psk, Revision, RoleAssignment, Router, RouterId, Subnet, SubnetId, TokenId, User,
    UserId,
};
use time::{Duration, OffsetDateTime};

use crate::{Store, StoreError, Transaction};

/// Makes one test of each contract; the argument is an expression that awaits to an
/// `Arc<dyn Store>` with nothing in it.
#[macro_export]
macro_rules! contract_tests {
    ($store:expr) => {
        $crate::contract_tests!(@each $store;
            an_inserted_row_reads_back_as_it_was
            another_projects_id_answers_like_a_missing_one
            a_dropped_transaction_changes_nothing
            a_reader_sees_one_moment_and_may_not_write
            an_update_counts_the_revision_and_needs_the_stored_one
            an_update_leaves_what_it_hangs_on
            what_is_hung_on_cannot_be_deleted
            a_reference_to_nothing_is_refused
            deleting_a_gateway_deletes_its_connections
            a_public_address_is_given_once
            lists_are_oldest_first
            users_projects_and_keys_read_back
            users_and_projects_change_and_go_with_what_hangs_on_them
            a_project_that_owns_something_stays
            roles_are_had_once_in_each_project
            application_credentials_read_back
            revoked_tokens_are_known_until_they_end
            writers_go_one_after_another
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

/// One row of every noun, all of one project, hanging together.
#[derive(Debug)]
pub struct World {
    pub project: Project,
    pub router: Router,
    pub subnet: Subnet,
    pub instance: Instance,
    pub gateway: Gateway,
    pub connection: Connection,
    pub ike_policy: IkePolicy,
    pub ipsec_policy: IpsecPolicy,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn time(second: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::new(1_600_000_000 + second, 123_456_789)
}

impl World {
    /// Rows whose public address ends in `n`.
    #[must_use]
    pub fn new(n: u8) -> Self {
        let project = ProjectId::random();
        let router = RouterId::random();
        let subnet = SubnetId::random();
        let gateway = GatewayId::random();
        let (ike, ipsec) = (IkePolicyId::random(), IpsecPolicyId::random());
        let common = (time(i64::from(n)), Revision::FIRST);
        Self {
            project: Project {
                id: project,
                name: name(&format!("project-{n}")),
                description: "a tenant".to_owned(),
                enabled: true,
            },
            router: Router {
                id: router,
                project,
                name: name("r"),
                created_at: common.0,
                revision: common.1,
            },
            subnet: Subnet {
                id: subnet,
                project,
                router,
                name: name("s"),
                cidr: "10.0.0.0/24".parse().unwrap(),
                zone: "us-south-1".to_owned(),
                created_at: common.0,
                revision: common.1,
            },
            instance: Instance {
                id: InstanceId::random(),
                project,
                subnet,
                name: name("i"),
                address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4)),
                created_at: common.0,
                revision: common.1,
            },
            gateway: Gateway {
                id: gateway,
                project,
                router,
                subnet,
                name: name("g"),
                public_address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)),
                created_at: common.0,
                revision: common.1,
            },
            connection: Connection {
                id: ConnectionId::random(),
                project,
                gateway,
                name: name("c"),
                peer_address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
                psk: Psk::new(b"planted-secret-1234".to_vec()).unwrap(),
                local_cidrs: vec![
                    "10.0.0.0/24".parse().unwrap(),
                    "10.0.1.0/24".parse().unwrap(),
                ],
                peer_cidrs: vec![
                    "192.168.7.0/24".parse().unwrap(),
                    "192.168.0.0/24".parse().unwrap(),
                ],
                dead_peer_detection: DeadPeerDetection {
                    action: DpdAction::Hold,
                    interval_s: 7,
                    timeout_s: 77,
                },
                ike_policy: Some(ike),
                ipsec_policy: Some(ipsec),
                admin_state_up: false,
                created_at: common.0,
                revision: common.1,
            },
            ike_policy: IkePolicy {
                id: ike,
                project,
                name: name("p1"),
                parameters: IkeParameters::negotiate(),
                created_at: common.0,
                revision: common.1,
            },
            ipsec_policy: IpsecPolicy {
                id: ipsec,
                project,
                name: name("p2"),
                parameters: IpsecParameters::negotiate(),
                created_at: common.0,
                revision: common.1,
            },
        }
    }

    /// Inserts all of them.
    pub async fn insert(&self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        tx.insert_project(&self.project).await?;
        tx.insert_router(&self.router).await?;
        tx.insert_subnet(&self.subnet).await?;
        tx.insert_instance(&self.instance).await?;
        tx.insert_gateway(&self.gateway).await?;
        tx.insert_ike_policy(&self.ike_policy).await?;
        tx.insert_ipsec_policy(&self.ipsec_policy).await?;
        tx.insert_connection(&self.connection).await
    }

    /// Inserts and commits all of them.
    pub async fn store(&self, store: &dyn Store) {
        let mut tx = store.write().await.unwrap();
        self.insert(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

pub async fn an_inserted_row_reads_back_as_it_was(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    let mut tx = store.read().await.unwrap();
    assert_eq!(
        tx.router(p, w.router.id).await.unwrap().as_ref(),
        Some(&w.router)
    );
    assert_eq!(
        tx.any_router(w.router.id).await.unwrap().as_ref(),
        Some(&w.router)
    );
    assert_eq!(
        tx.subnet(p, w.subnet.id).await.unwrap().as_ref(),
        Some(&w.subnet)
    );
    assert_eq!(
        tx.instance(p, w.instance.id).await.unwrap().as_ref(),
        Some(&w.instance)
    );
    assert_eq!(
        tx.gateway(p, w.gateway.id).await.unwrap().as_ref(),
        Some(&w.gateway)
    );
    assert_eq!(
        tx.any_gateway(w.gateway.id).await.unwrap().as_ref(),
        Some(&w.gateway)
    );
    assert_eq!(
        tx.connection(p, w.connection.id).await.unwrap().as_ref(),
        Some(&w.connection)
    );
    assert_eq!(
        tx.ike_policy(p, w.ike_policy.id).await.unwrap().as_ref(),
        Some(&w.ike_policy)
    );
    assert_eq!(
        tx.ipsec_policy(p, w.ipsec_policy.id)
            .await
            .unwrap()
            .as_ref(),
        Some(&w.ipsec_policy)
    );
    assert_eq!(
        tx.subnets_of_router(w.router.id).await.unwrap(),
        [w.subnet.clone()]
    );
    assert_eq!(
        tx.instances_of_subnet(w.subnet.id).await.unwrap(),
        [w.instance.clone()]
    );
    assert_eq!(
        tx.gateways_of_router(w.router.id).await.unwrap(),
        [w.gateway.clone()]
    );
    assert_eq!(
        tx.connections_of_gateway(w.gateway.id).await.unwrap(),
        [w.connection.clone()]
    );
    assert_eq!(
        tx.connections_of_ike_policy(w.ike_policy.id).await.unwrap(),
        [w.connection.clone()]
    );
    assert_eq!(
        tx.connections_of_ipsec_policy(w.ipsec_policy.id)
            .await
            .unwrap(),
        [w.connection.clone()]
    );
}

pub async fn another_projects_id_answers_like_a_missing_one(store: &dyn Store) {
    let (w, other) = (World::new(1), World::new(2));
    w.store(store).await;
    other.store(store).await;
    let p = other.project.id;
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.router(p, w.router.id).await.unwrap(), None);
    assert_eq!(tx.subnet(p, w.subnet.id).await.unwrap(), None);
    assert_eq!(tx.instance(p, w.instance.id).await.unwrap(), None);
    assert_eq!(tx.gateway(p, w.gateway.id).await.unwrap(), None);
    assert_eq!(tx.connection(p, w.connection.id).await.unwrap(), None);
    assert_eq!(tx.ike_policy(p, w.ike_policy.id).await.unwrap(), None);
    assert_eq!(tx.ipsec_policy(p, w.ipsec_policy.id).await.unwrap(), None);
    assert_eq!(tx.routers(p).await.unwrap(), [other.router.clone()]);
    assert_eq!(tx.subnets(p).await.unwrap(), [other.subnet.clone()]);
    assert_eq!(tx.instances(p).await.unwrap(), [other.instance.clone()]);
    assert_eq!(tx.gateways(p).await.unwrap(), [other.gateway.clone()]);
    assert_eq!(tx.connections(p).await.unwrap(), [other.connection.clone()]);
    assert_eq!(
        tx.ike_policies(p).await.unwrap(),
        [other.ike_policy.clone()]
    );
    assert_eq!(
        tx.ipsec_policies(p).await.unwrap(),
        [other.ipsec_policy.clone()]
    );
    assert!(!tx.delete_connection(p, w.connection.id).await.unwrap());
    assert!(!tx.delete_gateway(p, w.gateway.id).await.unwrap());
    assert!(!tx.delete_instance(p, w.instance.id).await.unwrap());
    assert!(!tx.delete_subnet(p, w.subnet.id).await.unwrap());
    assert!(!tx.delete_router(p, w.router.id).await.unwrap());
    assert!(!tx.delete_ike_policy(p, w.ike_policy.id).await.unwrap());
    assert!(!tx.delete_ipsec_policy(p, w.ipsec_policy.id).await.unwrap());
    let stolen = Router {
        project: p,
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

pub async fn a_reader_sees_one_moment_and_may_not_write(store: &dyn Store) {
    let w = World::new(1);
    let mut before = store.read().await.unwrap();
    assert_eq!(before.all_routers().await.unwrap(), []);
    w.store(store).await;
    assert_eq!(before.all_routers().await.unwrap(), []);
    let refused = before.insert_project(&World::new(2).project).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
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
    changed.psk = Psk::new(b"another-secret".to_vec()).unwrap();
    changed.ike_policy = None;
    changed.peer_cidrs.reverse();
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
        instance update_instance instance;
        gateway update_gateway gateway;
        ike_policy update_ike_policy ike_policy;
        ipsec_policy update_ipsec_policy ipsec_policy;
    }
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
    moved.public_address = other.gateway.public_address;
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
    for which in 0..4 {
        let mut tx = store.write().await.unwrap();
        let refused = match which {
            0 => tx.delete_router(p, w.router.id).await,
            1 => tx.delete_subnet(p, w.subnet.id).await,
            2 => tx.delete_ike_policy(p, w.ike_policy.id).await,
            _ => tx.delete_ipsec_policy(p, w.ipsec_policy.id).await,
        };
        assert!(
            matches!(refused, Err(StoreError::Referenced)),
            "{which}: {refused:?}"
        );
    }
    let mut tx = store.write().await.unwrap();
    assert!(tx.delete_connection(p, w.connection.id).await.unwrap());
    assert!(!tx.delete_connection(p, w.connection.id).await.unwrap());
    assert!(tx.delete_ike_policy(p, w.ike_policy.id).await.unwrap());
    assert!(tx.delete_ipsec_policy(p, w.ipsec_policy.id).await.unwrap());
    assert!(tx.delete_gateway(p, w.gateway.id).await.unwrap());
    assert!(tx.delete_instance(p, w.instance.id).await.unwrap());
    assert!(tx.delete_subnet(p, w.subnet.id).await.unwrap());
    assert!(tx.delete_router(p, w.router.id).await.unwrap());
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

pub async fn a_public_address_is_given_once(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    let twin = Gateway {
        id: GatewayId::random(),
        ..w.gateway.clone()
    };
    let refused = tx.insert_gateway(&twin).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let again = tx.insert_router(&w.router).await;
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

fn user(text: &str, default_project: Option<ProjectId>) -> User {
    User {
        id: UserId::random(),
        name: name(text),
        description: "somebody".to_owned(),
        email: Some("ann@example.com".to_owned()),
        enabled: true,
        default_project,
        password: Some(PasswordHash("$argon2id$planted".to_owned())),
        tokens_from: time(0),
    }
}

fn credential(user: UserId, project: ProjectId, text: &str) -> ApplicationCredential {
    ApplicationCredential {
        id: ApplicationCredentialId::random(),
        name: name(text),
        description: "a program".to_owned(),
        user,
        project,
        role: Role::Member,
        secret: PasswordHash("$argon2id$planted".to_owned()),
        unrestricted: false,
        created_at: time(1),
        expires_at: Some(time(2)),
    }
}

pub async fn users_projects_and_keys_read_back(store: &dyn Store) {
    let project = World::new(1).project;
    let user = user("ann", Some(project.id));
    let key = ApiKey {
        hash: KeyHash([7; 32]),
        user: user.id,
        created_at: time(0),
    };
    let mut tx = store.write().await.unwrap();
    tx.insert_project(&project).await.unwrap();
    tx.insert_user(&user).await.unwrap();
    tx.insert_api_key(&key).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.project(project.id).await.unwrap(), Some(project.clone()));
    assert_eq!(tx.projects().await.unwrap(), [project.clone()]);
    assert_eq!(tx.user(user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(tx.users().await.unwrap(), [user.clone()]);
    assert_eq!(tx.api_key(&key.hash).await.unwrap(), Some(key.clone()));
    assert_eq!(tx.api_key(&KeyHash([8; 32])).await.unwrap(), None);
    drop(tx);
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.delete_api_keys(user.id).await.unwrap(), 1);
    assert_eq!(tx.api_key(&key.hash).await.unwrap(), None);
    let twin = User {
        id: UserId::random(),
        ..user
    };
    assert!(matches!(
        tx.insert_user(&twin).await,
        Err(StoreError::Duplicate)
    ));
}

pub async fn users_and_projects_change_and_go_with_what_hangs_on_them(store: &dyn Store) {
    let mut project = World::new(1).project;
    let mut ann = user("ann", Some(project.id));
    let bob = user("bob", None);
    let mut tx = store.write().await.unwrap();
    tx.insert_project(&project).await.unwrap();
    tx.insert_user(&ann).await.unwrap();
    tx.insert_user(&bob).await.unwrap();
    project.enabled = false;
    project.description = String::new();
    ann.email = None;
    ann.enabled = false;
    ann.password = None;
    ann.tokens_from = time(5);
    assert!(tx.update_project(&project).await.unwrap());
    assert!(tx.update_user(&ann).await.unwrap());
    assert_eq!(tx.project(project.id).await.unwrap(), Some(project.clone()));
    assert_eq!(tx.user(ann.id).await.unwrap(), Some(ann.clone()));
    let assignment = |user: &User| RoleAssignment {
        user: user.id,
        project: project.id,
        role: Role::Member,
    };
    for user in [&ann, &bob] {
        let row = assignment(user);
        tx.insert_role_assignment(&row).await.unwrap();
        let row = credential(user.id, project.id, "c");
        tx.insert_application_credential(&row).await.unwrap();
    }
    assert!(tx.delete_user(bob.id).await.unwrap());
    assert!(!tx.delete_user(bob.id).await.unwrap());
    assert!(!tx.update_user(&bob).await.unwrap());
    let left = tx.role_assignments(None, None).await.unwrap();
    assert_eq!(left, [assignment(&ann)]);
    assert_eq!(tx.application_credentials(bob.id).await.unwrap(), []);
    assert!(tx.delete_project(project.id).await.unwrap());
    assert!(!tx.delete_project(project.id).await.unwrap());
    assert!(!tx.update_project(&project).await.unwrap());
    assert_eq!(tx.role_assignments(None, None).await.unwrap(), []);
    assert_eq!(tx.application_credentials(ann.id).await.unwrap(), []);
    let ann = tx.user(ann.id).await.unwrap().unwrap();
    assert_eq!(ann.default_project, None);
    tx.commit().await.unwrap();
}

pub async fn a_project_that_owns_something_stays(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let mut tx = store.write().await.unwrap();
    let refused = tx.delete_project(w.project.id).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let mut second = World::new(2).project;
    tx.insert_project(&second).await.unwrap();
    second.name = w.project.name.clone();
    let refused = tx.update_project(&second).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
}

pub async fn roles_are_had_once_in_each_project(store: &dyn Store) {
    let (one, two) = (World::new(1).project, World::new(2).project);
    let ann = user("ann", None);
    let row = |project: &Project, role| RoleAssignment {
        user: ann.id,
        project: project.id,
        role,
    };
    let mut tx = store.write().await.unwrap();
    for project in [&one, &two] {
        tx.insert_project(project).await.unwrap();
    }
    tx.insert_user(&ann).await.unwrap();
    for row in [
        row(&one, Role::Admin),
        row(&one, Role::Reader),
        row(&one, Role::Reader),
        row(&two, Role::Member),
    ] {
        tx.insert_role_assignment(&row).await.unwrap();
    }
    let found = tx.role_assignments(Some(ann.id), Some(one.id)).await;
    assert_eq!(
        found.unwrap(),
        [row(&one, Role::Reader), row(&one, Role::Admin)]
    );
    let found = tx.role_assignments(Some(ann.id), None).await.unwrap();
    assert_eq!(found.len(), 3);
    let found = tx.role_assignments(None, Some(two.id)).await.unwrap();
    assert_eq!(found, [row(&two, Role::Member)]);
    let gone = row(&two, Role::Member);
    assert!(tx.delete_role_assignment(&gone).await.unwrap());
    assert!(!tx.delete_role_assignment(&gone).await.unwrap());
    let nobody = RoleAssignment {
        user: UserId::random(),
        ..gone
    };
    let refused = tx.insert_role_assignment(&nobody).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
}

pub async fn application_credentials_read_back(store: &dyn Store) {
    let project = World::new(1).project;
    let (ann, bob) = (user("ann", None), user("bob", None));
    let mut tx = store.write().await.unwrap();
    tx.insert_project(&project).await.unwrap();
    tx.insert_user(&ann).await.unwrap();
    tx.insert_user(&bob).await.unwrap();
    let b = credential(ann.id, project.id, "b");
    let mut a = credential(ann.id, project.id, "a");
    a.expires_at = None;
    a.unrestricted = true;
    let other = credential(bob.id, project.id, "a");
    for row in [&b, &a, &other] {
        tx.insert_application_credential(row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.write().await.unwrap();
    let of_ann = tx.application_credentials(ann.id).await.unwrap();
    assert_eq!(of_ann, [a.clone(), b.clone()]);
    let found = tx.application_credential(b.id).await.unwrap();
    assert_eq!(found, Some(b.clone()));
    assert!(tx.delete_application_credential(b.id).await.unwrap());
    assert!(!tx.delete_application_credential(b.id).await.unwrap());
    let twin = credential(ann.id, project.id, "a");
    let refused = tx.insert_application_credential(&twin).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
}

pub async fn revoked_tokens_are_known_until_they_end(store: &dyn Store) {
    let row = |second| RevokedToken {
        id: TokenId::random(),
        expires_at: time(second),
    };
    let (early, late) = (row(10), row(20));
    let mut tx = store.write().await.unwrap();
    for row in [&early, &late, &late] {
        tx.insert_revoked_token(row).await.unwrap();
    }
    assert!(tx.is_token_revoked(early.id).await.unwrap());
    assert_eq!(tx.delete_revoked_tokens(time(20)).await.unwrap(), 1);
    assert!(!tx.is_token_revoked(early.id).await.unwrap());
    assert!(tx.is_token_revoked(late.id).await.unwrap());
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
