//! Who asks, and under which address: what every handler but the first login starts with.

use std::collections::HashMap;
use std::net::IpAddr;

use adit_api::ClientAddress;
use adit_control::{Control, Session};
use axum::extract::{FromRequestParts, Query};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::{Keystone, V3};

/// A request's token, query and address.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) session: Session,
    pub(crate) place: Place,
}

impl Context {
    pub(crate) fn control(&self) -> &Control {
        &self.place.keystone.control
    }
}

/// What is known of a request without a token.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) keystone: Keystone,
    pub(crate) base: String,
    /// Where the client is, if that is known.
    pub(crate) client: Option<IpAddr>,
    query: HashMap<String, String>,
    own: String,
}

impl FromRequestParts<Keystone> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Keystone) -> Result<Self, ApiError> {
        let place = Place::from_request_parts(parts, state).await?;
        let token = header(&parts.headers, "x-auth-token").ok_or_else(ApiError::unauthorized)?;
        let session = state.control.session(token).await?;
        Ok(Self { session, place })
    }
}

impl FromRequestParts<Keystone> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Keystone) -> Result<Self, ApiError> {
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::bad("The query could not be read."))?
            .0;
        let base = state.origin(&parts.headers, &parts.extensions);
        Ok(Self {
            keystone: state.clone(),
            own: format!("{base}{}", parts.uri),
            client: ClientAddress::of(&parts.extensions),
            base,
            query,
        })
    }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Place {
    /// `{"self": "http://host/identity/v3/<path>"}`.
    pub(crate) fn link(&self, path: &str) -> Value {
        json!({"self": self.href(path)})
    }

    pub(crate) fn href(&self, path: &str) -> String {
        format!("{}{V3}/{path}", self.base)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Whether queries of this name, such as there are, ask for the given text: all of it, or, as
    /// Keystone's inexact filters do, for a part.
    pub(crate) fn wants(&self, name: &str, text: &str) -> bool {
        let small = text.to_lowercase();
        let fits = |inexact: &str, wanted: &str| match inexact {
            "" => text == wanted,
            "__contains" => text.contains(wanted),
            "__startswith" => text.starts_with(wanted),
            "__endswith" => text.ends_with(wanted),
            "__icontains" => small.contains(&wanted.to_lowercase()),
            "__istartswith" => small.starts_with(&wanted.to_lowercase()),
            "__iendswith" => small.ends_with(&wanted.to_lowercase()),
            _ => true,
        };
        let queries = self.query.iter();
        let mut about = queries.filter_map(|(key, wanted)| Some((key.strip_prefix(name)?, wanted)));
        about.all(|(inexact, wanted)| fits(inexact, wanted))
    }

    /// The same for what is true or false.
    pub(crate) fn wants_flag(&self, name: &str, flag: bool) -> bool {
        self.query(name).is_none_or(|wanted| truth(wanted) == flag)
    }

    /// Whether a query of this name is set, as `?name` or to something true.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.query(name).is_some_and(truth)
    }

    /// A list, all on one page.
    pub(crate) fn list(&self, key: &str, rows: Vec<Value>) -> axum::Json<Value> {
        let links = json!({"next": null, "previous": null, "self": self.own});
        axum::Json(json!({key: rows, "links": links}))
    }
}

fn truth(text: &str) -> bool {
    !["0", "false", "no", "off"].contains(&text.to_ascii_lowercase().as_str())
}
