//! Passwords, application credentials and what they open.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::world::{World, config, name};
use adit_control::application_credential::NewApplicationCredential;
use adit_control::login::{CredentialRef, LoginError, ProjectRef, Proof, UserRef, Wish};
use adit_control::user::UserChange;
use adit_control::{Error, Password, Session};
use adit_store::MemoryStore;

async fn session(w: &World, user: &str) -> Session {
    let password = w.control.replace_password(user).await.unwrap();
    let proof = Proof::Password(UserRef::Name(name(user)), password);
    w.control
        .log_in(None, proof, &Wish::Default)
        .await
        .unwrap()
        .1
}

#[tokio::test]
async fn a_lost_password_is_replaced_and_the_old_one_opens_no_longer() {
    let w = World::new().await;
    let by = |password: &Password| Proof::Password(UserRef::Id(w.demo.user), password.clone());
    let old = w.control.replace_password("demo").await.unwrap();
    let (token, _) = w
        .control
        .log_in(None, by(&old), &Wish::Default)
        .await
        .unwrap();
    assert_eq!(w.control.verify_token(&token).await.unwrap(), w.demo);
    let new = w.control.replace_password("demo").await.unwrap();
    assert!(!format!("{new:?}").contains(new.expose()));
    let refused = w.control.log_in(None, by(&old), &Wish::Default).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
    assert!(w.control.verify_token(&token).await.is_err());
    assert!(
        w.control
            .log_in(None, by(&new), &Wish::Default)
            .await
            .is_ok()
    );
    assert!(w.control.replace_password("nobody").await.is_err());
}

#[tokio::test]
async fn a_disabled_user_s_key_and_password_open_nothing() {
    let w = World::new().await;
    let admin = session(&w, "admin").await;
    let key = w.control.replace_api_key("demo").await.unwrap();
    let password = w.control.replace_password("demo").await.unwrap();
    let change = |enabled| UserChange {
        enabled: Some(enabled),
        ..UserChange::default()
    };
    for enabled in [false, true] {
        let done = w.control.update_user(&admin, w.demo.user, change(enabled));
        done.await.unwrap();
        let by_key = w.control.authenticate(key.expose()).await.unwrap();
        assert_eq!(by_key.is_some(), enabled);
        let proof = Proof::Password(UserRef::Id(w.demo.user), password.clone());
        let by_password = w.control.log_in(None, proof, &Wish::Default).await;
        assert_eq!(by_password.is_ok(), enabled);
    }
}

#[tokio::test]
async fn an_application_credential_and_its_tokens_end_together() {
    let w = World::over(Arc::new(MemoryStore::default()), config()).await;
    let demo = session(&w, "demo").await;
    let end = w.control.now() + Duration::from_secs(60);
    let new = NewApplicationCredential {
        name: name("c"),
        description: String::new(),
        secret: None,
        role: None,
        unrestricted: false,
        expires_at: Some(end),
    };
    let made = w
        .control
        .create_application_credential(&demo, w.demo.user, new);
    let (row, secret) = made.await.unwrap();
    let proof = || Proof::ApplicationCredential(CredentialRef::Id(row.id), secret.clone());
    let (token, opened) = w
        .control
        .log_in(None, proof(), &Wish::Default)
        .await
        .unwrap();
    assert!(opened.expires_at <= end);
    let elsewhere = Wish::Project(ProjectRef::Id(w.admin.project));
    let proof_again = Proof::Session(Box::new(opened));
    let refused = w.control.log_in(None, proof_again, &elsewhere).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
    w.clock.advance(Duration::from_secs(61));
    assert!(w.control.verify_token(&token).await.is_err());
    let refused = w.control.log_in(None, proof(), &Wish::Default).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
}

fn from(last: u8) -> Option<IpAddr> {
    Some([192, 0, 2, last].into())
}

async fn wrong(w: &World, from: Option<IpAddr>, user: UserRef) -> LoginError {
    let proof = Proof::Password(user, Password::new("wrong").unwrap());
    let outcome = w.control.log_in(from, proof, &Wish::Default).await;
    outcome.unwrap_err()
}

#[tokio::test]
async fn who_is_wrong_too_often_has_to_wait_whatever_is_shown_then() {
    let w = World::new().await;
    let password = w.control.replace_password("demo").await.unwrap();
    let (id, by_name) = (UserRef::Id(w.demo.user), UserRef::Name(name("demo")));
    let nobody = UserRef::Name(name("nobody"));
    for n in 0..10 {
        // By name and by id, it is one account. Whether there is one can't be told.
        let user = if n % 2 == 0 { &id } else { &by_name };
        for user in [user, &nobody] {
            let refused = wrong(&w, from(n), user.clone()).await;
            assert!(matches!(refused, LoginError::Refused), "{refused:?}");
        }
    }
    for user in [&id, &nobody] {
        let refused = wrong(&w, from(99), user.clone()).await;
        let LoginError::Control(Error::TooManyAttempts { seconds: 1..=10 }) = refused else {
            panic!("{refused:?}");
        };
    }
    let right = || Proof::Password(id.clone(), password.clone());
    let refused = w.control.log_in(from(99), right(), &Wish::Default).await;
    assert!(matches!(
        refused,
        Err(LoginError::Control(Error::TooManyAttempts { .. }))
    ));
    w.clock.advance(Duration::from_secs(10));
    w.control
        .log_in(from(99), right(), &Wish::Default)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_crowd_of_wrong_passwords_is_refused_and_hashes_few() {
    let w = World::new().await;
    let attempts = (0..300).map(|_| wrong(&w, from(1), UserRef::Name(name("admin"))));
    let outcomes = futures_util::future::join_all(attempts).await;
    let refused = |outcome: &&LoginError| matches!(outcome, LoginError::Refused);
    let hashed = outcomes.iter().filter(refused).count();
    // The account's budget, and what was being hashed when it was used up.
    assert!((10..=14).contains(&hashed), "{hashed}");
    let busy = |outcome: &&LoginError| {
        matches!(outcome, LoginError::Control(Error::Busy { seconds: 1.. }))
    };
    assert!(outcomes.iter().filter(busy).count() > 200);
}

#[tokio::test]
async fn lockout_is_keystone_s() {
    let mut config = config();
    config.login.lockout_failures = 3;
    config.login.lockout = Duration::from_secs(60);
    let w = World::over(Arc::new(MemoryStore::default()), config).await;
    let password = w.control.replace_password("demo").await.unwrap();
    let log_in = || {
        let proof = Proof::Password(UserRef::Id(w.demo.user), password.clone());
        w.control.log_in(from(1), proof, &Wish::Default)
    };
    log_in().await.unwrap();
    for _ in 0..3 {
        wrong(&w, from(1), UserRef::Id(w.demo.user)).await;
    }
    // Keystone doesn't say that it is locked.
    assert!(matches!(log_in().await, Err(LoginError::Refused)));
    w.clock.advance(Duration::from_secs(61));
    log_in().await.unwrap();
}

#[tokio::test]
async fn who_has_a_session_can_t_guess_the_password_by_changing_it() {
    let w = World::new().await;
    let demo = session(&w, "demo").await;
    let (guess, new) = (
        Password::new("guess").unwrap(),
        Password::new("new").unwrap(),
    );
    let mut outcomes = Vec::new();
    for _ in 0..12 {
        let change = w.control.change_password(&demo, w.demo.user, &guess, &new);
        outcomes.push(change.await);
    }
    assert!(matches!(outcomes[0], Ok(false)));
    let last = &outcomes[11];
    assert!(matches!(last, Err(Error::TooManyAttempts { .. })));
}
