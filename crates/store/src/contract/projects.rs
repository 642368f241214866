//! What projects, and roles in them, must be.

use adit_model::project::Role;
use adit_model::{Project, ProjectId, RoleAssignment, UserId};

use super::identities::user;
use super::world::World;
use crate::{Store, StoreError};

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

pub async fn a_project_that_ended_is_there_for_its_things_alone(store: &dyn Store) {
    let w = World::new(1);
    w.store(store).await;
    let p = w.project.id;
    let before = store.identity_version();
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.ended_projects().await.unwrap(), []);
    assert!(tx.end_project(p).await.unwrap());
    assert!(!tx.end_project(p).await.unwrap());
    assert!(!tx.update_project(&w.project).await.unwrap());
    tx.commit().await.unwrap();
    assert_ne!(store.identity_version(), before);
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.project(p).await.unwrap(), None);
    assert_eq!(tx.projects().await.unwrap(), []);
    assert_eq!(tx.ended_projects().await.unwrap(), [p]);
    // What is its own can still be read, written and deleted.
    let stored = tx.router(p, w.router.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&w.router));
    tx.update_router(&w.router).await.unwrap();
    let twin = Project {
        id: ProjectId::random(),
        ..w.project.clone()
    };
    tx.insert_project(&twin).await.unwrap();
    assert!(tx.delete_connection(p, w.connection.id).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = store.write().await.unwrap();
    let refused = tx.delete_project(p).await;
    assert!(
        matches!(refused, Err(StoreError::Referenced)),
        "{refused:?}"
    );
    drop(tx);
    let empty = World::new(2).project;
    let mut tx = store.write().await.unwrap();
    tx.insert_project(&empty).await.unwrap();
    assert!(tx.end_project(empty.id).await.unwrap());
    assert!(tx.delete_project(empty.id).await.unwrap());
    assert_eq!(tx.ended_projects().await.unwrap(), [p]);
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
