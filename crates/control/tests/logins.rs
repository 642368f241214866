//! Passwords, application credentials and what they open.

#![cfg(test)]

mod world;

use std::sync::Arc;
use std::time::Duration;

use adit_control::application_credential::NewApplicationCredential;
use adit_control::login::{CredentialRef, LoginError, ProjectRef, Proof, UserRef, Wish};
use adit_control::user::UserChange;
use adit_control::{Password, Session};
use adit_store::MemoryStore;
use world::{World, config, name};

async fn session(w: &World, user: &str) -> Session {
    let password = w.control.replace_password(user).await.unwrap();
    let proof = Proof::Password(UserRef::Name(name(user)), password);
    w.control.log_in(proof, &Wish::Default).await.unwrap().1
}

#[tokio::test]
async fn a_lost_password_is_replaced_and_the_old_one_opens_no_longer() {
    let w = World::new().await;
    let by = |password: &Password| Proof::Password(UserRef::Id(w.demo.user), password.clone());
    let old = w.control.replace_password("demo").await.unwrap();
    let (token, _) = w.control.log_in(by(&old), &Wish::Default).await.unwrap();
    assert_eq!(w.control.verify_token(&token).await.unwrap(), w.demo);
    let new = w.control.replace_password("demo").await.unwrap();
    assert!(!format!("{new:?}").contains(new.expose()));
    let refused = w.control.log_in(by(&old), &Wish::Default).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
    assert!(w.control.verify_token(&token).await.is_err());
    assert!(w.control.log_in(by(&new), &Wish::Default).await.is_ok());
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
        let by_password = w.control.log_in(proof, &Wish::Default).await;
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
    let (token, opened) = w.control.log_in(proof(), &Wish::Default).await.unwrap();
    assert!(opened.expires_at <= end);
    let elsewhere = Wish::Project(ProjectRef::Id(w.admin.project));
    let proof_again = Proof::Session(Box::new(opened));
    let refused = w.control.log_in(proof_again, &elsewhere).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
    w.clock.advance(Duration::from_secs(61));
    assert!(w.control.verify_token(&token).await.is_err());
    let refused = w.control.log_in(proof(), &Wish::Default).await;
    assert!(matches!(refused, Err(LoginError::Refused)));
}
