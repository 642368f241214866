//! Databases of earlier releases open with everything in them.
//!
//! `fixtures/COMMIT` is what that commit left after something of every noun was made through its
//! OpenStack and IBM VPC faces: 4b0a2f9 had the first schema there was, 51e1694 the sixth. A fixture is
//! never changed; each later schema gets one beside it, by `fixtures/make.py`.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use adit_store::{Query, Row, Rows, Store as _, Transaction};
use adit_store_sql::{KeyFile, SqliteStore};
use rusqlite::Connection;
use rusqlite::types::Value;

/// A copy of a fixture, removed at the end.
struct Copy(PathBuf);

impl Copy {
    fn of(fixture: &str) -> Self {
        let name = format!("adit-migration-{}", uuid::Uuid::new_v4());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for file in ["adit.db", "key"] {
            let to = folder.join(file);
            fs::copy(from.join(fixture).join(file), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(folder)
    }

    fn database(&self) -> PathBuf {
        self.0.join("adit.db")
    }

    async fn open(&self) -> SqliteStore {
        let key = KeyFile::open_or_create(&self.0.join("key")).unwrap();
        SqliteStore::open(&self.database(), &key).await.unwrap()
    }

    /// Each table's rows, each a value for every column.
    fn tables(&self) -> BTreeMap<String, Vec<BTreeMap<String, Value>>> {
        let raw = Connection::open(self.database()).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let mut names = raw.prepare(sql).unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let rows = |name: &String| {
            let sql = format!("SELECT * FROM {name} ORDER BY rowid");
            let mut rows = raw.prepare(&sql).unwrap();
            let columns = rows.column_names().map(str::to_owned);
            let columns: Vec<String> = columns.collect();
            let row = |row: &rusqlite::Row<'_>| {
                let value = |(at, name): (usize, &String)| (name.clone(), row.get(at).unwrap());
                Ok(columns.iter().enumerate().map(value).collect())
            };
            let rows = rows.query_map([], row).unwrap();
            rows.map(Result::unwrap).collect()
        };
        names
            .map(Result::unwrap)
            .map(|name| (name.clone(), rows(&name)))
            .collect()
    }

    fn version(&self) -> i64 {
        let raw = Connection::open(self.database()).unwrap();
        raw.pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn some_of<T: Row>(rows: &mut dyn Rows<T>) -> Vec<T> {
    let all = rows.list(Query::default()).await.unwrap();
    assert!(!all.is_empty(), "there is no {}", T::NOUN);
    all
}

/// Reads everything that projects have.
async fn read_all(tx: &mut dyn Transaction) {
    some_of::<adit_model::Network>(tx).await;
    some_of::<adit_model::Subnet>(tx).await;
    some_of::<adit_model::Port>(tx).await;
    some_of::<adit_model::Router>(tx).await;
    some_of::<adit_model::FloatingIp>(tx).await;
    some_of::<adit_model::SecurityGroup>(tx).await;
    some_of::<adit_model::SecurityGroupRule>(tx).await;
    for row in some_of::<adit_model::Gateway>(tx).await {
        assert_eq!(row.host, adit_model::HostId::ONLY);
    }
    some_of::<adit_model::EndpointGroup>(tx).await;
    some_of::<adit_model::IkePolicy>(tx).await;
    some_of::<adit_model::IpsecPolicy>(tx).await;
    let psk = |name: &str, rows: &[adit_model::Connection]| {
        let found = rows.iter().find(|row| row.name.as_str() == name);
        found
            .unwrap()
            .authentication
            .psk()
            .unwrap()
            .expose()
            .to_vec()
    };
    let rows = some_of::<adit_model::Connection>(tx).await;
    assert!(
        rows.iter().all(|row| row.psk_set_at.is_none()),
        "nobody wrote that down"
    );
    assert_eq!(psk("kept-connection", &rows), b"planted-psk-of-the-fixture");
    assert_eq!(psk("kept-vpc-connection", &rows), b"another-planted-psk");
}

/// Opens a fixture, twice, and finds everything in it; answers how many entries its log has.
async fn opens_with_everything(fixture: &str, version: i64) -> u64 {
    let copy = Copy::of(fixture);
    let before = copy.tables();
    assert_eq!(copy.version(), version);
    let empty: Vec<_> = before.iter().filter(|(_, rows)| rows.is_empty()).collect();
    assert!(empty.is_empty(), "the fixture has nothing in {empty:?}");
    let mut entries = 0;
    for _ in 0..2 {
        let store = copy.open().await;
        let mut tx = store.read().await.unwrap();
        read_all(&mut *tx).await;
        let project = tx.projects().await.unwrap();
        let project = project
            .iter()
            .find(|row| row.name.as_str() == "kept-project");
        let project = project.unwrap().id;
        let quotas = tx.quotas(project).await.unwrap();
        assert_eq!(quotas.get("network"), Some(&7));
        let ann = tx.users().await.unwrap();
        let ann = ann.into_iter().find(|row| row.name.as_str() == "ann");
        let roles = tx.role_assignments(ann.map(|user| user.id), Some(project));
        assert_eq!(roles.await.unwrap().len(), 1);
        let bounds = tx.log_bounds().await.unwrap();
        let all = tx.log_after(None, 0, u32::MAX).await.unwrap();
        entries = bounds.last + 1 - bounds.first;
        assert_eq!(all.len() as u64, entries);
        drop(tx);
        store.close().await;
    }
    // Whatever was in a column is in it still.
    let after = copy.tables();
    for (table, rows) in before {
        let now = after.get(&table).unwrap();
        // What was migrated since is noted beside it.
        let noted = table == "refinery_schema_history";
        assert!(rows.len() == now.len() || noted, "{table}");
        for (row, now) in rows.iter().zip(now) {
            for (column, value) in row {
                assert_eq!(now.get(column), Some(value), "{table}.{column}");
            }
        }
    }
    assert!(copy.version() >= 6);
    entries
}

#[tokio::test]
async fn the_first_schema_s_database_opens_with_everything_in_it() {
    assert_eq!(opens_with_everything("4b0a2f9", 1).await, 0);
}

#[tokio::test]
async fn the_sixth_schema_s_database_opens_with_everything_in_it() {
    let entries = opens_with_everything("51e1694", 6).await;
    assert!(entries > 20, "its log has {entries} entries");
}

#[tokio::test]
async fn a_migration_that_can_t_be_done_leaves_the_database_as_it_was() {
    let copy = Copy::of("4b0a2f9");
    let raw = Connection::open(copy.database()).unwrap();
    raw.execute("CREATE TABLE change_log (mine TEXT)", [])
        .unwrap();
    drop(raw);
    let before = copy.tables();
    let key = KeyFile::open_or_create(&copy.0.join("key")).unwrap();
    let refused = SqliteStore::open(&copy.database(), &key).await;
    let error = refused.err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("the database can't be migrated"));
    assert_eq!((copy.tables(), copy.version()), (before, 1));
}
