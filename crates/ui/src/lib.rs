//! The page, under `/ui`: what is built of `ui/`, embedded in the program. It is a client of `/adit/v1` and of nothing
//! else; nothing here knows what it shows.
//!
//! | file | what |
//! |---|---|
//! | `files` | what was built: by name, with its ETag |
//! | `headers` | what browsers are told of it: what it may load, how long it is good |
//!
//! A debug build reads `ui/dist` at each request, so that a change of the page needs no compiler.

mod files;
mod headers;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use tower_http::compression::CompressionLayer;

use files::{Built, File};

/// Where the page is.
const HOME: &str = "/ui/";

/// What stands for it where it was not built.
const NOT_BUILT: &str = include_str!("not_built.html");

/// All routes.
pub fn router() -> Router {
    router_of::<Built>()
}

fn router_of<F: files::Files>() -> Router {
    let index = async |headers: HeaderMap| answer::<F>("", &headers);
    let file = async |Path(path): Path<String>, headers: HeaderMap| answer::<F>(&path, &headers);
    Router::new()
        .route("/ui", get(async || to_home()))
        .route(HOME, get(index))
        .route("/ui/{*path}", get(file))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::map_response(headers::add))
}

/// Leads browsers, which ask for HTML, from the service's own address to the page; others find there what they always
/// did.
pub async fn welcome(request: Request, next: Next) -> Response {
    let is_root = request.uri().path() == "/" && request.method() == Method::GET;
    if is_root && wants_html(request.headers()) {
        return to_home();
    }
    next.run(request).await
}

fn to_home() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, HOME), (VARY, "accept")]).into_response()
}

/// Whether somebody goes there: a script, a style or an image is never asked for as HTML.
fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| {
        accept
            .split(',')
            .any(|kind| kind.trim().starts_with("text/html"))
    })
}

/// A file; where there is none and somebody goes there, the page itself, which knows its own addresses.
fn answer<F: files::Files>(path: &str, headers: &HeaderMap) -> Response {
    let index = files::INDEX;
    let found = match path {
        "" => File::find::<F>(index),
        path => File::find::<F>(path),
    };
    let found = match found {
        None if path.is_empty() || wants_html(headers) => File::find::<F>(index),
        found => found,
    };
    match found {
        Some(file) => serve(file, headers),
        None if F::is_built() => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
        None => {
            let kind = [(CONTENT_TYPE, "text/html; charset=utf-8")];
            (StatusCode::SERVICE_UNAVAILABLE, kind, NOT_BUILT).into_response()
        }
    }
}

fn serve(file: File<'_>, asked: &HeaderMap) -> Response {
    let known = asked
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == file.etag));
    let mut response = Response::new(match is_known {
        true => Body::empty(),
        false => Body::from(file.content),
    });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers::of_file(headers, file.name);
    if let Ok(etag) = file.etag.parse() {
        headers.insert(ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests;
