//! What the change log must do.

use std::collections::BTreeMap;

use adit_model::change::{Actor, Change, ChangeKind, LogBounds, LogEntry, Origin};
use adit_model::{
    Connection, ConnectionRequest, EndpointGroup, FloatingIp, Gateway, IkePolicy, IpsecPolicy,
    Network, NetworkAcl, Noun, Port, ProjectId, PublicGateway, Route, Router, SecurityGroup,
    SecurityGroupRule, SshKey, Subnet, TunnelContext, UserId,
};
use uuid::Uuid;

use super::world::time;
use crate::{AuditQuery, Query, Row, Rows, Store, Transaction};

/// How often each row was changed.
type Changes = BTreeMap<(Noun, Uuid), u64>;

async fn stored<T: Row>(rows: &mut dyn Rows<T>, all: &mut Changes) {
    for row in rows.list(Query::default()).await.unwrap() {
        all.insert((T::NOUN, row.id()), row.revision().0 - 1);
    }
}

/// Checks that the log, from its beginning, tells of every row that projects have, and of every
/// revision of it, and of nothing else.
pub async fn log_and_rows_agree(tx: &mut dyn Transaction) {
    let mut told = Changes::new();
    for LogEntry { change, .. } in tx.log_after(None, 0, u32::MAX).await.unwrap() {
        if matches!(
            change.noun,
            Noun::ApiKey
                | Noun::ApplicationCredential
                | Noun::Project
                | Noun::Quota
                | Noun::RevokedToken
                | Noun::RoleAssignment
                | Noun::User
        ) {
            continue;
        }
        let key = (change.noun, change.id);
        match change.kind {
            ChangeKind::Created => assert_eq!(told.insert(key, 0), None, "{change:?}"),
            ChangeKind::Updated => *told.get_mut(&key).unwrap() += 1,
            ChangeKind::Deleted => assert!(told.remove(&key).is_some(), "{change:?}"),
        }
    }
    let mut all = Changes::new();
    stored::<Network>(tx, &mut all).await;
    stored::<Subnet>(tx, &mut all).await;
    stored::<Port>(tx, &mut all).await;
    stored::<Router>(tx, &mut all).await;
    stored::<FloatingIp>(tx, &mut all).await;
    stored::<PublicGateway>(tx, &mut all).await;
    stored::<NetworkAcl>(tx, &mut all).await;
    stored::<SshKey>(tx, &mut all).await;
    stored::<SecurityGroup>(tx, &mut all).await;
    stored::<SecurityGroupRule>(tx, &mut all).await;
    stored::<Gateway>(tx, &mut all).await;
    stored::<EndpointGroup>(tx, &mut all).await;
    stored::<IkePolicy>(tx, &mut all).await;
    stored::<IpsecPolicy>(tx, &mut all).await;
    stored::<Connection>(tx, &mut all).await;
    stored::<ConnectionRequest>(tx, &mut all).await;
    stored::<Route>(tx, &mut all).await;
    stored::<TunnelContext>(tx, &mut all).await;
    assert_eq!(told, all);
}

fn change(second: i64, project: Option<ProjectId>) -> Change {
    Change {
        at: time(second),
        project,
        actor: Actor::User(UserId::random()),
        origin: Origin::default(),
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
    kept[2].origin = Origin {
        address: Some("2001:db8::1".parse().unwrap()),
        request: Some("req-1".to_owned()),
    };
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
    let changes: Vec<Change> = entries.iter().map(|entry| entry.change.clone()).collect();
    assert_eq!((revisions, changes), (given.clone(), kept));
    assert!(given.is_sorted_by(|one, next| one < next), "{given:?}");
    assert_eq!(bounds(store).await, (given[0], given[2]));
    let mut tx = store.read().await.unwrap();
    let later = tx.log_after(None, given[0], 1).await.unwrap();
    assert_eq!(later, entries[1..2]);
    let own = tx.log_after(Some(two), 0, 9).await.unwrap();
    assert_eq!(own, entries[1..2]);
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
        // The last one stays in any case, so that its revision is not given again.
        (9, 99, 9, 0, 5),
        (0, 99, 9, 0, 5),
    ] {
        let mut tx = store.write().await.unwrap();
        let trimmed = tx.trim(keep, time(older_than), limit).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(trimmed, gone, "keep {keep}, older than {older_than}");
        assert_eq!(bounds(store).await, (given[first], given[5]));
    }
    let mut tx = store.write().await.unwrap();
    let next = tx.append(&change(20, None)).await.unwrap();
    assert!(next > given[5]);
}

pub async fn the_log_is_searched_from_its_newest_end(store: &dyn Store) {
    let (one, two) = (ProjectId::random(), ProjectId::random());
    let mut changes: Vec<_> = (0..6).map(|at| change(at, Some(one))).collect();
    changes[1].project = Some(two);
    changes[2].noun = Noun::Gateway;
    changes[3].id = changes[0].id;
    changes[4].actor = Actor::Service;
    changes[5].origin.request = Some("req-5".to_owned());
    let mut tx = store.write().await.unwrap();
    let mut given = Vec::new();
    for change in &changes {
        given.push(tx.append(change).await.unwrap());
    }
    tx.commit().await.unwrap();
    let all = AuditQuery {
        limit: 9,
        ..AuditQuery::default()
    };
    let cases: [(AuditQuery, &[usize]); 11] = [
        (all.clone(), &[5, 4, 3, 2, 1, 0]),
        (
            AuditQuery {
                limit: 2,
                ..all.clone()
            },
            &[5, 4],
        ),
        (
            AuditQuery {
                before: Some(given[4]),
                ..all.clone()
            },
            &[3, 2, 1, 0],
        ),
        (
            AuditQuery {
                project: Some(two),
                ..all.clone()
            },
            &[1],
        ),
        (
            AuditQuery {
                noun: Some(Noun::Gateway),
                ..all.clone()
            },
            &[2],
        ),
        (
            AuditQuery {
                id: Some(changes[0].id),
                ..all.clone()
            },
            &[3, 0],
        ),
        (
            AuditQuery {
                actor: Some(Actor::Service),
                ..all.clone()
            },
            &[4],
        ),
        (
            AuditQuery {
                request: Some("req-5".to_owned()),
                ..all.clone()
            },
            &[5],
        ),
        (
            AuditQuery {
                from: Some(time(4)),
                ..all.clone()
            },
            &[5, 4],
        ),
        (
            AuditQuery {
                until: Some(time(1)),
                ..all.clone()
            },
            &[0],
        ),
        (
            AuditQuery {
                project: Some(one),
                id: Some(changes[0].id),
                before: Some(given[3]),
                limit: 1,
                ..all
            },
            &[0],
        ),
    ];
    let mut tx = store.read().await.unwrap();
    for (query, found) in cases {
        let revisions: Vec<u64> = found.iter().map(|at| given[*at]).collect();
        let entries = tx.audit(&query).await.unwrap();
        let seen: Vec<u64> = entries.iter().map(|entry| entry.revision).collect();
        assert_eq!(seen, revisions, "{query:?}");
    }
}
