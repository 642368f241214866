//! What the tests with real traffic share: a running `adit serve`, a client of its API, the
//! instances as namespaces, and captures of what is on the wire.
//!
//! Nothing here sleeps for a fixed time: [`until`] looks again and again, up to a deadline.

pub(crate) mod api;
pub(crate) mod capture;
pub(crate) mod namespace;
pub(crate) mod serve;
pub(crate) mod site;
pub(crate) mod traffic;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long anything that is not itself under test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may take until a tunnel is up, or until it is said why it is not.
pub(crate) const VERDICT: Duration = Duration::from_secs(5);

/// One scenario at a time: they would measure each other.
static TURN: Mutex<()> = Mutex::new(());

/// A scenario's turn; none, loudly, where it can't run.
pub(crate) fn turn(tools: &[&str]) -> Option<MutexGuard<'static, ()>> {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("SKIPPED: needs root");
        return None;
    }
    if !Path::new("/dev/net/tun").exists() {
        eprintln!("SKIPPED: needs /dev/net/tun");
        return None;
    }
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];
    for tool in ["ip", "curl", "ping", "tcpdump"].iter().chain(tools) {
        if !folders.iter().any(|at| Path::new(at).join(tool).exists()) {
            eprintln!("SKIPPED: needs {tool}");
            return None;
        }
    }
    Some(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What `look` finds, within `limit`.
#[track_caller]
pub(crate) fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
