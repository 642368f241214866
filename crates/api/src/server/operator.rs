//! The operator's way in: a Unix socket in the state folder, for root and the service's own user alone, as the kernel
//! says who connects. Who comes by it is on the host and could read the key that signs tokens, so needs none.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{ENDING, REST, builder, dress};
use crate::client::{ConnectionEnd, Operator};
use crate::origin::Scheme;

/// How many may be connected at once.
const MOST: usize = 64;

/// A socket that is listened on; it goes when this does.
#[derive(Debug)]
pub struct OperatorSocket {
    listener: UnixListener,
    path: PathBuf,
    own: u32,
}

impl OperatorSocket {
    /// Makes the socket, in the place of one that a service left behind which is gone. The folder it is in is for its
    /// owner alone.
    ///
    /// # Errors
    /// The path is too long for a socket, or the folder can't be written.
    pub fn open(path: &Path, own: u32) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            own,
        })
    }

    /// Serves until `end`.
    pub async fn run(self, app: Router, end: impl Future<Output = ()>) {
        let app = dress(app);
        let (ends, ending) = watch::channel(false);
        let room = Arc::new(Semaphore::new(MOST));
        let mut tasks = JoinSet::new();
        let mut end = pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                Some(_) = tasks.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the operator's connections can't be accepted");
                    sleep(REST).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                warn!("the operator has too many connections at once");
                continue;
            };
            if !self.is_operator(&stream) {
                continue;
            }
            let (app, ending) = (app.clone(), ending.clone());
            tasks.spawn(async move {
                serve(stream, app, ending).await;
                drop(permit);
            });
        }
        ends.send_replace(true);
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(ENDING, all).await;
    }

    fn is_operator(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == 0 || peer.uid() == self.own => true,
            Ok(peer) => {
                warn!(
                    user = peer.uid(),
                    "somebody else came by the operator's socket"
                );
                false
            }
            Err(error) => {
                warn!(%error, "it is not known who came by the operator's socket");
                false
            }
        }
    }
}

impl Drop for OperatorSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve(stream: UnixStream, app: Router, mut ending: watch::Receiver<bool>) {
    let (ends, end) = watch::channel(false);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(Operator);
        extensions.insert(Scheme::Http);
        extensions.insert(ConnectionEnd(end.clone()));
        app.clone().oneshot(request)
    });
    let builder = builder().http1_only();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut told = false;
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    debug!(error, "the operator's connection broke");
                }
                return;
            }
            // Without a sender, the server is gone.
            _ = ending.wait_for(|ending| *ending), if !told => {
                told = true;
                ends.send_replace(true);
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn asked(path: &Path) -> String {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(request).await;
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn root_and_the_service_s_own_user_are_the_operator_and_nobody_else() {
        let folder = std::env::temp_dir().join(format!("adit-operator-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("adit.sock");
        std::fs::write(&path, "left behind").unwrap();
        let app = || {
            let who = async |operator: Option<Extension<Operator>>| operator.is_some().to_string();
            Router::new().route("/", get(who))
        };
        let own = std::fs::metadata(&folder).map(|it| std::os::unix::fs::MetadataExt::uid(&it));
        let own = own.unwrap();
        let socket = OperatorSocket::open(&path, own).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(socket.run(app(), async {
            let _ = stopped.await;
        }));
        assert!(asked(&path).await.ends_with("true"));
        drop(stop);
        served.await.unwrap();
        assert!(!path.exists());
        // Not root, and not the service's own: nothing is answered.
        if own != 0 {
            let socket = OperatorSocket::open(&path, own + 1).unwrap();
            tokio::spawn(socket.run(app(), std::future::pending()));
            assert_eq!(asked(&path).await, "");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
