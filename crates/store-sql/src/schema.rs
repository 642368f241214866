//! The database's tables, brought to this program's version.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use adit_crypto::{EnvelopeKey, SystemRandom};

use crate::OpenError;

/// The latest version.
const KNOWN: i64 = 1;

/// What leads to each version, in order.
const MIGRATIONS: &[(i64, &str)] = &[(KNOWN, include_str!("../migrations/0001_first.sql"))];

/// What the check envelope seals; its content is of no matter.
const CHECK: &[u8] = b"adit key check";

/// Brings the tables to this version, and refuses a key that is not the one they were made with.
pub(crate) fn prepare(connection: &mut Connection, key: &EnvelopeKey) -> Result<(), OpenError> {
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
    for (version, migration) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        tx.execute_batch(migration)
            .and_then(|()| tx.pragma_update(None, "user_version", version))
            .map_err(OpenError::Migration)?;
    }
    Ok(())
}

/// The first version's tables change until it is released. Those that an earlier commit made are
/// told from today's by what they were made with.
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
