//! Who asks, for which version, and under which address: what every handler starts with.

use adit_api::{bearer, origin};
use adit_control::Caller;
use adit_model::{ResourceGroup, Revision};
use axum::extract::{FromRequestParts, MatchedPath, Query};
use axum::http::StatusCode;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::str::FromStr;
use uuid::Uuid;

use crate::documentation::{self, Page};
use crate::error::ApiError;
use crate::ids;
use crate::parameters;
use crate::state::Vpc;
use crate::version::{Version, VersionError};

/// What is known of a request before its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) caller: Caller,
    pub(crate) version: Version,
    pub(crate) vpc: Vpc,
    base: String,
    query: HashMap<String, String>,
    if_match: Option<String>,
}

impl FromRequestParts<Vpc> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, vpc: &Vpc) -> Result<Self, ApiError> {
        let caller = bearer::caller(&vpc.control, &parts.headers).await?;
        let query = Query::<HashMap<String, String>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::bad("bad_request", "The query could not be read."))?
            .0;
        let version = version(query.get("version"))?;
        generation(query.get("generation"))?;
        let route = parts.extensions.get::<MatchedPath>();
        let route = route.map_or("", MatchedPath::as_str);
        parameters::check(&parts.method, route, &query)?;
        let if_match = parts.headers.get(IF_MATCH);
        let if_match = if_match.and_then(|value| value.to_str().ok());
        Ok(Self {
            caller,
            version,
            base: origin::of(
                vpc.config.public_url.as_deref(),
                &parts.headers,
                &parts.extensions,
            ),
            vpc: vpc.clone(),
            query,
            if_match: if_match.map(|text| text.trim().to_owned()),
        })
    }
}

fn version(given: Option<&String>) -> Result<Version, ApiError> {
    let Some(text) = given else {
        let message = "The `version` query parameter is required, such as `version=2020-02-14`.";
        return Err(ApiError::bad("missing_version", message).parameter("version"));
    };
    Version::parse(text).map_err(|error| {
        let (code, message) = match error {
            VersionError::Malformed => ("invalid_version", "The version must be YYYY-MM-DD."),
            VersionError::TooOld => (
                "invalid_version_range",
                "The version must be 2019-01-01 or later.",
            ),
        };
        ApiError::bad(code, message).parameter("version")
    })
}

fn generation(given: Option<&String>) -> Result<(), ApiError> {
    let (code, message) = match given.map(String::as_str) {
        Some("1" | "2") => return Ok(()),
        Some(_) => (
            "invalid_generation_parameter",
            "The `generation` query parameter must be 2.",
        ),
        None => (
            "missing_generation_parameter",
            "The `generation` query parameter is required.",
        ),
    };
    Err(ApiError::bad(code, message).parameter("generation"))
}

impl Context {
    /// `http://host/v1/<path>`.
    pub(crate) fn href(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.base)
    }

    /// Where a page of the documentation is.
    pub(crate) fn documentation(&self, page: Page) -> String {
        documentation::address(&self.base, page)
    }

    /// The id of what lives in a zone.
    pub(crate) fn zonal(&self, id: Uuid) -> String {
        format!("{}-{id}", self.vpc.config.zone_prefix)
    }

    /// The id of what lives in a region.
    pub(crate) fn regional(&self, id: Uuid) -> String {
        format!("{}-{id}", self.vpc.config.region_prefix)
    }

    /// `crn:v1:...::<kind>:<id>`.
    pub(crate) fn crn(&self, kind: &str, id: &str) -> String {
        let config = &self.vpc.config;
        let account = self.caller.project.uuid().simple();
        let (environment, region) = (&config.environment, &config.region);
        format!("crn:v1:{environment}:public:is:{region}:a/{account}::{kind}:{id}")
    }

    /// The resource group that a thing is in.
    pub(crate) fn resource_group(&self, of: Option<&ResourceGroup>) -> Value {
        let (default, name) = &self.vpc.config.resource_group;
        // Of others there is no name but their id.
        let (id, name) = match of.map(ResourceGroup::as_str) {
            None => (default.as_str(), name.as_str()),
            Some(id) => (id, id),
        };
        let href = format!("{}/v2/resource_groups/{id}", self.base);
        json!({"id": id, "name": name, "href": href})
    }

    /// The group with this id; none is the default one.
    pub(crate) fn read_resource_group(&self, id: &str) -> Option<Option<ResourceGroup>> {
        let default = &self.vpc.config.resource_group.0;
        let group = (id != default).then(|| id.parse().ok());
        match group {
            None => Some(None),
            Some(None) => None,
            Some(group) => Some(group),
        }
    }

    /// Whether a list that is asked for has what is in this group.
    pub(crate) fn wants_group(&self, of: Option<&ResourceGroup>) -> bool {
        self.query("resource_group.id").is_none_or(|id| {
            let wanted = self.read_resource_group(id);
            wanted.is_some_and(|wanted| wanted.as_ref() == of)
        })
    }

    /// Whether a list that is asked for has what is called so.
    pub(crate) fn wants(&self, parameter: &str, value: &str) -> bool {
        self.query(parameter).is_none_or(|wanted| wanted == value)
    }

    /// Whether a list that is asked for has what has this id.
    pub(crate) fn wants_id(&self, parameter: &str, id: Uuid) -> bool {
        let wanted = self.query(parameter);
        wanted.is_none_or(|text| ids::parse(text) == Some(id))
    }

    /// Whether the query asks for a list in another order, or for a part of it.
    pub(crate) fn has_filters(&self) -> bool {
        parameters::filters(&self.query).next().is_some()
    }

    /// What it asks for by that, for the addresses of the list's other pages.
    pub(crate) fn filters(&self) -> String {
        let mut all: Vec<_> = parameters::filters(&self.query).collect();
        all.sort_unstable();
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(all);
        let text = text.finish();
        if text.is_empty() {
            text
        } else {
            format!("&{text}")
        }
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// `start`: where the page starts, if that is not the beginning.
    pub(crate) fn start<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        let start = self.query("start").filter(|start| !start.is_empty());
        let start = start.map(str::parse).transpose();
        start.map_err(|_| {
            let message = "The `start` query parameter is not one that a page named as its next.";
            ApiError::bad("invalid_id_format", message).parameter("start")
        })
    }

    /// `limit`: how long the page is, 1 to 100.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.query("limit") else {
            return Ok(50);
        };
        let limit = text.parse().ok().filter(|limit| (1..=100).contains(limit));
        limit.ok_or_else(|| {
            let message = "The `limit` query parameter must be 1 to 100.";
            ApiError::bad("invalid_value", message).parameter("limit")
        })
    }

    /// The revision that `If-Match` names; an empty header, as Terraform sends, and `*` name none.
    pub(crate) fn if_match(&self) -> Result<Option<Revision>, ApiError> {
        let Some(text) = self.if_match.as_deref() else {
            return Ok(None);
        };
        if text.is_empty() || text == "*" {
            return Ok(None);
        }
        let text = text.strip_prefix("W/").unwrap_or(text);
        let revision = text.trim_matches('"').parse();
        revision
            .map(|revision| Some(Revision(revision)))
            .map_err(|_| {
                let message = "The If-Match header does not name this version of the resource.";
                let status = StatusCode::PRECONDITION_FAILED;
                ApiError::new(status, "precondition_failed", message).header("If-Match")
            })
    }
}

/// The `ETag` of a revision.
pub(crate) fn etag(revision: Revision) -> [(&'static str, String); 1] {
    [("etag", format!("W/\"{}\"", revision.0))]
}
