//! Filters in namespaces, by the program `nft`. There is no netlink library for them that speaks
//! the kernel's language without unsafe code.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::error::NetworkError;
use crate::namespace::Namespace;
use crate::nft;

/// Where the program may be: not every service has the administrator's folders in its path.
const PROGRAMS: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

/// How many run at once. Each waits for the kernel most of its time.
const AT_ONCE: usize = 32;

/// One of the tables of a namespace: each is replaced by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Table {
    /// What a machine lets through; a router's way outside.
    Main,
    /// What may pass the edges of a router's subnets.
    Edges,
}

impl Table {
    /// The text by which it is not there.
    const fn nothing(self) -> &'static str {
        match self {
            Self::Main => nft::NOTHING,
            Self::Edges => nft::NO_EDGES,
        }
    }
}

/// What was applied last in each namespace, as far as it is known.
#[derive(Debug)]
pub(crate) struct Filters {
    applied: Mutex<HashMap<(String, Table), String>>,
    turns: Semaphore,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            applied: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Filters {
    fn applied(&self) -> MutexGuard<'_, HashMap<(String, Table), String>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a namespace that was just made has no filter.
    pub(crate) fn made(&self, namespace: &Namespace) {
        let mut applied = self.applied();
        for table in [Table::Main, Table::Edges] {
            let key = (namespace.name().to_owned(), table);
            applied.insert(key, table.nothing().to_owned());
        }
    }

    /// Forgets a namespace that is removed.
    pub(crate) fn forget(&self, namespace: &Namespace) {
        let mut applied = self.applied();
        for table in [Table::Main, Table::Edges] {
            applied.remove(&(namespace.name().to_owned(), table));
        }
    }

    /// Makes `text` what a namespace filters by in one table, all at once. The caller keeps calls for one
    /// namespace one after another.
    pub(crate) async fn apply(
        &self,
        namespace: &Namespace,
        table: Table,
        text: String,
    ) -> Result<(), NetworkError> {
        let name = namespace.name();
        let key = (name.to_owned(), table);
        if self.applied().get(&key) == Some(&text) {
            return Ok(());
        }
        self.applied().remove(&key);
        let script = text.clone();
        // It is never closed.
        let turn = self.turns.acquire().await.ok();
        let outcome = namespace
            .inside("running nft in it", move || run(&script))
            .await?;
        drop(turn);
        match outcome {
            Outcome::Done => {}
            // Without the program there never was a table to remove.
            Outcome::NoProgram if text == table.nothing() => {}
            Outcome::NoProgram => return Err(NetworkError::NoFilterProgram),
            Outcome::Refused(complaint) => {
                return Err(NetworkError::Filter {
                    namespace: name.to_owned(),
                    complaint,
                });
            }
        }
        self.applied().insert(key, text);
        Ok(())
    }
}

enum Outcome {
    Done,
    NoProgram,
    Refused(String),
}

fn run(script: &str) -> io::Result<Outcome> {
    for program in PROGRAMS {
        let spawned = Command::new(program)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // The program reads all before it says anything. One that ended early says why below.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(script.as_bytes());
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(Outcome::Done);
        }
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok(Outcome::Refused(complaint));
    }
    Ok(Outcome::NoProgram)
}
