//! What the process asks of the system before it begins: descriptors, and that nothing of its
//! memory is written to a disk.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

/// Raises the limit of open descriptors to what the system allows, and answers it. Each gateway
/// needs about seven. Workers inherit it.
pub(crate) fn raise_descriptors() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 1024;
    };
    if soft < hard {
        match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => {
                info!(
                    from = soft,
                    to = hard,
                    "the limit of descriptors was raised"
                );
                return hard;
            }
            Err(error) => warn!(%error, soft, "the limit of descriptors can't be raised"),
        }
    }
    soft
}

/// Has no core written: it would hold keys and passwords.
pub(crate) fn forbid_cores() {
    let limited = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // A core that goes to a program has no limit.
    let hidden = prctl::set_dumpable(false);
    if let Err(error) = limited.and(hidden) {
        warn!(%error, "core dumps can't be forbidden");
    }
}

/// Becomes true with the first SIGTERM or SIGINT. With a second one the process ends at once; the
/// next start cleans up.
pub(crate) fn ending() -> watch::Receiver<bool> {
    let (told, ending) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            // Without handlers the signals end the process at once; the next start cleans up.
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.send_replace(true) {
                warn!("ending at once, by a second signal; the next start cleans up");
                #[expect(clippy::exit, reason = "whoever still waits is not to be waited for")]
                std::process::exit(1);
            }
        }
    });
    ending
}
