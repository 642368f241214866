//! An answer that is read piece by piece.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::response::Parts;
use hyper::{Response, StatusCode};
use tokio::time::timeout;

use crate::{Answer, ClientError, Limits};

/// An answer whose body is read piece by piece. Between two of them there is as much time as a whole request may take.
#[derive(Debug)]
pub struct Pieces {
    head: Parts,
    body: Incoming,
    limits: Limits,
}

impl Pieces {
    pub(crate) fn new(answer: Response<Incoming>, limits: Limits) -> Self {
        let (head, body) = answer.into_parts();
        Self { head, body, limits }
    }

    /// RFC 9110 section 15.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = timeout(self.limits.patience, self.body.frame()).await;
            match frame.map_err(|_| ClientError::TooSlow)? {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::Broken(error.into())),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All of it, where it has an end after all: a refusal.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn whole(self) -> Result<Answer, ClientError> {
        let body = Limited::new(self.body, self.limits.longest_body).collect();
        let body = timeout(self.limits.patience, body).await;
        let body = body.map_err(|_| ClientError::TooSlow)?;
        Ok(Answer {
            status: self.head.status,
            headers: self.head.headers,
            body: body.map_err(ClientError::of_body)?.to_bytes(),
        })
    }
}
