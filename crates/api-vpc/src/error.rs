//! Every refusal's status, code and body, in one place.
//!
//! Handlers return an [`ApiError`]; a layer around them writes the body, which names the request, what
//! its path names if that is missing, and where to read more.

mod words;

use adit_api::answer::log;
use adit_api::bearer::BearerError;
use adit_api::body::BodyError;
use adit_api::fields::FieldError;
use adit_api::{origin, request_id};
use adit_control::token::TokenError;
use adit_control::{Error, Misfit, Noun, Rule};
use adit_model::Cidr;
use axum::Json;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::config::VpcConfig;
use crate::documentation::{self, Page};
use crate::state::Vpc;
pub(crate) use words::word;

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: String,
    message: Message,
    target: Option<(&'static str, String)>,
}

/// What to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Message {
    /// In this dialect's words.
    Own(String),
    /// In the model's.
    Model(String),
    /// This kind of row is missing: the one that the path names.
    Missing(Noun),
    /// This is used by those.
    Used(Noun, Noun, Vec<Uuid>),
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: Message::Own(message.into()),
            target: None,
        }
    }

    /// 400.
    pub(crate) fn bad(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn field(mut self, name: &str) -> Self {
        self.target = Some(("field", name.to_owned()));
        self
    }

    pub(crate) fn parameter(mut self, name: &str) -> Self {
        self.target = Some(("parameter", name.to_owned()));
        self
    }

    pub(crate) fn header(mut self, name: &str) -> Self {
        self.target = Some(("header", name.to_owned()));
        self
    }

    /// Of something that is part of another: where that is missing, so is this.
    pub(crate) fn or_missing(self, missing: Self) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            missing
        } else {
            self
        }
    }

    /// 404 for the thing of this id.
    pub(crate) fn not_found(noun: Noun, id: &str) -> Self {
        Self::nothing(word(noun), words::title(noun), id)
    }

    /// 404 for the thing that the path names.
    fn missing(noun: Noun) -> Self {
        let mut error = Self::not_found(noun, "");
        error.message = Message::Missing(noun);
        error
    }

    /// The same with another status and code.
    pub(crate) fn coded(self, status: StatusCode, code: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            ..self
        }
    }

    fn model(mut self, message: String) -> Self {
        self.message = Message::Model(message);
        self
    }

    /// 404 for a block that is not in a list.
    pub(crate) fn cidr_not_found(cidr: Option<Cidr>) -> Self {
        let cidr = cidr.map_or_else(String::new, |cidr| cidr.to_string());
        Self::nothing("vpn_connection_cidr", "CIDR", &cidr)
    }

    fn nothing(word: &str, title: &str, id: &str) -> Self {
        let code = format!("{word}_not_found");
        let message = if id.is_empty() {
            format!("The {title} could not be found.")
        } else {
            format!("The {title} `{id}` could not be found.")
        };
        Self::new(StatusCode::NOT_FOUND, code, message)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = words::sentence(&error.to_string());
        let of = |(status, code): (StatusCode, String)| {
            Self::new(status, code, "").model(message.clone())
        };
        match error {
            Error::NotFound(noun) => Self::missing(noun),
            Error::NotListed => Self::cidr_not_found(None),
            Error::Conflict { rule, .. } => of(rule_code(rule, "")),
            Error::Invalid { field, rule, .. } => {
                of(rule_code(rule, field)).field(words::field(field))
            }
            Error::Used { noun, by, users } => {
                let mut refusal = of(rule_code(Rule::InUse(noun), ""));
                refusal.message = Message::Used(noun, by, users);
                refusal
            }
            Error::Misfit(Misfit::MissingPeerCidrs) => {
                of(rule_code(Rule::ListEmpty, "peer_cidrs")).field("peer_cidrs")
            }
            Error::Misfit(Misfit::PeerUnresolved(_)) => {
                of((StatusCode::BAD_REQUEST, "bad_field".to_owned())).field("peer.fqdn")
            }
            Error::NoWayOutside(_) | Error::ProjectQuota(_) | Error::Misfit(_) => {
                of((StatusCode::BAD_REQUEST, "bad_field".to_owned()))
            }
            Error::Forbidden(_) => of((StatusCode::FORBIDDEN, "not_authorized".to_owned())),
            Error::QuotaExceeded { quota, limit } => {
                let counted = words::counted(quota);
                let message = format!("The quota of {limit} {counted} is used up.");
                Self::bad(words::quota_code(quota), message)
            }
            Error::Busy { .. } | Error::TooManyAttempts { .. } => of(unavailable()),
            Error::Unavailable(_) => {
                log(&error);
                of(unavailable())
            }
            Error::Internal(_) => {
                log(&error);
                of((
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal_error".to_owned(),
                ))
            }
        }
    }
}

fn unavailable() -> (StatusCode, String) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "service_unavailable".to_owned(),
    )
}

fn rule_code(rule: Rule, field: &str) -> (StatusCode, String) {
    let status = match rule {
        Rule::InUse(_) | Rule::NoExternalAddress | Rule::NoPrivateAddress => StatusCode::CONFLICT,
        Rule::Revision => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::BAD_REQUEST,
    };
    let code = match rule {
        Rule::CidrOverlap | Rule::DuplicatePair if field == "destination" => "vpc_route_conflict",
        Rule::CidrOverlap if field == "cidr" || field.is_empty() => "subnet_cidr_overlap",
        Rule::CidrOverlap => "vpn_connection_cidr_overlap",
        Rule::CidrRepeated => "vpn_connection_cidr_duplicated",
        Rule::DuplicatePair => "vpn_connection_pair_cidrs_duplicated",
        Rule::InUse(noun) => return (status, format!("{}_in_use", word(noun))),
        Rule::LastCidr => "vpn_connection_cidr_not_deleted",
        Rule::ListEmpty if field == "local_cidrs" => "vpn_connection_local_cidrs_required",
        Rule::ListEmpty if field == "peer_cidrs" => "vpn_connection_peer_cidrs_required",
        Rule::ListEmpty => "missing_field",
        Rule::NameTaken(noun) => return (status, format!("{}_duplicate_name", word(noun))),
        Rule::NoExternalAddress => "vpn_gateway_ip_create_error",
        Rule::NoPrivateAddress => "vpn_gateway_ip_create_error",
        Rule::Revision => "precondition_failed",
        Rule::AddressOutside
        | Rule::AddressTaken
        | Rule::CidrSize
        | Rule::DeadPeerDetection
        | Rule::Expiry
        | Rule::Lifetime
        | Rule::MacTaken
        | Rule::Mtu
        | Rule::Name
        | Rule::Password
        | Rule::PeerAddress
        | Rule::Reference
        | Rule::Repeated
        | Rule::Role
        | Rule::Suite
        | Rule::WeakAlgorithm => "bad_field",
    };
    (status, code.to_owned())
}

impl From<BearerError> for ApiError {
    fn from(error: BearerError) -> Self {
        let message = words::sentence(&error.to_string());
        match error {
            BearerError::Token(TokenError::Unavailable(error)) => return Error::from(error).into(),
            BearerError::Token(TokenError::Unasked(error)) => {
                log(&error.into());
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Self::new(status, "service_unavailable", message);
            }
            BearerError::Token(TokenError::NoRole) => {
                return Self::new(StatusCode::FORBIDDEN, "not_authorized", message);
            }
            _ => {}
        }
        Self::new(StatusCode::UNAUTHORIZED, "not_authorized", message).header("Authorization")
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        let path = error.path();
        let (code, message) = match &error {
            FieldError::Missing { .. } => ("missing_field", words::sentence(&error.to_string())),
            FieldError::Type { .. } => ("bad_field", words::sentence(&error.to_string())),
            FieldError::Unknown { .. } => {
                let message = format!("The field `{path}` is not supported here.");
                ("bad_field", message)
            }
        };
        Self::bad(code, message).field(path)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let message = words::sentence(&error.to_string());
        let status = match error {
            BodyError::NotJson { .. } | BodyError::NotObject => StatusCode::BAD_REQUEST,
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Self::new(status, "bad_request", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl Message {
    /// What it says. `params` are what the path names.
    fn say(self, config: &VpcConfig, params: &[(String, String)]) -> String {
        match self {
            Self::Own(text) => text,
            Self::Model(text) => words::message(config, &text),
            Self::Missing(noun) => {
                let title = words::title(noun);
                let named = words::parameter(noun);
                let id = params.iter().find(|(name, _)| Some(name.as_str()) == named);
                id.map_or_else(
                    || format!("The {title} could not be found."),
                    |(_, id)| format!("The {title} `{id}` could not be found."),
                )
            }
            Self::Used(noun, by, users) => {
                let users = users.into_iter().map(|id| words::id(config, by, id));
                let users: Vec<_> = users.collect();
                let (noun, by) = (words::title(noun), words::title(by));
                format!("The {noun} is used by the {by} {}.", users.join(", "))
            }
        }
    }
}

/// The layer that writes refusals, those of the framework included.
pub(crate) async fn render(
    State(vpc): State<Vpc>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let trace = request_id::of(request.extensions());
    let config = &vpc.config;
    let base = origin::of(
        config.public_url.as_deref(),
        request.headers(),
        request.extensions(),
    );
    let mut response = next.run(request).await;
    let status = response.status();
    let refusal = response.extensions_mut().remove::<ApiError>();
    let refusal = match refusal {
        Some(refusal) => refusal,
        None if status.is_client_error() || status.is_server_error() => ApiError::new(
            status,
            "bad_request",
            "The request could not be understood.",
        ),
        None => return response,
    };
    let params = params.iter().flatten();
    let params: Vec<_> = params
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect();
    let mut error = json!({
        "code": refusal.code,
        "message": refusal.message.say(config, &params),
        "more_info": documentation::address(&base, Page::Errors),
    });
    if let (Some((kind, name)), Some(error)) = (refusal.target, error.as_object_mut()) {
        error.insert("target".to_owned(), json!({"name": name, "type": kind}));
    }
    let body = Json(json!({"errors": [error], "trace": trace}));
    let mut written = (refusal.status, body).into_response();
    for (name, value) in response.headers() {
        if name == "allow" {
            written.headers_mut().insert(name, value.clone());
        }
    }
    if refusal.status == StatusCode::UNAUTHORIZED {
        let value = HeaderValue::from_static("Bearer");
        written.headers_mut().insert("www-authenticate", value);
    }
    debug_assert!(
        written.headers().contains_key(CONTENT_TYPE),
        "clients want JSON"
    );
    written
}

pub(crate) async fn invalid_route() -> ApiError {
    let message = "The requested route is not supported.";
    ApiError::new(StatusCode::NOT_FOUND, "invalid_route", message)
}

pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "The requested route does not support this method.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_route", message)
}

#[cfg(test)]
mod tests {
    use adit_control::identity::IdentityUnavailable;

    use super::*;

    #[test]
    fn nobody_is_called_unknown_while_nobody_can_be_asked() {
        for (error, status) in [
            (
                IdentityUnavailable("it is away".into()).into(),
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            (TokenError::NoRole, StatusCode::FORBIDDEN),
            (TokenError::Invalid, StatusCode::UNAUTHORIZED),
        ] {
            let refusal = ApiError::from(BearerError::Token(error));
            assert_eq!(refusal.status, status, "{refusal:?}");
        }
    }
}
