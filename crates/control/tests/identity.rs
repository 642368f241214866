//! Another service says who asks: its projects get their rows, keep to themselves, and nothing
//! that is kept here opens anything.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{TestClock, World, config, name, new_router};
use adit_control::fake::FakeAgent;
use adit_control::identity::{ForeignScope, ForeignSession, IdentifyError, IdentityUnavailable};
use adit_control::login::{Proof, UserRef, Wish};
use adit_control::token::TokenError;
use adit_control::{Caller, Control, Error, IdentityProvider, Password, Query};
use adit_crypto::SystemRandom;
use adit_model::project::Role;
use adit_model::{ProjectId, UserId};
use adit_store::{MemoryStore, Store};
use async_trait::async_trait;
use time::OffsetDateTime;

/// Knows some tokens, unless it is away.
#[derive(Default)]
struct Directory {
    tokens: Mutex<HashMap<String, ForeignSession>>,
    projects: Mutex<Vec<ProjectId>>,
    away: Mutex<bool>,
}

impl Directory {
    fn check(&self) -> Result<(), IdentityUnavailable> {
        if *self.away.lock().unwrap() {
            Err(IdentityUnavailable("it is away".into()))
        } else {
            Ok(())
        }
    }

    fn let_in(&self, token: &str, scope: Option<(ProjectId, Option<Role>)>) {
        let now = OffsetDateTime::now_utc();
        let session = ForeignSession {
            user: UserId::random(),
            user_name: name(token),
            scope: scope.map(|(project, role)| ForeignScope {
                project,
                name: name("demo"),
                role,
            }),
            issued_at: now,
            expires_at: now + Duration::from_secs(3600),
        };
        self.tokens
            .lock()
            .unwrap()
            .insert(token.to_owned(), session);
    }
}

#[async_trait]
impl IdentityProvider for Directory {
    async fn identify(&self, token: &str) -> Result<ForeignSession, IdentifyError> {
        self.check()?;
        let known = self.tokens.lock().unwrap();
        known.get(token).cloned().ok_or(IdentifyError::Refused)
    }

    async fn has_project(&self, project: ProjectId) -> Result<bool, IdentityUnavailable> {
        self.check()?;
        Ok(self.projects.lock().unwrap().contains(&project))
    }
}

struct Cloud {
    control: Control,
    directory: Arc<Directory>,
    store: Arc<dyn Store>,
    clock: TestClock,
}

impl Cloud {
    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default())).await
    }

    async fn over(store: Arc<dyn Store>) -> Self {
        let directory = Arc::new(Directory::default());
        let clock = TestClock::new();
        let mut config = config();
        config.identity = Some(Arc::clone(&directory) as _);
        let (control, _) = Control::new(
            Arc::clone(&store),
            Arc::new(FakeAgent::default()),
            Arc::new(clock.clone()),
            Box::new(SystemRandom),
            config,
        );
        assert!(control.bootstrap().await.unwrap().is_none());
        Self {
            control,
            directory,
            store,
            clock,
        }
    }

    async fn caller(&self, token: &str) -> Caller {
        self.control.verify_token(token).await.unwrap()
    }
}

#[tokio::test]
async fn two_projects_of_one_name_get_rows_and_do_not_see_each_other() {
    let cloud = Cloud::new().await;
    let [mine, other] = [ProjectId::random(), ProjectId::random()];
    cloud
        .directory
        .let_in("ann", Some((mine, Some(Role::Member))));
    cloud
        .directory
        .let_in("bob", Some((other, Some(Role::Member))));
    let (ann, bob) = (cloud.caller("ann").await, cloud.caller("bob").await);
    assert_eq!((ann.project, bob.project), (mine, other));
    let session = cloud.control.session("ann").await.unwrap();
    assert_eq!(session.scope.unwrap().project.name.as_str(), "demo");
    let control = &cloud.control;
    let made = control.create_router(&ann, new_router("r")).await.unwrap();
    let seen = async |caller: &Caller| {
        let rows = control
            .page_routers(caller, Query::default())
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(seen(&ann).await, [made.id]);
    assert_eq!(seen(&bob).await, []);
    assert!(matches!(
        control.router(&bob, made.id).await,
        Err(Error::NotFound(_))
    ));
    // Each has a default security group of its own.
    for caller in [&ann, &bob] {
        let groups = control.page_security_groups(caller, Query::default()).await;
        assert_eq!(groups.unwrap().len(), 1);
    }
    // A project that was seen by an earlier run is no trouble.
    let again = Cloud::over(Arc::clone(&cloud.store)).await;
    again
        .directory
        .let_in("ann", Some((mine, Some(Role::Reader))));
    let ann = again.caller("ann").await;
    assert_eq!(ann.role, Role::Reader);
    assert!(again.control.router(&ann, made.id).await.is_ok());
}

#[tokio::test]
async fn many_may_come_first() {
    let cloud = Cloud::new().await;
    let project = ProjectId::random();
    cloud
        .directory
        .let_in("ann", Some((project, Some(Role::Member))));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let control = cloud.control.clone();
        all.spawn(async move { control.verify_token("ann").await });
    }
    while let Some(found) = all.join_next().await {
        assert_eq!(found.unwrap().unwrap().project, project);
    }
}

#[tokio::test]
async fn a_token_is_refused_for_what_it_lacks() {
    let cloud = Cloud::new().await;
    let project = ProjectId::random();
    cloud.directory.let_in("nowhere", None);
    cloud.directory.let_in("nobody", Some((project, None)));
    cloud
        .directory
        .let_in("ann", Some((project, Some(Role::Admin))));
    let control = &cloud.control;
    assert!(control.session("nowhere").await.unwrap().scope.is_none());
    assert!(matches!(
        control.session("nobody").await,
        Err(TokenError::NoRole)
    ));
    // Not even a row is left of it.
    let mut tx = cloud.store.read().await.unwrap();
    assert_eq!(tx.project(project).await.unwrap(), None);
    drop(tx);
    assert!(matches!(
        control.session("unknown").await,
        Err(TokenError::Invalid)
    ));
    assert!(control.session("ann").await.is_ok());
    *cloud.directory.away.lock().unwrap() = true;
    assert!(matches!(
        control.session("ann").await,
        Err(TokenError::Unasked(_))
    ));
    *cloud.directory.away.lock().unwrap() = false;
    cloud.clock.advance(Duration::from_secs(3601));
    assert!(matches!(
        control.session("ann").await,
        Err(TokenError::Expired)
    ));
}

#[tokio::test]
async fn administrators_act_for_projects_that_the_other_service_has() {
    let cloud = Cloud::new().await;
    let (known, unknown) = (ProjectId::random(), ProjectId::random());
    let project = ProjectId::random();
    cloud.directory.projects.lock().unwrap().push(known);
    cloud
        .directory
        .let_in("root", Some((project, Some(Role::Admin))));
    cloud
        .directory
        .let_in("ann", Some((project, Some(Role::Member))));
    let control = &cloud.control;
    let root = control.session("root").await.unwrap();
    assert_eq!(control.project(&root, known).await.unwrap().id, known);
    assert!(matches!(
        control.project(&root, unknown).await,
        Err(Error::NotFound(_))
    ));
    let ann = control.session("ann").await.unwrap();
    assert!(matches!(
        control.project(&ann, known).await,
        Err(Error::Forbidden(_))
    ));
    let limits = BTreeMap::new();
    let caller = root.caller().unwrap();
    assert!(matches!(
        control.set_quotas(&caller, unknown, &limits).await,
        Err(Error::NotFound(_))
    ));
    *cloud.directory.away.lock().unwrap() = true;
    assert!(matches!(
        control.set_quotas(&caller, unknown, &limits).await,
        Err(Error::Unavailable(_))
    ));
}

#[tokio::test]
async fn what_is_kept_here_opens_nothing_meanwhile_and_opens_again_after() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let own = World::over(Arc::clone(&store), config()).await;
    let key = own.control.replace_api_key("demo").await.unwrap();
    let password = own.control.replace_password("demo").await.unwrap();
    let token = own
        .control
        .issue_token(&own.demo, serde_json::Map::new())
        .text;
    let cloud = Cloud::over(Arc::clone(&store)).await;
    let control = &cloud.control;
    assert_eq!(control.authenticate(key.expose()).await.unwrap(), None);
    assert!(matches!(
        control.verify_token(&token).await,
        Err(TokenError::Invalid)
    ));
    let password = Password::new(password.expose()).unwrap();
    let proof = Proof::Password(UserRef::Name(name("demo")), password);
    assert!(control.log_in(None, proof, &Wish::Default).await.is_err());
    let back = World::over(store, config()).await;
    assert_eq!(back.control.verify_token(&token).await.unwrap(), own.demo);
}

#[tokio::test]
async fn a_store_that_began_elsewhere_gets_its_accounts_when_it_comes_home() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let cloud = Cloud::over(Arc::clone(&store)).await;
    let project = ProjectId::random();
    cloud
        .directory
        .let_in("ann", Some((project, Some(Role::Member))));
    let ann = cloud.caller("ann").await;
    let networks = async |control: &Control| {
        let query = Query::default();
        control.page_networks(&ann, query).await.unwrap()
    };
    let before = networks(&cloud.control).await;
    assert_eq!(before.len(), 1, "the external network");
    assert_ne!(before[0].network.project, project);
    let home = World::over(store, config()).await;
    assert_eq!(networks(&home.control).await.len(), 1);
    assert_eq!(home.admin.role, Role::Admin);
}
