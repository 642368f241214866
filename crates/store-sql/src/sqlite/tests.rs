use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use adit_store::contract::{World, certificates, ppk};
use uuid::Uuid;

use super::*;
use crate::KeyFileError;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("adit-store-sql-{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn key(&self) -> KeyFile {
        KeyFile::open_or_create(&self.0.join("key")).unwrap()
    }

    /// The database, past the store.
    fn raw(&self) -> Connection {
        Connection::open(self.0.join("adit.db")).unwrap()
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.0.join("adit.db"), &self.key())
            .await
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

mod contract {
    use std::ops::Deref;

    use super::*;

    struct Fresh {
        store: SqliteStore,
        _folder: Folder,
    }

    impl Deref for Fresh {
        type Target = SqliteStore;

        fn deref(&self) -> &SqliteStore {
            &self.store
        }
    }

    async fn store() -> Fresh {
        let folder = Folder::new();
        Fresh {
            store: folder.store().await,
            _folder: folder,
        }
    }

    adit_store::contract_tests!(store());
}

#[tokio::test]
async fn a_planted_psk_is_in_no_file_of_the_database() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    world.store(&store).await;
    let planted = world
        .connection
        .authentication
        .psk()
        .unwrap()
        .expose()
        .to_vec();
    let find = |needle: &[u8]| {
        let mut hits = 0;
        for entry in fs::read_dir(&folder.0).unwrap() {
            let octets = fs::read(entry.unwrap().path()).unwrap();
            hits += octets
                .windows(needle.len())
                .filter(|window| *window == needle)
                .count();
        }
        hits
    };
    assert_eq!(find(&planted), 0);
    let peer = world.connection.peer_address.to_string();
    assert!(find(peer.as_bytes()) > 0, "the search itself finds nothing");
    assert!(folder.0.join("adit.db-wal").exists());
    store.close().await;
    assert_eq!(find(&planted), 0);
}

#[tokio::test]
async fn what_tunnel_contexts_had_translated_is_their_connections_after_the_twentieth_migration() {
    let folder = Folder::new();
    let mut world = World::new(1);
    world.connection.translations = Vec::new();
    if let Some(running) = &mut world.tunnel_context.running {
        running.connection = world.connection.id;
    }
    world.store(&folder.store().await).await;
    // As it was before.
    let raw = folder.raw();
    raw.execute_batch(
        "ALTER TABLE connections DROP COLUMN translations;
         DELETE FROM refinery_schema_history WHERE version = 20;
         PRAGMA user_version = 19;
         UPDATE tunnel_contexts SET running = json_set(running, '$.translations', json(
             '[{\"id\":\"7\",\"internal\":\"10.1.255.92\",\"customer\":\"192.168.7.15\",\"notes\":\"\"}]'));",
    )
    .unwrap();
    drop(raw);
    let store = folder.store().await;
    let mut tx = store.read().await.unwrap();
    let found = tx.connection(world.project.id, world.connection.id).await;
    let host = |text: &str| text.parse().unwrap();
    let expected = adit_model::Translation {
        end: adit_model::translation::End::Peer,
        cidr: host("192.168.7.15/32"),
        shown_as: host("10.1.255.92/32"),
    };
    assert_eq!(found.unwrap().unwrap().translations, [expected]);
    let behind = tx.connections_behind(world.router.id, expected.shown_as);
    assert_eq!(behind.await.unwrap().len(), 1);
    let context = tx.tunnel_context(world.project.id, world.tunnel_context.id);
    assert_eq!(context.await.unwrap(), Some(world.tunnel_context.clone()));
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again_without_a_close() {
    let folder = Folder::new();
    let world = World::new(1);
    let first = folder.store().await;
    world.store(&first).await;
    let second = folder.store().await;
    let mut tx = second.read().await.unwrap();
    let stored = tx
        .connection(world.project.id, world.connection.id)
        .await
        .unwrap();
    assert_eq!(stored, Some(world.connection));
}

#[tokio::test]
async fn the_log_does_not_grow_with_the_number_of_commits() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    world.store(&store).await;
    let mut sizes = Vec::new();
    for _ in 0..4 {
        for _ in 0..300 {
            let mut tx = store.write().await.unwrap();
            tx.update_project(&world.project).await.unwrap();
            tx.commit().await.unwrap();
        }
        let log = folder.0.join("adit.db-wal");
        sizes.push(fs::metadata(log).unwrap().len());
    }
    assert!(sizes[3] < 2 * sizes[0], "{sizes:?}");
}

#[tokio::test]
async fn an_envelope_moved_to_another_row_does_not_open() {
    let folder = Folder::new();
    let store = folder.store().await;
    let (one, two) = (World::new(1), World::new(2));
    one.store(&store).await;
    two.store(&store).await;
    let sql = "UPDATE connections SET psk = (SELECT psk FROM connections WHERE id = ?)";
    folder
        .raw()
        .execute(sql, [one.connection.id.to_string()])
        .unwrap();
    let mut tx = store.read().await.unwrap();
    let own = tx.any_connection(one.connection.id).await.unwrap();
    assert_eq!(own.unwrap().authentication, one.connection.authentication);
    let moved = tx.any_connection(two.connection.id).await.unwrap();
    assert!(moved.unwrap().authentication.is_lost());
}

#[tokio::test]
async fn private_keys_are_sealed_and_open_in_their_own_row_alone() {
    let folder = Folder::new();
    let store = folder.store().await;
    let (one, two) = (World::new(1), World::new(2));
    let mut connection = one.connection.clone();
    connection.authentication = certificates();
    connection.ppk = Some(ppk());
    one.store(&store).await;
    two.store(&store).await;
    let mut tx = store.write().await.unwrap();
    tx.update_connection(&connection).await.unwrap();
    tx.commit().await.unwrap();
    // As they are, and as they travel.
    let spelled = serde_json::to_string(b"planted".as_slice()).unwrap();
    let spelled = spelled.trim_matches(['[', ']']).to_owned();
    for entry in fs::read_dir(&folder.0).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        for needle in [b"planted".as_slice(), spelled.as_bytes()] {
            assert!(!octets.windows(needle.len()).any(|window| window == needle));
        }
    }
    let sql =
        "UPDATE connections SET credentials = (SELECT credentials FROM connections WHERE id = ?)";
    let id = one.connection.id.to_string();
    folder.raw().execute(sql, [id]).unwrap();
    let mut tx = store.read().await.unwrap();
    let own = tx.any_connection(one.connection.id).await.unwrap().unwrap();
    assert_eq!(own.authentication, connection.authentication);
    assert_eq!(own.ppk, connection.ppk);
    // Without what can't be opened, the key alone is not what was wished.
    let moved = tx.any_connection(two.connection.id).await.unwrap();
    assert!(moved.unwrap().authentication.is_lost());
}

#[tokio::test]
async fn another_key_file_is_refused_at_once() {
    let folder = Folder::new();
    folder.store().await.close().await;
    fs::remove_file(folder.0.join("key")).unwrap();
    let opened = SqliteStore::open(&folder.0.join("adit.db"), &folder.key()).await;
    assert!(matches!(opened, Err(OpenError::WrongKey(_))), "{opened:?}");
}

#[tokio::test]
async fn a_database_of_a_later_version_or_of_a_draft_is_refused() {
    let folder = Folder::new();
    folder.store().await.close().await;
    let later = 1 + schema::KNOWN;
    folder
        .raw()
        .pragma_update(None, "user_version", later)
        .unwrap();
    let opened = SqliteStore::open(&folder.0.join("adit.db"), &folder.key()).await;
    assert!(
        matches!(opened, Err(OpenError::Newer { found, known: schema::KNOWN }) if found == later),
        "{opened:?}"
    );
    folder.raw().pragma_update(None, "user_version", 0).unwrap();
    folder
        .raw()
        .execute("CREATE TABLE _sqlx_migrations (version INTEGER)", [])
        .unwrap();
    let opened = SqliteStore::open(&folder.0.join("adit.db"), &folder.key()).await;
    assert!(matches!(opened, Err(OpenError::Draft)), "{opened:?}");
}

#[tokio::test]
async fn a_database_with_the_tables_of_an_earlier_commit_is_refused() {
    let folder = Folder::new();
    folder.store().await.close().await;
    folder.store().await.close().await;
    folder
        .raw()
        .execute(
            "ALTER TABLE gateways RENAME COLUMN description TO comment",
            [],
        )
        .unwrap();
    let opened = SqliteStore::open(&folder.0.join("adit.db"), &folder.key()).await;
    assert!(matches!(opened, Err(OpenError::Tables)), "{opened:?}");
}

#[tokio::test]
async fn what_is_no_longer_waited_for_gives_its_connection_back_and_changes_nothing() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    let mut tx = store.write().await.unwrap();
    tx.insert_project(&world.project).await.unwrap();
    {
        // Polled once: the list is on its way on another thread, and is dropped there.
        let list = pin!(tx.projects());
        let once = list.poll(&mut Context::from_waker(Waker::noop()));
        drop(once);
    }
    let left = tx.projects().await;
    assert!(
        left.as_ref().is_ok_and(|rows| rows.len() == 1)
            || matches!(left, Err(StoreError::Unavailable(_))),
        "{left:?}"
    );
    drop(tx);
    let mut tx = store.write().await.unwrap();
    assert_eq!(tx.project(world.project.id).await.unwrap(), None);
    drop(tx);
    // Readers give theirs back too: there are more turns than connections.
    for _ in 0..2 * READERS {
        let mut tx = store.read().await.unwrap();
        assert!(tx.projects().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn another_programs_write_is_waited_for_without_holding_up_this_one() {
    let folder = Folder::new();
    let store = folder.store().await;
    let other = folder.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (write, ()) = tokio::join!(store.write(), async {
        // On one thread, this is reached only if the wait is elsewhere.
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.execute_batch("ROLLBACK").unwrap();
    });
    assert!(write.is_ok(), "{:?}", write.err());
}

#[test]
fn a_key_file_is_made_once_for_the_owner_alone() {
    let folder = Folder::new();
    let path = folder.0.join("key");
    let first = folder.key();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(first.token_key(), folder.key().token_key());
    assert_ne!(first.token_key(), Folder::new().key().token_key());
    assert_eq!(
        fs::read_dir(&folder.0).unwrap().count(),
        1,
        "a draft was left"
    );
}

#[test]
fn a_key_file_that_others_may_read_or_that_is_cut_is_refused() {
    let folder = Folder::new();
    let path = folder.0.join("key");
    folder.key();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let loose = KeyFile::open_or_create(&path);
    assert!(matches!(
        loose,
        Err(KeyFileError::Loose { mode: 0o640, .. })
    ));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, [1; 31]).unwrap();
    let cut = KeyFile::open_or_create(&path);
    assert!(matches!(cut, Err(KeyFileError::Malformed(_))));
}

#[tokio::test]
async fn a_key_that_can_t_be_read_is_its_connection_s_trouble_alone() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    world.store(&store).await;
    let mut other = world.connection.clone();
    other.id = adit_model::ConnectionId::random();
    let mut tx = store.write().await.unwrap();
    tx.insert_connection(&other).await.unwrap();
    tx.commit().await.unwrap();
    let bend = "UPDATE connections SET psk = ? WHERE id = ?";
    let id = other.id.to_string();
    for bent in [&b""[..], b"bent", &[7; 80]] {
        folder.raw().execute(bend, (bent, &id)).unwrap();
        let mut tx = store.read().await.unwrap();
        let all = tx.connections_of_gateway(other.gateway).await.unwrap();
        assert_eq!(all.len(), 2);
        for row in all {
            assert_eq!(row.authentication.is_lost(), row.id == other.id);
        }
    }
    // It stays so when something else is changed, and is over with another key.
    let mut tx = store.write().await.unwrap();
    let mut lost = tx.any_connection(other.id).await.unwrap().unwrap();
    lost.revision = tx.update_connection(&lost).await.unwrap();
    assert!(
        tx.any_connection(other.id)
            .await
            .unwrap()
            .unwrap()
            .authentication
            .is_lost()
    );
    lost.authentication = world.connection.authentication.clone();
    tx.update_connection(&lost).await.unwrap();
    let found = tx.any_connection(other.id).await.unwrap().unwrap();
    assert_eq!(found.authentication, world.connection.authentication);
    assert!(tx.delete_connection(other.project, other.id).await.unwrap());
}

#[tokio::test]
async fn a_copy_is_read_and_every_change_refused() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    world.store(&store).await;
    let place = folder.0.join("copy");
    fs::create_dir(&place).unwrap();
    let (database, key) = (folder.0.join("adit.db"), folder.key());
    let copy = SqliteStore::open_copy(&database, &key, &place);
    let copy = copy.await.unwrap();
    copy.write().await.unwrap().commit().await.unwrap();
    assert!(copy.check().await.is_ok());
    copy.refuse_writes();
    let mut tx = copy.read().await.unwrap();
    assert!(
        tx.any_connection(world.connection.id)
            .await
            .unwrap()
            .is_some()
    );
    let refused = copy.write().await.err().unwrap();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("start it again"), "{cause}");
    assert!(copy.check().await.is_err());
    assert_eq!(copy.write_failures(), 1);
}

#[tokio::test]
async fn a_backup_of_a_database_in_use_has_all_that_was_committed() {
    let folder = Folder::new();
    let store = folder.store().await;
    let world = World::new(1);
    world.store(&store).await;
    let to = folder.0.join("backup.db");
    SqliteStore::back_up(&folder.0.join("adit.db"), &to).unwrap();
    assert!(SqliteStore::back_up(&folder.0.join("adit.db"), &to).is_err());
    SqliteStore::check(&to, &folder.key()).unwrap();
    let other = KeyFile::open_or_create(&folder.0.join("other")).unwrap();
    let wrong = SqliteStore::check(&to, &other);
    assert!(matches!(wrong, Err(OpenError::WrongKey(_))));
    let kept = SqliteStore::open(&to, &folder.key()).await.unwrap();
    let mut tx = kept.read().await.unwrap();
    let found = tx.any_connection(world.connection.id).await.unwrap();
    let found = found.unwrap().authentication;
    assert_eq!(found, world.connection.authentication);
    fs::write(&to, b"SQLite format 3\0 and rubbish").unwrap();
    assert!(SqliteStore::check(&to, &folder.key()).is_err());
}
