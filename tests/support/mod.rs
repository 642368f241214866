//! What the tests with real traffic share: a running `adit serve`, a client of its API, the
//! instances as namespaces, and captures of what is on the wire.
//!
//! Nothing here sleeps for a fixed time: [`until`] looks again and again, up to a deadline.

pub(crate) mod api;
pub(crate) mod capture;
pub(crate) mod host;
pub(crate) mod namespace;
pub(crate) mod serve;
pub(crate) mod site;
pub(crate) mod traffic;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

/// Where a test's things are.
pub(crate) trait Ground {
    /// How links and namespaces begin.
    fn prefix(&self) -> &str;

    /// The first three octets of the external network.
    fn external(&self) -> &str;

    /// The first two words of its block of IPv6, if it has one.
    fn external_v6(&self) -> Option<&str>;
}

/// How long anything that is not itself under test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may take until a tunnel is up, or until it is said why it is not.
pub(crate) const VERDICT: Duration = Duration::from_secs(5);

/// One scenario at a time on a host, whichever process it is in: they would disturb each other.
pub(crate) struct Turn {
    _lock: Flock<File>,
}

/// A scenario's turn, which is waited for; none, loudly, where it can't run.
pub(crate) fn turn(tools: &[&str]) -> Option<Turn> {
    if !nix::unistd::Uid::effective().is_root() {
        skipped("root");
        return None;
    }
    if !Path::new("/dev/net/tun").exists() {
        skipped("/dev/net/tun");
        return None;
    }
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];
    for tool in ["ip", "curl", "ping", "tcpdump"].iter().chain(tools) {
        if !folders.iter().any(|at| Path::new(at).join(tool).exists()) {
            skipped(tool);
            return None;
        }
    }
    let file = File::create(std::env::temp_dir().join("adit-test.lock")).unwrap();
    let _lock = Flock::lock(file, FlockArg::LockExclusive).unwrap();
    Some(Turn { _lock })
}

/// Says it past the harness, which shows nothing of tests that pass.
pub(crate) fn skipped(need: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    // In one piece: other tests write there too.
    let line = format!("SKIPPED: {name} needs {need}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// What `look` finds, within `limit`.
#[track_caller]
pub(crate) fn until<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    poll(limit, look).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// What `look` finds, if it does within `limit`.
pub(crate) fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        // Looked at once more after the deadline: what is there then was only waited for badly.
        let last = Instant::now() >= end;
        let found = look();
        if found.is_some() || last {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
