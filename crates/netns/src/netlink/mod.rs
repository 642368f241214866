//! Netlink, in one namespace, with every step idempotent.

mod addresses;
mod links;
mod routes;
mod rules;

use rtnetlink::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub(crate) use addresses::host_len;
pub(crate) use links::Wish;
pub(crate) use routes::{Route, Table};

use crate::error::NetworkError;
use crate::namespace::Namespace;

/// A netlink socket in one namespace.
#[derive(Debug)]
pub(crate) struct Netlink {
    handle: Handle,
    connection: JoinHandle<()>,
    /// Held while something is listed: the kernel answers a second list on one socket with EBUSY.
    listing: Mutex<()>,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Netlink {
    /// In the namespace of this process.
    pub(crate) fn here() -> std::io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self {
            handle,
            connection: tokio::spawn(connection),
            listing: Mutex::new(()),
        })
    }

    /// In another namespace.
    pub(crate) async fn within(namespace: &Namespace) -> Result<Self, NetworkError> {
        namespace.inside("opening netlink in it", Self::here).await
    }
}

fn failed(doing: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> NetworkError {
    let doing = doing.into();
    move |source| NetworkError::Netlink { doing, source }
}

/// Takes "it is there already" and "it is not there any more" for success.
fn settled(result: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match result {
        Err(rtnetlink::Error::NetlinkError(message))
            if matches!(
                nix::errno::Errno::from_raw(-message.raw_code()),
                nix::errno::Errno::EEXIST
                    | nix::errno::Errno::ENOENT
                    | nix::errno::Errno::ESRCH
                    | nix::errno::Errno::ENODEV
                    | nix::errno::Errno::EADDRNOTAVAIL
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}
