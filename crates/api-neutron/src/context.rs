//! Who asks, for what, and under which address: what every handler below `/v2.0` starts with.

use std::sync::Arc;

use adit_api::origin;
use adit_control::{Caller, Control, Error, Session, Together};
use adit_model::project::Role;
use adit_model::{ProjectId, Revision};
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;

use crate::body::Speaker;
use crate::config::NeutronConfig;
use crate::error::ApiError;
use crate::state::Neutron;

/// What is known of a request before its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) control: Control,
    pub(crate) config: Arc<NeutronConfig>,
    pub(crate) caller: Caller,
    /// The query, in its order.
    pub(crate) query: Vec<(String, String)>,
    /// The path below this API's root, as the client spelled it.
    pub(crate) path: String,
    session: Session,
    root: String,
    expected: Option<Revision>,
}

impl FromRequestParts<Neutron> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Neutron) -> Result<Self, ApiError> {
        let token = parts.headers.get("x-auth-token");
        let token = token.and_then(|value| value.to_str().ok());
        let token = token.ok_or(ApiError::Unauthorized)?;
        let session = state.control.session(token).await?;
        let mut caller = session.caller().ok_or(ApiError::NoProject)?;
        caller.all_projects = caller.role == Role::Admin;
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes());
        Ok(Self {
            control: state.control.clone(),
            config: Arc::clone(&state.config),
            caller,
            query: query.into_owned().collect(),
            path: parts.uri.path().to_owned(),
            session,
            root: Place::of(parts, state).root,
            // What changes nothing needs nothing to be as it was.
            expected: match parts.method.is_safe() {
                true => None,
                false => expected(&parts.headers)?,
            },
        })
    }
}

impl Context {
    /// The same request, what is done for it being a part of a unit of work.
    pub(crate) fn within(&self, together: &Together) -> Self {
        Self {
            control: together.control().clone(),
            ..self.clone()
        }
    }

    /// An address below this API's root; the path begins with a slash.
    pub(crate) fn href(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The revision that a thing is to have before it is changed, where the client says one.
    pub(crate) const fn expected(&self) -> Option<Revision> {
        self.expected
    }

    /// Refuses such a wish where it has no meaning.
    pub(crate) fn expects_nothing(&self) -> Result<(), ApiError> {
        match self.expected {
            None => Ok(()),
            Some(_) => Err(ApiError::BadIfMatch {
                reason: "it is for PUT and DELETE of what has a revision_number".to_owned(),
            }),
        }
    }

    pub(crate) fn speaker(&self) -> Speaker {
        Speaker {
            project: self.caller.project,
            is_admin: self.caller.all_projects,
            profile: self.control.config().crypto_profile,
        }
    }

    /// Who makes something, for a project that may not be the caller's.
    pub(crate) async fn maker(&self, project: Option<ProjectId>) -> Result<Caller, ApiError> {
        let Some(project) = project else {
            return Ok(self.caller);
        };
        let found = self.control.project(&self.session, project).await;
        let found = found.map_err(|error| match error {
            Error::NotFound(_) => ApiError::ProjectNotFound {
                id: project.to_string(),
            },
            other => other.into(),
        })?;
        Ok(Caller {
            project: found.id,
            ..self.caller
        })
    }
}

/// The address under which clients reach this API.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// With the prefix that it is mounted under, without a slash at the end.
    pub(crate) root: String,
    /// Of the identity service.
    pub(crate) identity: String,
}

impl Place {
    pub(crate) fn of(parts: &Parts, state: &Neutron) -> Self {
        let config = &state.config;
        let host = origin::of(None, &parts.headers, &parts.extensions);
        let bare = |url: &str| url.trim_end_matches('/').to_owned();
        let identity = match &config.identity_url {
            Some(url) => bare(url),
            None => format!("{host}/identity"),
        };
        if let Some(url) = &config.public_url {
            let root = bare(url);
            return Self { root, identity };
        }
        // The prefix is what the client's path has before ours. The root itself may be asked for
        // without its slash.
        let own = parts.uri.path().trim_end_matches('/');
        let original = parts.extensions.get::<OriginalUri>();
        let original = original.map(|uri| uri.path().trim_end_matches('/'));
        let prefix = original.and_then(|path| path.strip_suffix(own));
        let root = format!("{host}{}", prefix.unwrap_or_default());
        Self { root, identity }
    }
}

impl FromRequestParts<Neutron> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Neutron) -> Result<Self, ApiError> {
        Ok(Self::of(parts, state))
    }
}

/// What `If-Match: revision_number=5` says. `*` is there with anything that is.
fn expected(headers: &HeaderMap) -> Result<Option<Revision>, ApiError> {
    let mut expected = None;
    for value in headers.get_all(IF_MATCH) {
        for tag in value.to_str().unwrap_or_default().split(',') {
            let tag = tag.trim().trim_matches('"');
            if tag == "*" {
                continue;
            }
            let number = tag.strip_prefix("revision_number=");
            let number = number.and_then(|number| number.parse().ok());
            let refused = |reason: &str| ApiError::BadIfMatch {
                reason: reason.to_owned(),
            };
            let number = number.ok_or_else(|| {
                refused("Revision number etag must be in the format of revision_number=<int>")
            })?;
            if expected.replace(Revision(number)).is_some() {
                return Err(refused("Multiple revision_number etags are not supported"));
            }
        }
    }
    Ok(expected)
}
