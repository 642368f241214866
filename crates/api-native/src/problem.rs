//! Every refusal's status, type and words, in one place: `application/problem+json` (RFC 9457).
//!
//! Handlers return a [`Problem`]; a layer around them writes the body, which names the request.

use adit_api::answer::{is_undecodable, log};
use adit_api::bearer::BearerError;
use adit_api::body::{BodyError, LIMIT};
use adit_api::request_id;
use adit_control::login::LoginError;
use adit_control::token::TokenError;
use adit_control::{Error, Misfit, Noun, Rule};
use adit_model::endpoint_group::EndpointKind;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusals::PROBLEM_JSON;

/// A refusal. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Details>);

/// What is told of a refusal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
struct Details {
    /// Which kind of refusal: a name of its own that stays.
    #[serde(rename = "type")]
    #[schema(example = "urn:adit:problem:invalid")]
    kind: String,
    /// The status' own words.
    title: String,
    /// The status of HTTP.
    #[serde(serialize_with = "number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What is wrong, and what is allowed.
    detail: String,
    /// The field of the body, the header or the parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "peer.cidrs[0]")]
    field: Option<String>,
    /// All that is wrong, where that is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    /// The request, as the service's log has it.
    request_id: String,
    #[serde(skip)]
    retry_after: Option<u64>,
}

fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: format!("urn:adit:problem:{kind}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status,
            detail: detail.into(),
            field: None,
            errors: Vec::new(),
            request_id: String::new(),
            retry_after: None,
        }))
    }

    /// 400: what was sent can't be.
    pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail).of(field)
    }

    /// 400: a text in which all of this is wrong.
    pub(crate) fn invalid_text(field: &str, wrong: Vec<String>) -> Self {
        let mut problem = Self::invalid(field, wrong.join("; "));
        problem.0.errors = wrong;
        problem
    }

    /// What is wrong, and what is allowed.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.0.status
    }

    /// 422: what was sent is well, and does not go together with what is there.
    pub(crate) fn misfit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "misfit", detail)
    }

    pub(crate) fn not_found(noun: Noun) -> Self {
        // Of ports this face knows machines alone.
        let detail = match noun {
            Noun::Port => "the machine could not be found".to_owned(),
            noun => format!("the {noun} could not be found"),
        };
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn of(mut self, field: &str) -> Self {
        self.0.field = Some(field.to_owned());
        self
    }

    /// The same of a body that has no parts.
    pub(crate) fn flattened(mut self) -> Self {
        self.0.field = self.0.field.map(|field| field.replace('.', "_"));
        self
    }

    /// The same of a part of a body.
    pub(crate) fn within(mut self, part: &str) -> Self {
        self.0.field = Some(match self.0.field.as_deref() {
            None | Some("") => part.to_owned(),
            Some(field) => format!("{part}.{field}"),
        });
        self
    }

    /// That of a body which names something that is not there, and makes something else of this noun: 404 would be of the
    /// path.
    pub(crate) fn naming(own: Noun, error: Error) -> Self {
        let missing = match &error {
            Error::NotFound(noun) if *noun != own => Some(*noun),
            _ => None,
        };
        let problem = Self::from(error);
        match missing {
            Some(noun) => Self::misfit(problem.0.detail).of(field_of(noun)),
            None => problem,
        }
    }
}

/// The field of a body that names such a thing.
const fn field_of(noun: Noun) -> &'static str {
    match noun {
        Noun::EndpointGroup => "group",
        Noun::Gateway => "gateway",
        Noun::IkePolicy => "ike_policy",
        Noun::IpsecPolicy => "ipsec_policy",
        Noun::Network => "network",
        Noun::Router => "router",
        Noun::SecurityGroup => "security_groups",
        Noun::Subnet => "subnet",
        _ => "",
    }
}

impl From<BearerError> for Problem {
    fn from(error: BearerError) -> Self {
        let detail = error.to_string();
        match error {
            BearerError::Token(TokenError::Unavailable(_) | TokenError::Unasked(_)) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
            BearerError::Token(TokenError::NoRole) => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
            }
            BearerError::Token(_) | BearerError::Missing => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            }
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => {
                let detail = format!("a body has at most {LIMIT} octets");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
            }
            other => Self::new(StatusCode::BAD_REQUEST, "not-json", other.to_string()),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => {
                let detail = "the credentials are not good for this";
                Self::new(StatusCode::UNAUTHORIZED, "refused", detail)
            }
            LoginError::Control(error) => error.into(),
        }
    }
}

impl From<Misfit> for Problem {
    fn from(misfit: Misfit) -> Self {
        let field = match misfit {
            Misfit::DpdTimeout => "dead_peer_detection.timeout_s",
            Misfit::MissingPeerCidrs | Misfit::MixedPeerCidrs => "peer.cidrs",
            Misfit::MtuTooSmall { .. } => "mtu",
            Misfit::NoExternalFamily { .. } | Misfit::PeerUnresolved(_) => "peer.address",
            Misfit::RouterNotExternal(_) => "router",
            Misfit::GroupsWithSubnet { local: true, .. }
            | Misfit::MissingGroups { local: true, .. }
            | Misfit::SubnetNotOnRouter { .. } => "local.group",
            Misfit::GroupsWithSubnet { .. } | Misfit::MissingGroups { .. } => "peer.group",
            Misfit::WrongGroupKind { wanted, .. } => match wanted {
                EndpointKind::Subnet => "local.group",
                _ => "peer.group",
            },
            Misfit::MixedGroup(_) => "group",
            Misfit::PeerCidrsWithGroups => "peer.cidrs",
            Misfit::AhEsp => "ipsec_policy",
            _ => "local.cidrs",
        };
        Self::misfit(misfit.to_string()).of(field)
    }
}

/// A field in the model's words, in this face's.
fn spelled(field: &str) -> &str {
    match field {
        "dead_peer_detection.interval" => "dead_peer_detection.interval_s",
        "dead_peer_detection.timeout" => "dead_peer_detection.timeout_s",
        "local_cidrs" => "local.cidrs",
        "peer_ep_group_id" => "peer.group",
        "peer_address" => "peer.address",
        "peer_cidrs" => "peer.cidrs",
        other => other,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let (status, kind) = match &error {
            Error::NotFound(noun) => return Self::not_found(*noun),
            Error::NotListed => (StatusCode::NOT_FOUND, "not-found"),
            Error::Conflict {
                rule: Rule::Revision,
                ..
            } => {
                let status = StatusCode::PRECONDITION_FAILED;
                return Self::new(status, "changed", detail).of("If-Match");
            }
            Error::Conflict { .. } | Error::NoWayOutside(_) => (StatusCode::CONFLICT, "conflict"),
            Error::Used { .. } => (StatusCode::CONFLICT, "in-use"),
            Error::Invalid { field, .. } => return Self::invalid(spelled(field), detail),
            Error::Misfit(misfit) => return misfit.clone().into(),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Error::ProjectQuota(_) | Error::QuotaExceeded { .. } => (StatusCode::CONFLICT, "quota"),
            Error::Busy { seconds } | Error::TooManyAttempts { seconds } => {
                let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", detail);
                problem.0.retry_after = Some(*seconds);
                return problem;
            }
            Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if status.is_server_error() {
            log(&error);
        }
        Self::new(status, kind, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Nothing is there.
pub(crate) async fn no_such_path() -> Problem {
    let detail = "there is no such path; /openapi/adit-v1.json has them all";
    Problem::new(StatusCode::NOT_FOUND, "no-such-path", detail)
}

pub(crate) async fn method_not_allowed() -> Problem {
    let detail = "this path takes other methods; /openapi/adit-v1.json has them all";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

/// Writes the body of a refusal.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let id = request_id::of(request.extensions());
    let mut response = next.run(request).await;
    let refused = response.extensions_mut().remove::<Problem>();
    let refused = refused.or_else(|| {
        let detail = "the path can't be decoded, or an id in it is none";
        is_undecodable(&response).then(|| Problem::new(StatusCode::NOT_FOUND, "not-found", detail))
    });
    let Some(mut problem) = refused else {
        return response;
    };
    problem.0.request_id = id;
    *response.status_mut() = problem.0.status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(PROBLEM_JSON);
    headers.insert(CONTENT_TYPE, kind);
    headers.remove("content-length");
    if problem.0.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.0.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    // It is made of texts and a number, which are always JSON.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    *response.body_mut() = body.into();
    response
}
