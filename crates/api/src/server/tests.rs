use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

struct Running {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Answers `/`, refuses at `/refuse` without reading, never answers `/never`, and says under which
/// address it was asked at `/where`.
fn app() -> Router {
    let place = async |request: Request<Body>| {
        crate::origin::of(None, request.headers(), request.extensions())
    };
    Router::new()
        .route("/", get(async || "here"))
        .route("/refuse", post(async || StatusCode::UNAUTHORIZED))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route(
            "/read",
            post(async |body: axum::body::Bytes| body.len().to_string()),
        )
        .route("/where", get(place))
}

async fn start(limits: Limits, tls: Option<Tls>) -> Running {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(Server::new(listener, tls, limits).run(app(), async {
        let _ = ended.await;
    }));
    Running {
        address,
        end: Some(end),
        task,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends it, and reads until the other side closes.
    async fn talk(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// The head of one answer.
async fn head(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn who_never_ends_what_it_begins_is_not_waited_for() {
    let server = start(Limits::default(), None).await;
    for begun in [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nhost: x\r\n",
        ASK,
        "GET /never HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345",
    ] {
        // The clock runs ahead while all wait.
        let answer = server.talk(begun).await;
        let expected = match begun {
            ASK => "HTTP/1.1 200",
            _ if begun.contains("never") => "HTTP/1.1 408",
            _ if begun.contains("read") => "HTTP/1.1 4",
            _ => "",
        };
        assert!(answer.starts_with(expected), "{begun}: {answer}");
        assert!(!expected.is_empty() || !answer.contains("200"), "{answer}");
    }
    assert!(server.talk(LAST).await.ends_with("here"));
}

#[tokio::test]
async fn half_requests_close_each_other_and_nobody_else_s() {
    let limits = Limits {
        connections: 16,
        of_source: 4,
        proxies: Vec::new(),
    };
    let server = start(limits, None).await;
    let mut half = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HT").await.unwrap();
        half.push(stream);
    }
    assert!(server.talk(LAST).await.ends_with("here"));
    for stream in &mut half[..90] {
        assert_eq!(rest(stream).await, "");
    }
}

#[tokio::test]
async fn after_an_answer_without_reading_the_connection_goes_on() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    let body = "x".repeat(200_000);
    for _ in 0..20 {
        let length = body.len();
        let request =
            format!("POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // The body comes later, as that of Python's clients.
        let (first, second) = body.split_at(1000);
        stream.write_all(first.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(second.as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(head.starts_with("http/1.1 401"), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
    }
    stream.write_all(LAST.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with("here"));
}

#[tokio::test]
async fn where_too_much_is_left_to_read_the_answer_says_close() {
    let server = start(Limits::default(), None).await;
    for request in [
        "POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n".to_owned()
            + &"x".repeat(1_100_000),
        "POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n"
            .to_owned(),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(head.starts_with("http/1.1 401"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_request_holds_the_end_up_for_a_while_only() {
    let mut server = start(Limits::default(), None).await;
    let mut streams = Vec::new();
    for begun in [
        "",
        "GET / HT",
        ASK,
        "GET /never HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // One has been answered, so the others were read too.
    assert!(head(&mut streams[2]).await.starts_with("http/1.1 200"));
    let begun = tokio::time::Instant::now();
    server.end.take().unwrap().send(()).unwrap();
    server.task.await.unwrap();
    assert!(begun.elapsed() <= ENDING + Duration::from_secs(1));
    for stream in &mut streams {
        rest(stream).await;
    }
}

#[test]
fn a_proxy_is_believed_as_far_as_it_is_known() {
    let proxies: Vec<IpAddr> = ["192.0.2.1", "192.0.2.2"]
        .map(|text| text.parse().unwrap())
        .into();
    let client = |peer: &str, lines: &[&str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client_of(&headers, peer.parse().unwrap(), &proxies).to_string()
    };
    assert_eq!(client("198.51.100.7", &["203.0.113.1"]), "198.51.100.7");
    assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
    assert_eq!(client("192.0.2.1", &["203.0.113.1"]), "203.0.113.1");
    let made_up = ["10.0.0.1, 203.0.113.1", "192.0.2.2"];
    assert_eq!(client("192.0.2.1", &made_up), "203.0.113.1");
    assert_eq!(client("192.0.2.1", &["rubbish"]), "192.0.2.1");
    let scheme = |peer: &str, own: Scheme, said: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", said.parse().unwrap());
        scheme_of(&headers, peer.parse().unwrap(), own, &proxies)
    };
    let (clear, tls) = (Scheme::Http, Scheme::Https);
    assert_eq!(scheme("198.51.100.7", clear, "https"), clear);
    assert_eq!(scheme("198.51.100.7", tls, "http"), tls);
    assert_eq!(scheme("192.0.2.1", clear, "https"), tls);
    assert_eq!(scheme("192.0.2.1", tls, "http"), clear);
    assert_eq!(scheme("192.0.2.1", clear, "rubbish"), clear);
}

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("adit-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        std::fs::write(self.0.join("crt"), certificate.pem()).unwrap();
        std::fs::write(self.0.join("key"), key.serialize_pem()).unwrap();
        certificate.der().to_vec()
    }

    fn open(&self) -> Result<Tls, TlsError> {
        Tls::open(self.0.join("crt"), self.0.join("key"))
    }

    async fn connect(
        &self,
        to: SocketAddr,
        protocol: &str,
    ) -> tokio_rustls::client::TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_file(self.0.join("crt")).unwrap();
        roots.add(trusted).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(to).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn tls_speaks_both_versions_of_http_and_handlers_see_one() {
    let files = Files::new("both");
    files.write();
    let server = start(Limits::default(), Some(files.open().unwrap())).await;
    let mut stream = files.connect(server.address, "http/1.1").await;
    let request = "GET /where HTTP/1.1\r\nhost: here:1\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nhttps://here:1"), "{answer}");

    let stream = files.connect(server.address, "h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://here:1/where")
        .body(Body::empty())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"https://here:1");
}

#[tokio::test]
async fn a_new_certificate_is_served_and_a_broken_one_is_not() {
    let files = Files::new("reload");
    let first = files.write();
    let tls = files.open().unwrap();
    let server = start(Limits::default(), Some(tls.clone())).await;
    let served = async || {
        let stream = files.connect(server.address, "http/1.1").await;
        let chain = stream.get_ref().1.peer_certificates().unwrap();
        chain[0].to_vec()
    };
    assert_eq!(served().await, first);
    let second = files.write();
    tls.reload().unwrap();
    assert_eq!(served().await, second);
    let certificate = std::fs::read(files.0.join("crt")).unwrap();
    let key = std::fs::read(files.0.join("key")).unwrap();
    files.write();
    std::fs::write(files.0.join("key"), &key).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Pair { .. })));
    std::fs::write(files.0.join("crt"), "nothing").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Empty(_))));
    std::fs::write(files.0.join("crt"), certificate).unwrap();
    assert_eq!(served().await, second);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_where_tls_is_wanted_is_not_waited_for() {
    let files = Files::new("silent");
    files.write();
    let server = start(Limits::default(), Some(files.open().unwrap())).await;
    assert_eq!(server.talk("").await, "");
    assert!(!server.talk(ASK).await.contains("200"));
}
