//! What Keystone says of a token, in the model's words.

use adit_control::identity::{ForeignScope, ForeignSession};
use adit_crypto::sha256;
use adit_model::project::Role;
use adit_model::{Name, ProjectId, UserId};
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cache::Outcome;
use crate::error::AskError;
use crate::http::Answer;

#[derive(Deserialize)]
struct Body {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    user: Named,
    #[serde(default)]
    project: Option<Named>,
    /// A project that stands for a domain holds nothing but projects.
    #[serde(default)]
    is_domain: bool,
    #[serde(default)]
    roles: Vec<Named>,
    #[serde(with = "time::serde::rfc3339")]
    issued_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

/// How Keystone says no.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "error")]
    _error: serde_json::Map<String, serde_json::Value>,
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, AskError> {
    serde_json::from_slice(&answer.body).map_err(|source| AskError::Garbage {
        status: answer.status.as_u16(),
        source,
    })
}

/// When a token was made and when it ends.
pub(crate) fn times(answer: &Answer) -> Result<(OffsetDateTime, OffsetDateTime), AskError> {
    let token = read::<Body>(answer)?.token;
    Ok((token.issued_at, token.expires_at))
}

/// What the answer to a question about a token comes to.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    let read = match answer.status {
        StatusCode::OK => read(answer).map(|body: Body| session(body.token)),
        // A wrong address or a proxy has nothing either: only Keystone's own word counts.
        StatusCode::NOT_FOUND => read(answer).map(|_: Refusal| Outcome::Refused),
        StatusCode::FORBIDDEN => Err(AskError::Forbidden),
        other => Err(AskError::Status(other.as_u16())),
    };
    read.unwrap_or_else(Outcome::failed)
}

fn session(token: Token) -> Outcome {
    let role = strongest(&token.roles);
    let scope = match token.project.filter(|_| !token.is_domain) {
        None => None,
        Some(project) => {
            let Some(id) = uuid(&project.id) else {
                tracing::warn!(
                    project = project.id,
                    "a project's id is no UUID, so its tokens are refused"
                );
                return Outcome::Refused;
            };
            Some(ForeignScope {
                project: ProjectId::from_uuid(id),
                name: name(&project.name),
                role,
            })
        }
    };
    Outcome::Known(Box::new(ForeignSession {
        user: user(&token.user.id),
        user_name: name(&token.user.name),
        scope,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
    }))
}

/// The most that these roles allow. Which case they are in is of no matter in OpenStack; those that
/// a role implies are listed with it.
fn strongest(roles: &[Named]) -> Option<Role> {
    let known = roles.iter().map(|role| role.name.to_ascii_lowercase());
    known.filter_map(|name| name.parse().ok()).max()
}

/// An id as Keystone makes them: 32 digits, with hyphens or without.
fn uuid(text: &str) -> Option<Uuid> {
    matches!(text.len(), 32 | 36)
        .then(|| Uuid::parse_str(text).ok())
        .flatten()
}

/// Users that come from a directory or another identity provider have longer ids; one of ours is
/// made of such an id, always the same.
fn user(text: &str) -> UserId {
    let id = uuid(text).unwrap_or_else(|| {
        let digest = sha256(&[text.as_bytes()]);
        // Half of it is enough to tell users apart, and it is never too short.
        digest
            .first_chunk()
            .map_or(Uuid::nil(), |half| Uuid::from_bytes(*half))
    });
    UserId::from_uuid(id)
}

/// Names are shown, nothing hangs on them.
fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_default()
}
