//! The body of `POST /v3/auth/tokens`: who somebody is, how they prove it, and where they want to
//! act. What names nothing there is (an id that is none, another domain) is refused like a wrong
//! password; what is no such body at all is a bad request.

use adit_control::Password;
use adit_control::login::{CredentialRef, ProjectRef, UserRef, Wish};
use adit_model::{ApplicationCredentialId, Name, ProjectId, UserId};
use axum::body::Body;
use serde_json::Value;

use crate::domains;
use crate::error::ApiError;
use crate::fields::{self, Fields};

/// How somebody proves who they are, as the body says it.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Password(UserRef, Password),
    Token(String),
    ApplicationCredential(CredentialRef, Password),
}

pub(crate) async fn read(body: Body) -> Result<(Identity, Wish), ApiError> {
    let auth = fields::read(body, "auth").await?;
    let identity = identity(&auth.need_object("identity")?)?;
    Ok((identity, wish(&auth)?))
}

fn identity(fields: &Fields) -> Result<Identity, ApiError> {
    let methods = fields.list("methods")?.unwrap_or_default();
    let [Value::String(method)] = methods else {
        return Err(ApiError::bad("'methods' must name one method"));
    };
    match method.as_str() {
        "password" => {
            let user = fields.need_object("password")?.need_object("user")?;
            let password = user.need_text("password")?;
            Ok(Identity::Password(user_ref(&user)?, secret(password)?))
        }
        "token" => {
            let token = fields.need_object("token")?;
            Ok(Identity::Token(token.need_text("id")?.to_owned()))
        }
        "application_credential" => {
            let fields = fields.need_object("application_credential")?;
            let text = fields.need_text("secret")?;
            Ok(Identity::ApplicationCredential(
                credential_ref(&fields)?,
                secret(text)?,
            ))
        }
        _ => Err(ApiError::unauthorized()),
    }
}

/// A secret that can't be one is a wrong one.
fn secret(text: &str) -> Result<Password, ApiError> {
    Password::new(text).map_err(|_| ApiError::unauthorized())
}

fn name(text: &str) -> Result<Name, ApiError> {
    Name::parse(text).map_err(|_| ApiError::unauthorized())
}

fn user_ref(fields: &Fields) -> Result<UserRef, ApiError> {
    if let Some(id) = fields.text("id")? {
        let id = adit_api::ids::parse(id).ok_or_else(ApiError::unauthorized)?;
        return Ok(UserRef::Id(UserId::from_uuid(id)));
    }
    let name = name(fields.need_text("name")?)?;
    need_domain(fields)?;
    Ok(UserRef::Name(name))
}

fn credential_ref(fields: &Fields) -> Result<CredentialRef, ApiError> {
    if let Some(id) = fields.text("id")? {
        let id = adit_api::ids::parse(id).ok_or_else(ApiError::unauthorized)?;
        let id = ApplicationCredentialId::from_uuid(id);
        return Ok(CredentialRef::Id(id));
    }
    let name = name(fields.need_text("name")?)?;
    let user = user_ref(&fields.need_object("user")?)?;
    Ok(CredentialRef::Name(user, name))
}

/// A name means something within a domain, and there is one.
fn need_domain(fields: &Fields) -> Result<(), ApiError> {
    let domain = fields.need_object("domain")?;
    let ours = match (domain.text("id")?, domain.text("name")?) {
        (Some(id), _) => id == domains::ID,
        // A Keystone on MySQL doesn't tell them apart, so `default` is in many people's settings.
        (None, Some(name)) => name.eq_ignore_ascii_case(domains::NAME),
        (None, None) => return Err(ApiError::bad("'domain' needs an id or a name")),
    };
    if ours {
        Ok(())
    } else {
        Err(ApiError::unauthorized())
    }
}

fn wish(auth: &Fields) -> Result<Wish, ApiError> {
    if auth
        .text("scope")
        .is_ok_and(|text| text == Some("unscoped"))
    {
        return Ok(Wish::Unscoped);
    }
    let Some(scope) = auth.object("scope")? else {
        return Ok(Wish::Default);
    };
    if scope.has("unscoped") {
        return Ok(Wish::Unscoped);
    }
    let Some(project) = scope.object("project")? else {
        // Nobody has a role in a domain or in the system.
        return if scope.has("domain") || scope.has("system") {
            Err(ApiError::unauthorized())
        } else {
            Err(ApiError::bad("'scope' names nothing that there is"))
        };
    };
    if let Some(id) = project.text("id")? {
        let id = adit_api::ids::parse(id).ok_or_else(ApiError::unauthorized)?;
        return Ok(Wish::Project(ProjectRef::Id(ProjectId::from_uuid(id))));
    }
    let name = name(project.need_text("name")?)?;
    need_domain(&project)?;
    Ok(Wish::Project(ProjectRef::Name(name)))
}
