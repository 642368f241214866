//! The HTTP server: accepts connections, by TLS or without, and hands their requests to a router.
//!
//! Whoever connects is a stranger. Each step that a stranger can draw out has an end:
//!
//! | step | ends after |
//! |---|---|
//! | handshake of TLS | `HANDSHAKE` |
//! | a request's head, and the wait for it | `HEAD` (hyper) |
//! | the next piece of a body | `PIECE` (tower-http) |
//! | a request in all | `REQUEST` (tower-http) |
//! | taking in what was answered | `UNREAD` (the kernel) |
//! | a connection without a request | `IDLE` |
//!
//! How many there may be is in [`Limits`]; `connections` says who has to go for whom.

mod connections;
mod operator;
mod tls;
mod unread;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use tracing::{debug, warn};

use crate::client::{ClientAddress, ConnectionEnd};
use crate::origin::Scheme;
use connections::{Activity, Busy, Connections, Entered};
pub use operator::OperatorSocket;
pub use tls::{Tls, TlsError};

const HANDSHAKE: Duration = Duration::from_secs(10);
const HEAD: Duration = Duration::from_secs(20);
const PIECE: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(60);
const UNREAD: Duration = Duration::from_secs(30);

/// How long requests that are under way may take once the service ends.
pub const ENDING: Duration = Duration::from_secs(5);

/// How long accepting rests when the system refuses.
const REST: Duration = Duration::from_millis(100);

/// How often refusals of the system are logged, at most.
const LOGGED: Duration = Duration::from_secs(10);

/// A request's stream may open so many others beside it (HTTP/2).
const STREAMS: u32 = 64;

/// The longest head, in octets.
const LONGEST_HEAD: usize = 64 * 1024;

/// How many connections there may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// From one address.
    pub of_source: usize,
    /// Whose word is taken for where a request comes from, in `X-Forwarded-For`, and for how, in
    /// `X-Forwarded-Proto`. For them, `of_source` doesn't count.
    pub proxies: Vec<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            of_source: 512,
            proxies: Vec::new(),
        }
    }
}

/// A server that listens already.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
    limits: Limits,
}

/// What connections share.
struct Shared {
    app: Router,
    tls: Option<Tls>,
    limits: Limits,
    connections: Arc<Connections>,
    ending: watch::Receiver<bool>,
}

impl Server {
    /// Serves on a listener.
    #[must_use]
    pub fn new(listener: TcpListener, tls: Option<Tls>, limits: Limits) -> Self {
        Self {
            listener,
            tls,
            limits,
        }
    }

    /// Serves until `end`, and then as long as requests that are under way take, but no longer than
    /// [`ENDING`].
    pub async fn run(self, app: Router, end: impl Future<Output = ()>) {
        let (ends, ending) = watch::channel(false);
        let most = self.limits.connections;
        let shared = Arc::new(Shared {
            app: dress(app),
            tls: self.tls,
            connections: Arc::new(Connections::new(&self.limits)),
            limits: self.limits,
            ending,
        });
        // Who has to go may still have a request to end.
        let room = Arc::new(Semaphore::new(most.saturating_add(most / 8 + 8)));
        let mut tasks = JoinSet::new();
        let mut end = pin!(end);
        let mut said = None;
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                Some(_) = tasks.join_next() => continue,
                accepted = accept(&self.listener, &room) => accepted,
            };
            match accepted {
                Ok((stream, peer, permit)) => {
                    let shared = Arc::clone(&shared);
                    tasks.spawn(async move {
                        shared.serve(stream, peer).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    if said.is_none_or(|at: Instant| at.elapsed() > LOGGED) {
                        warn!(%error, "connections can't be accepted");
                        said = Some(Instant::now());
                    }
                    sleep(REST).await;
                }
            }
        }
        drop(self.listener);
        ends.send_replace(true);
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(ENDING, all).await.is_err() {
            warn!(requests = tasks.len(), "some requests are broken off");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await;
    let permit = permit.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// What every request goes through before the router.
fn dress(app: Router) -> Router {
    app.layer(axum::middleware::from_fn(unread::layer))
        .layer(RequestBodyTimeoutLayer::new(PIECE))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            REQUEST,
        ))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD)
        .keep_alive_timeout(HANDSHAKE)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(LONGEST_HEAD as u32);
    builder
}

impl Shared {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let entered = self.connections.enter(address);
        // An answer is small and goes out in one piece.
        let _ = stream.set_nodelay(true);
        let socket = socket2::SockRef::from(&stream);
        let _ = socket.set_tcp_user_timeout(Some(UNREAD));
        let Some(tls) = &self.tls else {
            let io = TokioIo::new(stream);
            self.requests(io, builder().http1_only(), address, Scheme::Http, entered)
                .await;
            return;
        };
        let handshake = tokio::select! {
            () = entered.told() => return,
            handshake = timeout(HANDSHAKE, tls.accept(stream)) => handshake,
        };
        match handshake {
            Ok(Ok(stream)) => {
                let builder = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => builder().http2_only(),
                    _ => builder().http1_only(),
                };
                let io = TokioIo::new(stream);
                self.requests(io, builder, address, Scheme::Https, entered)
                    .await;
            }
            Ok(Err(error)) => debug!(%peer, %error, "no TLS"),
            Err(_) => debug!(%peer, "no TLS in time"),
        }
    }

    /// Answers a connection's requests.
    async fn requests(
        &self,
        io: impl Read + Write + Unpin + Send + 'static,
        builder: Builder<TokioExecutor>,
        peer: IpAddr,
        scheme: Scheme,
        entered: Entered,
    ) {
        let activity = Arc::new(Activity::default());
        let (ends, end) = watch::channel(false);
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let busy = Activity::begin(&activity);
            let (app, proxies) = (self.app.clone(), &self.limits.proxies);
            let mut request = arrange(request, peer, scheme, proxies);
            let end = ConnectionEnd(end.clone());
            request.extensions_mut().insert(end);
            async move {
                let response = app.oneshot(request).await;
                response.map(|response| response.map(|body| while_sent(body, busy)))
            }
        });
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut ending = self.ending.clone();
        let mut told = false;
        loop {
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        debug!(%peer, error, "a connection broke");
                    }
                    return;
                }
                () = entered.told(), if !told => {
                    if activity.idle().is_some() {
                        return;
                    }
                    told = true;
                    ends.send_replace(true);
                    connection.as_mut().graceful_shutdown();
                }
                // Without a sender, the server is gone.
                _ = ending.wait_for(|ending| *ending), if !told => {
                    told = true;
                    ends.send_replace(true);
                    connection.as_mut().graceful_shutdown();
                    if activity.is_new() {
                        return;
                    }
                }
                () = sleep(IDLE) => {
                    if activity.idle().is_some_and(|since| since >= IDLE) {
                        return;
                    }
                }
            }
        }
    }
}

/// An answer's body; where it is not all there yet, the request is under way until its end.
fn while_sent(body: Body, busy: Busy) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    Body::new(body.map_frame(move |frame| {
        let _ = &busy;
        frame
    }))
}

/// A request as handlers want it, whichever way it came.
fn arrange(
    request: Request<Incoming>,
    peer: IpAddr,
    scheme: Scheme,
    proxies: &[IpAddr],
) -> Request<Body> {
    let mut request = request.map(Body::new);
    let client = client_of(request.headers(), peer, proxies);
    request.extensions_mut().insert(ClientAddress(client));
    let scheme = scheme_of(request.headers(), peer, scheme, proxies);
    request.extensions_mut().insert(scheme);
    // HTTP/2 has it in another place.
    if !request.headers().contains_key(header::HOST)
        && let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

/// The last address in `X-Forwarded-For` that no proxy of ours has: what stands before it may be
/// made up.
fn client_of(headers: &HeaderMap, peer: IpAddr, proxies: &[IpAddr]) -> IpAddr {
    let mut client = peer;
    let given = headers.get_all("x-forwarded-for").iter();
    let given: Vec<&str> = given.filter_map(|value| value.to_str().ok()).collect();
    let mut hops = given.iter().rev().flat_map(|text| text.rsplit(','));
    while proxies.contains(&client)
        && let Some(Ok(hop)) = hops.next().map(|hop| hop.trim().parse::<IpAddr>())
    {
        client = hop.to_canonical();
    }
    client
}

/// A proxy of ours knows how the client came to it.
fn scheme_of(headers: &HeaderMap, peer: IpAddr, own: Scheme, proxies: &[IpAddr]) -> Scheme {
    let given = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
    match given {
        Some(b"https") if proxies.contains(&peer) => Scheme::Https,
        Some(b"http") if proxies.contains(&peer) => Scheme::Http,
        _ => own,
    }
}

#[cfg(test)]
mod tests;
