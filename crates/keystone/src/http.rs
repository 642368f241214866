//! One request on one connection. Answers are remembered, so requests are few: a connection that
//! is never kept is never found broken.

use std::pin::pin;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use crate::error::AskError;
use crate::url::KeystoneUrl;

/// The longest body that is read, in octets. A token without its catalog has a few thousand.
const LONGEST_BODY: usize = 1 << 20;

/// The longest head of an answer, in octets.
const LONGEST_HEAD: usize = 64 << 10;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Begins with `/v3`.
    pub(crate) path: &'a str,
    /// Who asks.
    pub(crate) token: Option<&'a HeaderValue>,
    /// The token that is asked about.
    pub(crate) subject: Option<&'a HeaderValue>,
    /// A JSON body.
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The way to Keystone.
pub(crate) struct Client {
    url: KeystoneUrl,
    tls: Option<TlsConnector>,
}

impl Client {
    pub(crate) fn new(url: KeystoneUrl, tls: Option<TlsConnector>) -> Self {
        Self { url, tls }
    }

    pub(crate) fn url(&self) -> &KeystoneUrl {
        &self.url
    }

    /// Asks. The caller sets the deadline; dropping this ends the connection.
    pub(crate) async fn send(&self, question: Question<'_>) -> Result<Answer, AskError> {
        let host = self.url.host();
        let at = || self.url.authority().to_owned();
        let stream = TcpStream::connect((host, self.url.port())).await;
        let stream = stream.map_err(|source| AskError::Connect { host: at(), source })?;
        let request = self.request(question)?;
        let Some(tls) = &self.tls else {
            return exchange(stream, request).await;
        };
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other);
        let encrypted = match name {
            Ok(name) => tls.connect(name, stream).await,
            Err(error) => Err(error),
        };
        let stream = encrypted.map_err(|source| AskError::Tls { host: at(), source })?;
        exchange(stream, request).await
    }

    fn request(&self, question: Question<'_>) -> Result<Request<Full<Bytes>>, AskError> {
        let mut request = Request::builder()
            .method(question.method)
            .uri(self.url.below(question.path))
            .header(HOST, self.url.authority())
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("adit/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = question.token {
            request = request.header("x-auth-token", token);
        }
        if let Some(subject) = question.subject {
            request = request.header("x-subject-token", subject);
        }
        let body = match question.body {
            None => Bytes::new(),
            Some(octets) => {
                request = request.header(CONTENT_TYPE, "application/json");
                // Wiped when it was sent.
                Bytes::from_owner(octets)
            }
        };
        request
            .body(Full::new(body))
            .map_err(|error| AskError::Connect {
                host: self.url.authority().to_owned(),
                source: std::io::Error::other(error),
            })
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<Answer, AskError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LONGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(AskError::Http)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(AskError::Http)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_BODY).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => AskError::Http(*error),
            Err(error) => {
                debug_assert!(error.is::<LengthLimitError>(), "nothing else is left");
                AskError::TooLarge
            }
        })?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    };
    let (mut answer, mut connection) = (pin!(answer), pin!(connection));
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end before all that came over it was read. How it ended, the answer
        // tells.
        _ = &mut connection => answer.await,
    }
}
