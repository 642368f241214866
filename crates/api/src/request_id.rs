//! Every request has an id: the client's `X-Request-Id` if it is sane, else a fresh one. It goes
//! into the log, into errors, and back to the client.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, info, info_span};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: 1 to 64 of `-0-9a-zA-Z_`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh one.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client's, where it is one.
    fn parse(text: &str) -> Option<Self> {
        let sane = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let fits = (1..=64).contains(&text.len()) && text.chars().all(sane);
        fits.then(|| Self(text.to_owned()))
    }
}

/// The longest path that is logged whole, in octets: anybody may send one of 60 kB.
const LOGGED: usize = 200;

/// The path, or its beginning and how long it is.
fn shortened(path: &str) -> Cow<'_, str> {
    match path.char_indices().find(|(at, _)| *at >= LOGGED) {
        None => path.into(),
        Some((at, _)) => {
            let begin = path.get(..at).unwrap_or_default();
            format!("{begin}... ({} octets)", path.len()).into()
        }
    }
}

/// A middleware, for `axum::middleware::from_fn`; the outermost one. Logs each request by its
/// path alone: queries and bodies may hold secrets.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER);
    let given = given.and_then(|value| value.to_str().ok());
    let id = given
        .and_then(RequestId::parse)
        .unwrap_or_else(RequestId::random);
    let span = info_span!(
        "request",
        id = id.as_str(),
        method = %request.method(),
        path = %shortened(request.uri().path()),
    );
    request.extensions_mut().insert(id.clone());
    async move {
        let mut response = next.run(request).await;
        info!(status = response.status().as_u16(), "answered");
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_not_logged_long() {
        assert_eq!(shortened("/v2.0/networks"), "/v2.0/networks");
        let long = format!("/{}", "é".repeat(30_000));
        let logged = shortened(&long);
        assert!(logged.len() < LOGGED + 40, "{logged}");
        assert!(logged.ends_with("... (60001 octets)"), "{logged}");
    }
}
