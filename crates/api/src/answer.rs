//! What faces do alike to what they answer.

use std::borrow::Cow;

use adit_control::Error;
use adit_model::Psk;
use adit_model::authentication::Authentication;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde_json::Value;
use tracing::error;

/// What stands for a key that is not shown.
const HIDDEN: &str = "********";

/// Whether a text is what stands for a key that is not shown. No key: who read it may send it back.
#[must_use]
pub fn is_hidden(text: &str) -> bool {
    text == HIDDEN
}

/// A pre-shared key as its owner sees it, or, where the operator wants it so, asterisks.
#[must_use]
pub fn key(psk: &Psk, is_shown: bool) -> Cow<'_, str> {
    if is_shown {
        String::from_utf8_lossy(psk.expose())
    } else {
        HIDDEN.into()
    }
}

/// The pre-shared key of a connection, for a dialect that has no words for another way to authenticate: one by
/// certificates has none to show.
#[must_use]
pub fn key_of(authentication: &Authentication, is_shown: bool) -> Cow<'_, str> {
    let psk = authentication.psk();
    psk.map_or(Cow::Borrowed(""), |psk| key(psk, is_shown))
}

/// Sets a member of an object.
pub fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

/// Logs a failure that is no fault of the client's, of which the client is told no more than that.
pub fn log(failure: &Error) {
    error!(
        error = failure as &dyn std::error::Error,
        "a request failed"
    );
}

/// Whether this is the framework's answer to a path that can't be decoded. It has no words of the
/// dialect's: such a path leads nowhere.
#[must_use]
pub fn is_undecodable(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    response.status() == StatusCode::BAD_REQUEST && !json
}

/// What OpenStack's services say in headers: the request's id, and, to who is not let in, where to
/// get a token.
pub fn as_openstack(response: &mut Response, id: &str, identity_url: &str) {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    set_header(headers, "x-openstack-request-id", &format!("req-{id}"));
    if unauthorized {
        let challenge = format!("Keystone uri=\"{identity_url}\"");
        set_header(headers, WWW_AUTHENTICATE.as_str(), &challenge);
    }
}

fn set_header(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
