//! What every store must do with users, what they show who they are by, and what they may do.

use adit_model::project::Role;
use adit_model::user::{ApiKey, KeyHash, PasswordHash, RevokedToken};
use adit_model::{
    ApiKeyId, ApplicationCredential, ApplicationCredentialId, Name, ProjectId, RoleAssignment,
    TokenId, User, UserId,
};

use super::world::{World, name, time};
use crate::{Store, StoreError};

pub(super) fn user(text: &str, default_project: Option<ProjectId>) -> User {
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
        id: ApiKeyId::random(),
        name: Name::parse("ci").unwrap(),
        description: "for tests".to_owned(),
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
    assert_eq!(tx.api_key_of_id(key.id).await.unwrap(), Some(key.clone()));
    assert_eq!(tx.api_key_of_id(ApiKeyId::random()).await.unwrap(), None);
    drop(tx);
    let mut tx = store.write().await.unwrap();
    let mut second = ApiKey {
        id: ApiKeyId::random(),
        hash: KeyHash([9; 32]),
        created_at: time(1),
        ..key.clone()
    };
    let twin = ApiKey {
        hash: KeyHash([10; 32]),
        ..key.clone()
    };
    tx.insert_api_key(&second).await.unwrap();
    second.name = Name::parse("renamed").unwrap();
    assert!(tx.update_api_key(&second).await.unwrap());
    assert_eq!(
        tx.api_keys(user.id).await.unwrap(),
        [key.clone(), second.clone()]
    );
    assert_eq!(tx.api_keys(UserId::random()).await.unwrap(), []);
    assert!(tx.delete_api_key(second.id).await.unwrap());
    assert!(!tx.delete_api_key(second.id).await.unwrap());
    assert!(!tx.update_api_key(&second).await.unwrap());
    let done = tx.insert_api_key(&twin).await;
    assert!(matches!(done, Err(StoreError::Duplicate)));
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

pub async fn a_change_of_identities_is_counted(store: &dyn Store) {
    let w = World::new(1);
    let before = store.identity_version();
    w.store(store).await;
    let after = store.identity_version();
    assert_ne!(before, after, "a project was made");
    let mut tx = store.write().await.unwrap();
    tx.delete_connection(w.project.id, w.connection.id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.identity_version(), after);
    let mut tx = store.write().await.unwrap();
    let row = user("ann", None);
    tx.insert_user(&row).await.unwrap();
    drop(tx);
    assert_eq!(store.identity_version(), after, "it was undone");
    let mut tx = store.write().await.unwrap();
    tx.insert_user(&row).await.unwrap();
    tx.commit().await.unwrap();
    assert_ne!(store.identity_version(), after);
}
