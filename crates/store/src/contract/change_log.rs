//! What the change log must do.

use adit_model::change::{Actor, Change, ChangeKind, LogBounds, LogEntry};
use adit_model::{Noun, ProjectId, UserId};
use uuid::Uuid;

use super::world::time;
use crate::Store;

fn change(second: i64, project: Option<ProjectId>) -> Change {
    Change {
        at: time(second),
        project,
        actor: Actor::User(UserId::random()),
        noun: Noun::Network,
        id: Uuid::new_v4(),
        kind: ChangeKind::Created,
    }
}

async fn all(store: &dyn Store) -> Vec<LogEntry> {
    let mut tx = store.read().await.unwrap();
    tx.log_after(None, 0, 100).await.unwrap()
}

async fn bounds(store: &dyn Store) -> (u64, u64) {
    let mut tx = store.read().await.unwrap();
    let LogBounds { first, last } = tx.log_bounds().await.unwrap();
    (first, last)
}

pub async fn the_log_has_what_was_committed_in_its_order(store: &dyn Store) {
    let (one, two) = (ProjectId::random(), ProjectId::random());
    assert_eq!(bounds(store).await, (1, 0));
    let mut kept = vec![change(1, Some(one)), change(1, Some(two)), change(3, None)];
    kept[1].actor = Actor::Service;
    kept[1].kind = ChangeKind::Updated;
    kept[2].noun = Noun::RevokedToken;
    kept[2].kind = ChangeKind::Deleted;
    let mut given = Vec::new();
    let mut tx = store.write().await.unwrap();
    for change in &kept[..2] {
        given.push(tx.append(change).await.unwrap());
    }
    let mut seen = store.read().await.unwrap();
    assert_eq!(seen.log_after(None, 0, 9).await.unwrap(), []);
    tx.commit().await.unwrap();
    let mut tx = store.write().await.unwrap();
    tx.append(&change(2, None)).await.unwrap();
    drop(tx);
    let mut tx = store.write().await.unwrap();
    given.push(tx.append(&kept[2]).await.unwrap());
    tx.commit().await.unwrap();
    let entries = all(store).await;
    let revisions: Vec<u64> = entries.iter().map(|entry| entry.revision).collect();
    let changes: Vec<Change> = entries.iter().map(|entry| entry.change).collect();
    assert_eq!((revisions, changes), (given.clone(), kept));
    assert!(given.is_sorted_by(|one, next| one < next), "{given:?}");
    assert_eq!(bounds(store).await, (given[0], given[2]));
    let mut tx = store.read().await.unwrap();
    let later = tx.log_after(None, given[0], 1).await.unwrap();
    assert_eq!(later, [entries[1]]);
    let own = tx.log_after(Some(two), 0, 9).await.unwrap();
    assert_eq!(own, [entries[1]]);
    assert_eq!(tx.log_after(None, given[2], 9).await.unwrap(), []);
}

pub async fn the_log_is_trimmed_from_its_oldest_end(store: &dyn Store) {
    let mut tx = store.write().await.unwrap();
    let mut given = Vec::new();
    // A clock that was set back in between makes no hole.
    for second in [10, 11, 5, 12, 13, 14] {
        given.push(tx.append(&change(second, None)).await.unwrap());
    }
    tx.commit().await.unwrap();
    for (keep, older_than, limit, gone, first) in [
        (9, 10, 9, 0, 0),
        (9, 11, 9, 1, 1),
        (9, 13, 1, 1, 2),
        (9, 13, 9, 2, 4),
        (1, 0, 9, 1, 5),
        (9, 99, 9, 1, 6),
    ] {
        let mut tx = store.write().await.unwrap();
        let trimmed = tx.trim(keep, time(older_than), limit).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(trimmed, gone, "keep {keep}, older than {older_than}");
        let next = given.get(first).copied().unwrap_or(given[5] + 1);
        assert_eq!(bounds(store).await, (next, given[5]));
    }
    // What is gone is not given again.
    let mut tx = store.write().await.unwrap();
    let next = tx.append(&change(20, None)).await.unwrap();
    assert!(next > given[5]);
}
