//! The database's tables, brought to this program's version.

use std::collections::BTreeMap;
use std::error::Error;

use adit_crypto::{EnvelopeKey, SystemRandom};
use refinery_core::traits::sync;
use refinery_core::{Migrate, Migration, Runner, Target};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::OpenError;

/// What leads to each version, in order. One that was released is never changed: its checksum is in
/// the databases that it was applied to.
const MIGRATIONS: &[(&str, &str)] = &[
    (
        "V1__first",
        include_str!("../../migrations/sqlite/V1__first.sql"),
    ),
    (
        "V2__change_log",
        include_str!("../../migrations/sqlite/V2__change_log.sql"),
    ),
    (
        "V3__ended_projects",
        include_str!("../../migrations/sqlite/V3__ended_projects.sql"),
    ),
    (
        "V4__ends_of_connections",
        include_str!("../../migrations/sqlite/V4__ends_of_connections.sql"),
    ),
    (
        "V5__subnets_of_groups",
        include_str!("../../migrations/sqlite/V5__subnets_of_groups.sql"),
    ),
    (
        "V6__hosts",
        include_str!("../../migrations/sqlite/V6__hosts.sql"),
    ),
    (
        "V7__resource_groups",
        include_str!("../../migrations/sqlite/V7__resource_groups.sql"),
    ),
    (
        "V8__api_keys",
        include_str!("../../migrations/sqlite/V8__api_keys.sql"),
    ),
    (
        "V9__origins",
        include_str!("../../migrations/sqlite/V9__origins.sql"),
    ),
    (
        "V10__connection_requests",
        include_str!("../../migrations/sqlite/V10__connection_requests.sql"),
    ),
    (
        "V11__route_mode",
        include_str!("../../migrations/sqlite/V11__route_mode.sql"),
    ),
    (
        "V12__certificates",
        include_str!("../../migrations/sqlite/V12__certificates.sql"),
    ),
    (
        "V13__groups_of_routers",
        include_str!("../../migrations/sqlite/V13__groups_of_routers.sql"),
    ),
    (
        "V14__names_of_floating_ips",
        include_str!("../../migrations/sqlite/V14__names_of_floating_ips.sql"),
    ),
    (
        "V15__public_gateways",
        include_str!("../../migrations/sqlite/V15__public_gateways.sql"),
    ),
    (
        "V16__network_acls",
        include_str!("../../migrations/sqlite/V16__network_acls.sql"),
    ),
    (
        "V17__ssh_keys",
        include_str!("../../migrations/sqlite/V17__ssh_keys.sql"),
    ),
    (
        "V18__tunnel_contexts",
        include_str!("../../migrations/sqlite/V18__tunnel_contexts.sql"),
    ),
    (
        "V19__ages_of_keys",
        include_str!("../../migrations/sqlite/V19__ages_of_keys.sql"),
    ),
    (
        "V20__translations",
        include_str!("../../migrations/sqlite/V20__translations.sql"),
    ),
];

/// The latest version.
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// The version of databases in which no migrations are noted.
const WITHOUT_HISTORY: i64 = 1;

/// Where applied migrations are noted: the library's default.
const HISTORY: &str = "refinery_schema_history";

/// What the check envelope seals; its content is of no matter.
const CHECK: &[u8] = b"adit key check";

/// Brings the tables to this version, and refuses a key that is not the one they were made with.
pub(super) fn prepare(connection: &mut Connection, key: &EnvelopeKey) -> Result<(), OpenError> {
    // One after another, should two programs open one file.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    migrate(&tx)?;
    check_tables(&tx)?;
    check_key(&tx, key)?;
    tx.commit()?;
    Ok(())
}

fn migrate(tx: &Transaction<'_>) -> Result<(), OpenError> {
    if tx.table_exists(None, "_sqlx_migrations")? {
        return Err(OpenError::Draft);
    }
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > KNOWN {
        let known = KNOWN;
        return Err(OpenError::Newer { found, known });
    }
    let all = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql));
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(migration)?;
    if found == WITHOUT_HISTORY && !tx.table_exists(None, HISTORY)? {
        let noted = Runner::new(&all).set_target(Target::FakeVersion(1));
        noted.run(&mut Within(tx)).map_err(migration)?;
    }
    Runner::new(&all).run(&mut Within(tx)).map_err(migration)?;
    // An earlier program looks here, and refuses what is newer than itself.
    tx.pragma_update(None, "user_version", KNOWN)
        .map_err(|error| OpenError::Migration(error.into()))
}

fn migration(error: refinery_core::Error) -> OpenError {
    OpenError::Migration(Box::new(error))
}

/// What SQLite said, where that is why a database could not be migrated.
pub(super) fn cause<'a>(
    error: &'a (dyn Error + Send + Sync + 'static),
) -> Option<&'a rusqlite::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Migrations within one transaction: all of them last, or none.
struct Within<'a>(&'a Transaction<'a>);

impl sync::Transaction for Within<'_> {
    type Error = rusqlite::Error;

    fn execute<'q, T: Iterator<Item = &'q str>>(&mut self, queries: T) -> rusqlite::Result<usize> {
        let mut count = 0;
        for query in queries {
            self.0.execute_batch(query)?;
            count += 1;
        }
        Ok(count)
    }
}

impl sync::Query<Vec<Migration>> for Within<'_> {
    fn query(&mut self, query: &str) -> rusqlite::Result<Vec<Migration>> {
        let mut statement = self.0.prepare(query)?;
        let rows = statement.query_map([], |row| {
            let invalid = |column, error: Box<dyn Error + Send + Sync>| {
                rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
            };
            let (at, checksum): (String, String) = (row.get(2)?, row.get(3)?);
            let at = OffsetDateTime::parse(&at, &Rfc3339).map_err(|e| invalid(2, e.into()))?;
            let checksum = checksum.parse().map_err(|e| invalid(3, Box::new(e)))?;
            Ok(Migration::applied(row.get(0)?, row.get(1)?, at, checksum))
        })?;
        rows.collect()
    }
}

impl Migrate for Within<'_> {}

/// A database may say that it is of a version and have other tables than that: it was made by a draft
/// of the version, or changed by hand. They are told by what they were made with.
fn check_tables(tx: &Transaction<'_>) -> Result<(), OpenError> {
    let mut fresh = Connection::open_in_memory()?;
    let fresh = fresh.transaction()?;
    migrate(&fresh)?;
    if tables(tx)? == tables(&fresh)? {
        Ok(())
    } else {
        Err(OpenError::Tables)
    }
}

/// Each table and index that is not SQLite's own, and the statement that made it.
fn tables(tx: &Transaction<'_>) -> Result<BTreeMap<String, String>, rusqlite::Error> {
    let sql = "SELECT name, sql FROM sqlite_schema \
               WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = tx.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn check_key(tx: &Transaction<'_>, key: &EnvelopeKey) -> Result<(), OpenError> {
    let stored: Option<Vec<u8>> = tx
        .query_row("SELECT envelope FROM key_checks", [], |row| row.get(0))
        .optional()?;
    if let Some(envelope) = stored {
        key.open(CHECK, &envelope).map_err(OpenError::WrongKey)?;
    } else {
        let envelope = key.seal(&mut SystemRandom, CHECK, CHECK);
        let sql = "INSERT INTO key_checks (id, envelope) VALUES (1, ?)";
        tx.execute(sql, [envelope])?;
    }
    Ok(())
}
