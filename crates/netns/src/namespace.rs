//! Named network namespaces, kept where `ip netns` keeps them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::sync::oneshot;

use crate::error::NetworkError;

const FOLDER: &str = "/run/netns";

/// A named network namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) const fn named(name: String) -> Self {
        Self { name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.name)
    }

    fn error(&self, doing: &'static str, source: io::Error) -> NetworkError {
        NetworkError::Namespace {
            name: self.name.clone(),
            doing,
            source,
        }
    }

    /// Makes the folder of names what `ip netns add` makes it before its first: a mount of its own,
    /// shared. Left to that, which puts the mount over ours, names made before could not be removed.
    pub(crate) fn prepare() -> io::Result<()> {
        static ALONE: Mutex<()> = Mutex::new(());
        // Two at once would put one mount over the other.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::create_dir_all(FOLDER)?;
        let none = None::<&str>;
        let share = || {
            mount(
                none,
                FOLDER,
                none,
                MsFlags::MS_SHARED | MsFlags::MS_REC,
                none,
            )
        };
        match share() {
            // It is no mount yet.
            Err(nix::errno::Errno::EINVAL) => {
                let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
                mount(Some(FOLDER), FOLDER, none, bind, none)?;
                Ok(share()?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// The names of all namespaces that begin with `prefix`.
    pub(crate) fn list(prefix: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(FOLDER) else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(prefix))
            .collect()
    }

    pub(crate) fn open(&self) -> Result<File, NetworkError> {
        File::open(self.path()).map_err(|error| self.error("opening it", error))
    }

    /// Whether the name stands for a live namespace.
    async fn is_live(&self) -> bool {
        // A file whose mount is gone (after a reboot, say) opens, but can't be entered.
        self.path().exists() && self.inside("looking at it", || Ok(())).await.is_ok()
    }

    /// Makes the namespace if it is not there, with its loopback device still down. Returns
    /// whether it is new.
    pub(crate) async fn ensure(&self) -> Result<bool, NetworkError> {
        if self.is_live().await {
            return Ok(false);
        }
        let path = self.path();
        let make = move || {
            File::create(&path)?;
            unshare(CloneFlags::CLONE_NEWNET)?;
            let own = Path::new("/proc/thread-self/ns/net");
            mount(
                Some(own),
                &path,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )?;
            Ok(true)
        };
        on_own_thread(make)
            .await
            .map_err(|error| self.error("making it", error))
    }

    /// Whether there is such a name.
    pub(crate) fn is_named(&self) -> bool {
        self.path().exists()
    }

    /// Removes the name; the namespace goes when nothing is in it any more.
    pub(crate) fn remove(&self) -> Result<(), NetworkError> {
        let path = self.path();
        if !path.exists() {
            return Ok(());
        }
        // Not being mounted is fine: then there is only the file to remove.
        let _ = umount2(&path, MntFlags::MNT_DETACH);
        std::fs::remove_file(&path).map_err(|error| self.error("removing it", error))
    }

    /// Runs `act` on a thread of its own inside the namespace; what it opens stays inside.
    pub(crate) async fn inside<T: Send + 'static>(
        &self,
        doing: &'static str,
        act: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, NetworkError> {
        let file = self.open()?;
        let enter = move || {
            setns(file.as_fd(), CloneFlags::CLONE_NEWNET)?;
            act()
        };
        on_own_thread(enter)
            .await
            .map_err(|error| self.error(doing, error))
    }

    /// Sets network sysctls inside the namespace. A kernel without IPv6 hasn't got IPv6's.
    pub(crate) async fn sysctl(
        &self,
        settings: &'static [(&'static str, &'static str)],
    ) -> Result<(), NetworkError> {
        self.inside("setting sysctls", move || {
            for (name, value) in settings {
                match std::fs::write(Path::new("/proc/sys/net").join(name), value) {
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound && name.starts_with("ipv6/") => {
                    }
                    outcome => outcome?,
                }
            }
            Ok(())
        })
        .await
    }
}

/// Runs `act` on a thread that ends with it: a thread's namespace can't be trusted afterwards.
async fn on_own_thread<T: Send + 'static>(
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("adit-netns".into())
        .spawn(move || {
            let _entered = runtime.enter();
            // Nobody listens only when the caller was cancelled.
            let _ = sender.send(act());
        })?;
    receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace died")))
}
