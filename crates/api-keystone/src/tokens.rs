//! Tokens: made, read and taken back. The token itself travels in headers alone.

use adit_api::answer::set;
use adit_control::Session;
use adit_control::login::Proof;
use adit_control::session::Method;
use adit_control::token::TokenError;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::context::{Context, Place, header};
use crate::error::ApiError;
use crate::login_body::{self, Identity};
use crate::{catalog, ids, projects, roles, users};

const SUBJECT: &str = "x-subject-token";

const fn word(method: Method) -> &'static str {
    match method {
        Method::ApiKey => "api_key",
        Method::ApplicationCredential => "application_credential",
        Method::Password => "password",
        Method::Token => "token",
    }
}

fn body(place: &Place, session: &Session) -> Value {
    let methods = session.methods.iter().copied().map(word);
    let audits = std::iter::once(session.id).chain(session.parent);
    let mut user = users::reference(&session.user);
    set(&mut user, "password_expires_at", Value::Null);
    let mut token = json!({
        "methods": methods.collect::<Vec<_>>(),
        "user": user,
        "audit_ids": audits.map(|id| ids::id(id.uuid())).collect::<Vec<_>>(),
        "issued_at": adit_api::times::microseconds(session.issued_at),
        "expires_at": adit_api::times::microseconds(session.expires_at),
    });
    if let Some(scope) = &session.scope {
        set(&mut token, "project", projects::reference(&scope.project));
        set(&mut token, "is_domain", json!(false));
        set(&mut token, "roles", json!(roles::with_included(scope.role)));
        if !place.is_set("nocatalog") {
            set(&mut token, "catalog", catalog::body(place));
        }
    }
    if let Some(credential) = &session.credential {
        let used = json!({
            "id": ids::id(credential.id.uuid()),
            "name": credential.name.as_str(),
            "restricted": !credential.unrestricted,
        });
        set(&mut token, "application_credential", used);
    }
    json!({"token": token})
}

pub(crate) async fn create(place: Place, octets: Body) -> Result<Response, ApiError> {
    let (identity, wish) = login_body::read(octets).await?;
    let control = &place.keystone.control;
    let proof = match identity {
        Identity::Password(user, password) => Proof::Password(user, password),
        Identity::Token(text) => Proof::Session(Box::new(control.session(&text).await?)),
        Identity::ApplicationCredential(credential, secret) => {
            Proof::ApplicationCredential(credential, secret)
        }
    };
    let (text, session) = control.log_in(place.client, proof, &wish).await?;
    let body = Json(body(&place, &session));
    Ok((StatusCode::CREATED, [(SUBJECT, text)], body).into_response())
}

fn subject(headers: &HeaderMap) -> Result<&str, ApiError> {
    header(headers, SUBJECT).ok_or_else(|| ApiError::bad("The X-Subject-Token header is required."))
}

/// A token that is not good is one that is not there.
fn gone(error: TokenError) -> ApiError {
    match error {
        TokenError::Unavailable(_) | TokenError::Unasked(_) => error.into(),
        _ => ApiError::new(StatusCode::NOT_FOUND, "Could not find token."),
    }
}

pub(crate) async fn show(cx: Context, headers: HeaderMap) -> Result<Response, ApiError> {
    let text = subject(&headers)?;
    let found = cx.control().inspect_token(&cx.session, text).await?;
    let found = found.map_err(gone)?;
    let body = Json(body(&cx.place, &found));
    Ok(([(SUBJECT, text.to_owned())], body).into_response())
}

pub(crate) async fn revoke(cx: Context, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let text = subject(&headers)?;
    let done = cx.control().revoke_token(&cx.session, text).await?;
    done.map_err(gone)?;
    Ok(StatusCode::NO_CONTENT)
}
