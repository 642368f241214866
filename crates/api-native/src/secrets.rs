//! `secrets/open`, and `/secret`, a page for people: a pre-shared key by the link that was made for its recipient. Nobody
//! is logged in here; the code and the passphrase are all that counts.

use adit_api::answer;
use adit_control::connection_request::{Opened, SecretError};
use axum::Json as Answer;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Json;
use crate::problem::Problem;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(open))
}

/// The longest form that is read, in octets: anybody may send one.
const LONGEST_FORM: usize = 4096;

/// The page for people.
pub(crate) fn page() -> Router<Native> {
    Router::new()
        .route("/secret", get(ask).post(tell))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
}

/// What opens a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KnownShape {
    /// That of the link.
    code: String,
    /// What was told by another way. Hyphens and capitals don't matter.
    passphrase: String,
}

/// A key.
#[derive(Serialize, ToSchema)]
struct OpenedShape {
    /// What the connection is called.
    name: String,
    /// Whom it is for.
    recipient: String,
    /// The pre-shared key; `0x` is before hexadecimal digits where it is no text.
    psk: String,
}

impl OpenedShape {
    fn of(opened: &Opened) -> Self {
        Self {
            name: opened.request.name.to_string(),
            recipient: opened.request.recipient.clone(),
            psk: answer::key(&opened.psk, true).into_owned(),
        }
    }
}

fn refused(error: SecretError) -> Problem {
    let detail = error.to_string();
    let (status, kind) = match error {
        SecretError::Unknown => (StatusCode::NOT_FOUND, "not-found"),
        SecretError::Used => (StatusCode::GONE, "used"),
        SecretError::Expired => (StatusCode::GONE, "expired"),
        SecretError::Locked => (StatusCode::GONE, "closed"),
        SecretError::Passphrase { .. } => (StatusCode::FORBIDDEN, "passphrase"),
        SecretError::Control(error) => return error.into(),
    };
    Problem::new(status, kind, detail)
}

/// Reads a pre-shared key by its link: once. Nobody has to be logged in.
#[utoipa::path(
    post, path = "/secrets/open", tag = "requests", operation_id = "open_secret", request_body = KnownShape, security(()),
    responses(
        (status = 200, description = "The key; the link opens nothing any more.", body = OpenedShape),
        (status = 400, description = "A field is wrong.", body = Problem),
        (status = 403, description = "The passphrase is wrong.", body = Problem),
        (status = 404, description = "There is no such link.", body = Problem),
        (status = 410, description = "The link was used, has expired, or was closed by wrong passphrases.", body = Problem),
    ),
)]
async fn open(
    State(native): State<Native>,
    Json(known): Json<KnownShape>,
) -> Result<impl IntoResponse, Problem> {
    let opened = native
        .control
        .open_secret(&known.code, &known.passphrase)
        .await;
    let shape = OpenedShape::of(&opened.map_err(refused)?);
    Ok(([(CACHE_CONTROL, "no-store")], Answer(shape)))
}

/// What the page's address has.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    code: String,
}

const HEADERS: [(HeaderName, &str); 3] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
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

fn html(status: StatusCode, content: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Pre-shared key</title></head>\n\
         <body><main><h1>Pre-shared key</h1>\n{content}</main></body></html>\n"
    );
    (status, HEADERS, Html(page)).into_response()
}

fn form(code: &str) -> String {
    let code = escaped(code);
    format!(
        "<p>The key is shown once. Have the passphrase ready that you were told.</p>\n\
         <form method=\"post\" action=\"/secret\">\
         <input type=\"hidden\" name=\"code\" value=\"{code}\">\
         <p><label>Passphrase <input name=\"passphrase\" autocomplete=\"off\" required autofocus></label></p>\
         <p><button>Show the key</button></p></form>\n"
    )
}

/// Looking at the page opens nothing: programs that look at links before people do use none up.
async fn ask(Query(link): Query<Link>) -> Response {
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
                "<p>Of the connection <strong>{name}</strong>, for {recipient}. It is not shown again.</p>\n\
                 <p><code>{psk}</code></p>\n"
            );
            html(StatusCode::OK, &content)
        }
        Err(error) => {
            let again = match error {
                SecretError::Passphrase { .. } => form(&known.code),
                _ => String::new(),
            };
            let problem = refused(error);
            let said = escaped(problem.detail());
            html(
                problem.status(),
                &format!("<p role=\"alert\">{said}</p>\n{again}"),
            )
        }
    }
}
