//! One request on one connection. Answers are remembered, so requests are few: a connection that
//! is never kept is never found broken.

use std::time::Duration;

pub(crate) use adit_http_client::Answer;
use adit_http_client::{ClientError, Limits};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use tokio_rustls::rustls::RootCertStore;
use zeroize::Zeroizing;

use crate::error::{AskError, SetupError};
use crate::url::KeystoneUrl;

/// The longest body that is read, in octets. A token without its catalog has a few thousand.
const LONGEST_BODY: usize = 1 << 20;

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

/// The way to Keystone.
pub(crate) struct Client {
    url: KeystoneUrl,
    http: adit_http_client::Client,
}

impl Client {
    pub(crate) fn new(
        url: KeystoneUrl,
        trusted: RootCertStore,
        patience: Duration,
    ) -> Result<Self, SetupError> {
        let limits = Limits {
            patience,
            longest_body: LONGEST_BODY,
            kept: 0,
        };
        let http = adit_http_client::Client::new(limits, trusted)?;
        Ok(Self { url, http })
    }

    pub(crate) fn url(&self) -> &KeystoneUrl {
        &self.url
    }

    /// Asks. Dropping this ends the connection.
    pub(crate) async fn send(&self, question: Question<'_>) -> Result<Answer, AskError> {
        let host = || self.url.authority().to_owned();
        let request = self.request(question);
        let request = request.map_err(|error| AskError::Connect {
            host: host(),
            source: error.into(),
        })?;
        let answer = self.http.send(request).await;
        answer.map_err(|error| match error {
            ClientError::Broken(source) => AskError::Http(source),
            ClientError::Connect(source) => AskError::Connect {
                host: host(),
                source: source.into(),
            },
            ClientError::Tls(source) => AskError::Tls {
                host: host(),
                source: source.into(),
            },
            ClientError::TooLarge => AskError::TooLarge,
            ClientError::TooSlow => AskError::TooSlow,
        })
    }

    fn request(&self, question: Question<'_>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(question.method)
            .uri(self.url.below(question.path))
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
        request.body(Full::new(body))
    }
}
