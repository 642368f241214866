//! A client of an OpenStack Keystone elsewhere: it says who shows a token, so that Adit can be one
//! service among a cloud's.
//!
//! ```text
//!   identify(token) --> Cache: known? asked by another at this moment?
//!                         | no
//!                         v
//!                GET /v3/auth/tokens --401--> log the service user in again, once
//!                         |
//!          200: a session | 404: refused | all else: nobody knows, which is never "valid"
//! ```
//!
//! | file | what |
//! |---|---|
//! | `url` | where Keystone is |
//! | `http`, `tls` | one request on one connection, with limits; whom to trust |
//! | `service` | the service user's own token |
//! | `token` | what Keystone says of a token, in the model's words |
//! | `cache` | answers that still count, and one question at a time about one token |
//!
//! An answer counts for the time that the operator allows, from the moment of the question: for so
//! long a revoked token may still be taken. What can't be read is refused, here as there: tokens of
//! application credentials with access rules, for one, are refused by Keystone since this service
//! doesn't say that it minds such rules.

mod cache;
mod config;
mod error;
mod http;
mod service;
mod token;
mod url;

use std::fmt;
use std::time::Duration;

use adit_control::IdentityProvider;
use adit_control::identity::{ForeignSession, IdentifyError, IdentityUnavailable};
use adit_model::ProjectId;
use async_trait::async_trait;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::rustls::RootCertStore;

use cache::{Cache, Outcome};
pub use config::KeystoneConfig;
pub use error::{AskError, SetupError};
use http::{Answer, Client, Question};
use service::Service;
pub use url::{KeystoneUrl, UrlError};

/// The longest token that is worth asking about, in octets. Fernet tokens have some 200, signed
/// ones some 1000.
const LONGEST_TOKEN: usize = 8192;

/// How many questions are on their way at a time.
const AT_ONCE: usize = 32;

/// A Keystone elsewhere.
pub struct Keystone {
    client: Client,
    service: Service,
    cache: Cache,
    permits: Semaphore,
    patience: Duration,
}

impl Keystone {
    /// Makes everything ready to ask. Nobody is asked yet.
    ///
    /// # Errors
    /// The certificates to trust can't be read.
    pub fn new(config: KeystoneConfig) -> Result<Self, SetupError> {
        let trusted = match config.url.is_https() {
            true => adit_http_client::trusted(config.ca_file.as_deref())?,
            false => RootCertStore::empty(),
        };
        Ok(Self {
            client: Client::new(config.url.clone(), trusted, config.patience)?,
            cache: Cache::new(config.cache),
            permits: Semaphore::new(AT_ONCE),
            patience: config.patience,
            service: Service::new(config),
        })
    }

    /// Whether Keystone is there and lets the service user in, so that a start can tell.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn check(&self) -> Result<(), AskError> {
        let login = self.service.token(&self.client);
        let done = timeout(self.patience, login).await;
        done.map_err(|_| AskError::TooSlow)?.map(drop)
    }

    /// Asks as the service user; with a fresh token, once, where its token is no longer good.
    async fn ask(&self, path: &str, subject: Option<&HeaderValue>) -> Result<Answer, AskError> {
        let asking = async {
            // Never closed.
            let _permit = self.permits.acquire().await;
            for _ in 0..2 {
                let token = self.service.token(&self.client).await?;
                let answer = self.client.send(Question {
                    method: Method::GET,
                    path,
                    token: Some(&token),
                    subject,
                    body: None,
                });
                let answer = answer.await?;
                if answer.status != StatusCode::UNAUTHORIZED {
                    return Ok(answer);
                }
                self.service.forget(&token).await;
            }
            Err(AskError::NotLetIn)
        };
        // Queueing counts: who waits is told in time that there is no answer.
        let done = timeout(self.patience, asking).await;
        done.map_err(|_| AskError::TooSlow)?
    }

    async fn ask_about(&self, token: &HeaderValue) -> Outcome {
        match self.ask("/v3/auth/tokens?nocatalog", Some(token)).await {
            Ok(answer) => token::outcome(&answer),
            Err(error) => Outcome::failed(error),
        }
    }
}

#[async_trait]
impl IdentityProvider for Keystone {
    async fn identify(&self, token: &str) -> Result<ForeignSession, IdentifyError> {
        let header = HeaderValue::from_str(token).ok();
        let fits = !token.is_empty() && token.len() <= LONGEST_TOKEN;
        let mut header = header.filter(|_| fits).ok_or(IdentifyError::Refused)?;
        header.set_sensitive(true);
        match self.cache.get(token, self.ask_about(&header)).await {
            Outcome::Known(session) => Ok(*session),
            Outcome::Refused => Err(IdentifyError::Refused),
            Outcome::Failed(error) => Err(IdentityUnavailable(error.into()).into()),
        }
    }

    async fn has_project(&self, project: ProjectId) -> Result<bool, IdentityUnavailable> {
        let path = format!("/v3/projects/{}", project.uuid().simple());
        let unavailable = |error: AskError| IdentityUnavailable(error.into());
        let answer = self.ask(&path, None).await.map_err(unavailable)?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            // Neutron takes an administrator's word for it as well.
            StatusCode::FORBIDDEN => {
                tracing::warn!(%project, "the service user may not look projects up, so this one is believed");
                Ok(true)
            }
            other => Err(unavailable(AskError::Status(other.as_u16()))),
        }
    }
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("url", self.client.url())
            .finish_non_exhaustive()
    }
}
