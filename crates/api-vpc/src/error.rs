//! Every refusal's status, code and body, in one place.
//!
//! Handlers return an [`ApiError`]; a layer around them writes the body, which names the request.

use adit_api::answer::log;
use adit_api::bearer::BearerError;
use adit_api::body::BodyError;
use adit_api::fields::FieldError;
use adit_api::request_id;
use adit_control::token::TokenError;
use adit_control::{Error, Misfit, Noun, Quota, Rule};
use adit_model::Cidr;
use axum::Json;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: String,
    message: String,
    target: Option<(&'static str, String)>,
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
            message: message.into(),
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

    /// 404 for the thing a path names; or, with an empty id, a body.
    pub(crate) fn not_found(noun: Noun, id: &str) -> Self {
        Self::nothing(word(noun), title(noun), id)
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

/// The noun at the start of codes.
pub(crate) const fn word(noun: Noun) -> &'static str {
    match noun {
        Noun::ApiKey => "api_key",
        Noun::ApplicationCredential => "application_credential",
        Noun::Connection => "vpn_connection",
        Noun::EndpointGroup => "endpoint_group",
        Noun::FloatingIp => "floating_ip",
        Noun::Gateway => "vpn_gateway",
        Noun::IkePolicy => "ike_policy",
        Noun::IpsecPolicy => "ipsec_policy",
        Noun::Network => "network",
        // Of ports, this face knows those that a machine is plugged in.
        Noun::Port => "instance",
        Noun::Project => "account",
        Noun::Quota => "quota",
        Noun::RevokedToken => "token",
        Noun::RoleAssignment => "role",
        Noun::Router => "vpc",
        Noun::SecurityGroup => "security_group",
        Noun::SecurityGroupRule => "security_group_rule",
        Noun::Subnet => "subnet",
        Noun::User => "user",
    }
}

/// The noun in messages.
const fn title(noun: Noun) -> &'static str {
    match noun {
        Noun::ApiKey => "API key",
        Noun::ApplicationCredential => "application credential",
        Noun::Connection => "VPN connection",
        Noun::EndpointGroup => "endpoint group",
        Noun::FloatingIp => "floating IP",
        Noun::Gateway => "VPN gateway",
        Noun::IkePolicy => "IKE policy",
        Noun::IpsecPolicy => "IPsec policy",
        Noun::Network => "network",
        // Of ports, this face knows those that a machine is plugged in.
        Noun::Port => "instance",
        Noun::Project => "account",
        Noun::Quota => "quota",
        Noun::RevokedToken => "token",
        Noun::RoleAssignment => "role",
        Noun::Router => "VPC",
        Noun::SecurityGroup => "security group",
        Noun::SecurityGroupRule => "security group rule",
        Noun::Subnet => "subnet",
        Noun::User => "user",
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = sentence(&error.to_string());
        match error {
            Error::NotFound(noun) => Self::not_found(noun, ""),
            Error::NotListed => Self::cidr_not_found(None),
            Error::Conflict { rule, .. } => {
                let (status, code) = rule_code(rule, "");
                Self::new(status, code, message)
            }
            Error::Invalid { field, rule, .. } => {
                let (status, code) = rule_code(rule, field);
                Self::new(status, code, message).field(spelled(field))
            }
            Error::Used { noun, .. } => {
                let (status, code) = rule_code(Rule::InUse(noun), "");
                Self::new(status, code, message)
            }
            Error::Misfit(Misfit::MissingPeerCidrs) => {
                let (status, code) = rule_code(Rule::ListEmpty, "peer_cidrs");
                Self::new(status, code, message).field("peer_cidrs")
            }
            Error::NoWayOutside(_) | Error::ProjectQuota(_) | Error::Misfit(_) => {
                Self::bad("bad_field", message)
            }
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "not_authorized", message),
            Error::QuotaExceeded { quota, .. } => Self::bad(quota_code(quota), message),
            Error::Busy { .. } | Error::TooManyAttempts { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                message,
            ),
            Error::Unavailable(_) => {
                log(&error);
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "service_unavailable",
                    message,
                )
            }
            Error::Internal(_) => {
                log(&error);
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
            }
        }
    }
}

/// A message as IBM writes them.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn rule_code(rule: Rule, field: &str) -> (StatusCode, String) {
    let status = match rule {
        Rule::InUse(_) | Rule::NoExternalAddress | Rule::NoPrivateAddress => StatusCode::CONFLICT,
        Rule::Revision => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::BAD_REQUEST,
    };
    let code = match rule {
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

/// The model's fields in this dialect's words.
fn spelled(field: &str) -> &str {
    match field {
        "cidr" => "ipv4_cidr_block",
        "lifetime" => "key_lifetime",
        "encryption" => "encryption_algorithm",
        "authentication" => "authentication_algorithm",
        other => other,
    }
}

const fn quota_code(quota: Quota) -> &'static str {
    match quota {
        Quota::Connections => "vpn_connections_quota_exceeded",
        Quota::Gateways | Quota::GatewaysInZone => "vpn_gateways_quota_exceeded",
        Quota::IkePolicies => "ike_policies_quota_exceeded",
        Quota::Instances | Quota::Machines => "instances_quota_exceeded",
        Quota::IpsecPolicies => "ipsec_policies_quota_exceeded",
        Quota::LocalCidrsOfConnection => {
            "vpn_connection_local_subnets_quota_exceeded_for_connection"
        }
        Quota::LocalCidrsOfGateway => "vpn_connection_local_subnets_quota_exceeded",
        Quota::PeerCidrsOfConnection => "vpn_connection_peer_subnets_quota_exceeded_for_connection",
        Quota::PeerCidrsOfGateway => "vpn_connection_peer_subnets_quota_exceeded",
        Quota::Routers => "vpcs_quota_exceeded",
        Quota::Subnets => "subnets_quota_exceeded",
    }
}

impl From<BearerError> for ApiError {
    fn from(error: BearerError) -> Self {
        let message = sentence(&error.to_string());
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
            FieldError::Missing { .. } => ("missing_field", sentence(&error.to_string())),
            FieldError::Type { .. } => ("bad_field", sentence(&error.to_string())),
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
        let message = sentence(&error.to_string());
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

/// The layer that writes refusals, those of the framework included.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let trace = request_id::of(request.extensions());
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
    let mut error = json!({"code": refusal.code, "message": refusal.message});
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
