//! `/secret`: the page to which the link to a key leads. It has no script, so that it works wherever forms do.

use adit_control::connection_request::SecretError;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::{KnownShape, OpenedShape, refused};
use crate::state::Native;

/// The longest form that is read, in octets: anybody may send one.
const LONGEST_FORM: usize = 4096;

const STYLE: &str = include_str!("page.css");

pub(crate) fn routes() -> Router<Native> {
    Router::new()
        .route("/secret", get(ask).post(tell))
        .route("/secret.css", get(style))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
}

/// What the page's address has.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    code: String,
}

/// What goes with the page, which has no script at all: whoever has a key to read may have switched them off.
const HEADERS: [(HeaderName, &str); 3] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
];

/// A text as HTML shows it, and nothing else.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            c => safe.push(c),
        }
    }
    safe
}

/// What is said in half a sentence, as people read it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

fn html(status: StatusCode, content: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Pre-shared key · Adit</title>\
         <link rel=\"stylesheet\" href=\"/secret.css\"></head>\n\
         <body><main><h1>Pre-shared key</h1>\n{content}</main></body></html>\n"
    );
    (status, HEADERS, Html(page)).into_response()
}

fn form(code: &str) -> String {
    let code = escaped(code);
    format!(
        "<p class=\"soft\">The key is shown once. Have the passphrase ready that you were told by another way.</p>\n\
         <form method=\"post\" action=\"/secret\">\
         <input type=\"hidden\" name=\"code\" value=\"{code}\">\
         <label for=\"passphrase\">Passphrase</label>\
         <input id=\"passphrase\" name=\"passphrase\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" \
         required autofocus aria-describedby=\"hint\">\
         <p class=\"soft\" id=\"hint\">Hyphens and capitals don’t matter.</p>\
         <button>Show the key</button></form>\n"
    )
}

async fn style() -> impl IntoResponse {
    let kind = (CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, (CACHE_CONTROL, "no-cache")], STYLE)
}

/// Looking at the page opens nothing: programs that look at links before people do use none up.
async fn ask(Query(link): Query<Link>) -> Response {
    if link.code.is_empty() {
        let said = "<p role=\"alert\">The link is not whole: it ends with a code. Take all of what you were sent.</p>\n";
        return html(StatusCode::OK, said);
    }
    html(StatusCode::OK, &form(&link.code))
}

async fn tell(State(native): State<Native>, Form(known): Form<KnownShape>) -> Response {
    match native
        .control
        .open_secret(&known.code, &known.passphrase)
        .await
    {
        Ok(opened) => {
            let OpenedShape {
                name,
                recipient,
                psk,
            } = OpenedShape::of(&opened);
            let [name, recipient, psk] = [name, recipient, psk].map(|text| escaped(&text));
            let content = format!(
                "<p>Of the connection <strong>{name}</strong>, for {recipient}. It is not shown again: the link opens \
                 nothing any more.</p>\n<p><code>{psk}</code></p>\n<p class=\"soft\">A click selects all of it.</p>\n"
            );
            html(StatusCode::OK, &content)
        }
        Err(error) => {
            let again = match error {
                SecretError::Passphrase { .. } => form(&known.code),
                _ => String::new(),
            };
            let problem = refused(error);
            let said = escaped(&sentence(problem.detail()));
            html(
                problem.status(),
                &format!("<p role=\"alert\">{said}</p>\n{again}"),
            )
        }
    }
}
