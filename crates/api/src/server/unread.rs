//! What is left of a request's body when it is answered: a refusal needs none of it.
//!
//! In HTTP/1.1 the next request comes behind it on the same connection. hyper closes such a
//! connection without saying so, and a client that sent its next request already sees it break. So
//! the rest is read and dropped, within limits; beyond them the answer says `Connection: close`
//! (RFC 9110 section 7.6.1, RFC 9112 section 9.6).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Version};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The most octets that are read on.
const MOST: usize = 1024 * 1024;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that goes home when who has it is done.
struct BorrowedBody {
    body: Body,
    home: Option<oneshot::Sender<Body>>,
}

impl HttpBody for BorrowedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for BorrowedBody {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // Nobody waits for it when the whole request was dropped.
            let _ = home.send(std::mem::take(&mut self.body));
        }
    }
}

/// A middleware: reads on, or says that the connection ends.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if parts.version >= Version::HTTP_2 || body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // Reading on would ask for what the client holds back until it is wanted.
    let holds_back = parts.headers.contains_key(EXPECT);
    let (home, mut rest) = oneshot::channel();
    let borrowed = BorrowedBody {
        body,
        home: Some(home),
    };
    let request = Request::from_parts(parts, Body::new(borrowed));
    let mut response = next.run(request).await;
    let is_read = match rest.try_recv() {
        Ok(rest) => rest.is_end_stream() || (!holds_back && read_on(rest).await),
        Err(_) => false,
    };
    if !is_read {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Reads to the end, and answers whether that was possible.
async fn read_on(mut rest: Body) -> bool {
    let mut read = 0;
    let reading = async {
        while let Some(frame) = rest.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MOST {
                return false;
            }
        }
        true
    };
    timeout(PATIENCE, reading).await.unwrap_or(false)
}
