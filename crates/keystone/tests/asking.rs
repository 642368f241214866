//! Asking a Keystone: what it says, how often it is asked, and what happens when it fails.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{Mood, PASSWORD, PROJECT, World, member, token};
use adit_control::identity::{ForeignSession, IdentifyError};
use adit_control::{IdentityProvider, Password};
use adit_keystone::{AskError, Keystone, KeystoneConfig};
use adit_model::ProjectId;
use adit_model::project::Role;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// What could not be answered, as the log says it.
#[track_caller]
fn unavailable(found: Result<ForeignSession, IdentifyError>) -> String {
    match found {
        Err(IdentifyError::Unavailable(error)) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            assert!(
                !text.contains("planted") && !text.contains("service-"),
                "{text}"
            );
            text
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(found: &Result<ForeignSession, IdentifyError>) {
    assert!(matches!(found, Err(IdentifyError::Refused)), "{found:?}");
}

#[tokio::test]
async fn a_token_says_who_where_and_as_what() {
    let w = World::new().await;
    w.know("good", member());
    let found = w.client().identify("good").await.unwrap();
    assert_eq!(
        found.user.uuid().simple().to_string(),
        "994bba18442645828b33376f2ec9c485"
    );
    assert_eq!(found.user_name.as_str(), "ann");
    let scope = found.scope.unwrap();
    assert_eq!(scope.project.uuid().simple().to_string(), PROJECT);
    assert_eq!(scope.name.as_str(), "demo");
    assert_eq!(scope.role, Some(Role::Member));
    assert_eq!((found.expires_at - found.issued_at).whole_seconds(), 3600);
    let asked = w.set(|state| state.login_bodies.remove(0));
    let domain = json!({"name": "Default"});
    let user = json!({"name": "adit", "domain": domain, "password": PASSWORD});
    let expected = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "service", "domain": domain}},
    }});
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn the_strongest_known_role_counts_in_any_case() {
    let w = World::new().await;
    let keystone = w.client();
    for (number, (roles, expected)) in [
        (&["reader"][..], Some(Role::Reader)),
        (&["reader", "member", "manager", "admin"], Some(Role::Admin)),
        (&["heat_stack_owner", "Member"], Some(Role::Member)),
        (
            &["heat_stack_owner", "manager", "service", "_member_"],
            None,
        ),
        (&[], None),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("token-{number}");
        w.know(&text, token(roles, 3600));
        let found = keystone.identify(&text).await.unwrap();
        assert_eq!(found.scope.unwrap().role, expected, "{roles:?}");
    }
}

#[tokio::test]
async fn without_a_project_there_is_no_scope_and_long_user_ids_stay_apart() {
    let w = World::new().await;
    let keystone = w.client();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = member();
        change(&mut body);
        body
    };
    w.know(
        "unscoped",
        with(&|body| drop(body.as_object_mut().unwrap().remove("project"))),
    );
    w.know("domain", with(&|body| body["is_domain"] = json!(true)));
    for text in ["unscoped", "domain"] {
        assert_eq!(keystone.identify(text).await.unwrap().scope, None);
    }
    let long = |end: &str| format!("{}{end}", "ab".repeat(31));
    w.know("one", with(&|body| body["user"]["id"] = json!(long("01"))));
    w.know("two", with(&|body| body["user"]["id"] = json!(long("02"))));
    let one = keystone.identify("one").await.unwrap().user;
    let two = keystone.identify("two").await.unwrap().user;
    assert_ne!(one, two);
    assert_eq!(w.client().identify("one").await.unwrap().user, one);
    w.know(
        "odd",
        with(&|body| body["project"]["id"] = json!("default")),
    );
    refused(&keystone.identify("odd").await);
}

#[tokio::test]
async fn an_answer_is_remembered_and_so_is_a_refusal() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = w.client();
    for _ in 0..3 {
        keystone.identify("good").await.unwrap();
        refused(&keystone.identify("bad").await);
    }
    assert_eq!(w.set(|state| (state.logins, state.questions)), (1, 2));
    let forgetful = w.forgetful();
    for _ in 0..3 {
        forgetful.identify("good").await.unwrap();
        refused(&forgetful.identify("bad").await);
    }
    assert_eq!(w.set(|state| (state.logins, state.questions)), (2, 8));
}

#[tokio::test]
async fn many_who_show_one_new_token_are_one_question() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = Arc::new(w.client());
    let gate = w.gate.acquire_many(1000).await.unwrap();
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let keystone = Arc::clone(&keystone);
        all.spawn(async move { keystone.identify("good").await });
    }
    while w.set(|state| state.questions) == 0 {
        tokio::task::yield_now().await;
    }
    drop(gate);
    while let Some(found) = all.join_next().await {
        found.unwrap().unwrap();
    }
    assert_eq!(w.set(|state| (state.logins, state.questions)), (1, 1));
}

#[tokio::test]
async fn who_asked_first_may_go_away() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = Arc::new(w.client());
    let gate = w.gate.acquire_many(1000).await.unwrap();
    let ask = || {
        let keystone = Arc::clone(&keystone);
        tokio::spawn(async move { keystone.identify("good").await })
    };
    let first = ask();
    while w.set(|state| state.questions) == 0 {
        tokio::task::yield_now().await;
    }
    let second = ask();
    first.abort();
    drop(gate);
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_service_user_logs_in_again_when_its_token_is_no_longer_taken() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = w.forgetful();
    keystone.identify("good").await.unwrap();
    w.set(|state| state.service.clear());
    keystone.identify("good").await.unwrap();
    assert_eq!(w.set(|state| (state.logins, state.questions)), (2, 3));
}

#[tokio::test]
async fn the_service_user_s_token_is_replaced_before_it_ends() {
    let w = World::new().await;
    w.know("good", member());
    w.set(|state| state.service_lifetime = 0);
    let keystone = w.forgetful();
    keystone.identify("good").await.unwrap();
    w.set(|state| state.service_lifetime = 3600);
    for _ in 0..2 {
        keystone.identify("good").await.unwrap();
    }
    // No question was answered with 401 on the way.
    assert_eq!(w.set(|state| (state.logins, state.questions)), (2, 3));
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again_at_once() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = Keystone::new(KeystoneConfig {
        password: Password::new("planted, and wrong").unwrap(),
        ..w.config()
    })
    .unwrap();
    assert!(matches!(
        keystone.check().await,
        Err(AskError::LoginRefused)
    ));
    for _ in 0..3 {
        let said = unavailable(keystone.identify("good").await);
        assert!(said.contains("let the service user in"), "{said}");
    }
    assert_eq!(w.set(|state| (state.logins, state.questions)), (1, 0));
}

#[tokio::test]
async fn a_keystone_that_fails_leaves_tokens_unknown_until_it_is_well_again() {
    let w = World::new().await;
    w.know("good", member());
    let keystone = Keystone::new(KeystoneConfig {
        patience: Duration::from_millis(300),
        ..w.config()
    })
    .unwrap();
    for (mood, words) in [
        (Mood::Status(503), "status 503"),
        (Mood::Status(500), "status 500"),
        (Mood::Status(301), "status 301"),
        (Mood::Status(204), "status 204"),
        (Mood::Status(401), "doesn't take the service user's token"),
        (Mood::Status(403), "needs the role service or admin"),
        (Mood::Garbage, "status 200 with something else"),
        (Mood::NotThere, "status 404 with something else"),
        (Mood::Huge, "too large"),
        (Mood::Silent, "no answer in time"),
    ] {
        w.set(|state| state.mood = mood);
        let said = unavailable(keystone.identify("good").await);
        assert!(said.contains(words), "{mood:?}: {said}");
    }
    w.set(|state| state.mood = Mood::Good);
    keystone.identify("good").await.unwrap();
    // What is known stays known meanwhile; what is not, is not guessed.
    w.set(|state| state.mood = Mood::Status(503));
    keystone.identify("good").await.unwrap();
    unavailable(keystone.identify("new").await);
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let w = World::new().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let keystone = Keystone::new(KeystoneConfig {
        url: format!("http://{address}").parse().unwrap(),
        ..w.config()
    })
    .unwrap();
    assert!(matches!(
        keystone.check().await,
        Err(AskError::Connect { .. })
    ));
    let said = unavailable(keystone.identify("good").await);
    assert!(
        said.contains(&format!("no connection to {address}")),
        "{said}"
    );
}

#[tokio::test]
async fn what_can_be_no_token_is_refused_without_a_question() {
    let w = World::new().await;
    let keystone = w.client();
    for text in ["", "a\nb", "a\u{7f}", &"x".repeat(8193)] {
        refused(&keystone.identify(text).await);
    }
    assert_eq!(w.set(|state| (state.logins, state.questions)), (0, 0));
}

#[tokio::test]
async fn projects_are_looked_up_as_far_as_the_service_user_may() {
    let w = World::new().await;
    let keystone = w.client();
    let known: ProjectId = PROJECT.parse().unwrap();
    let unknown = ProjectId::random();
    assert!(keystone.has_project(known).await.unwrap());
    assert!(!keystone.has_project(unknown).await.unwrap());
    w.set(|state| state.mood = Mood::Status(403));
    assert!(keystone.has_project(unknown).await.unwrap());
    w.set(|state| state.mood = Mood::Status(500));
    assert!(keystone.has_project(known).await.is_err());
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let w = World::new().await;
    let printed = format!("{:?} {:?}", w.config(), w.client());
    assert!(!printed.contains("planted"), "{printed}");
}
