//! Another service says who asks: where it is, and what clients hear when it is away.

use std::sync::Arc;

use adit_api_neutron::{NeutronConfig, router};
use adit_api_testing::{World, send, served};
use adit_control::IdentityProvider;
use adit_control::identity::{ForeignScope, ForeignSession, IdentifyError, IdentityUnavailable};
use adit_model::project::Role;
use adit_model::{Name, ProjectId, UserId};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};

/// Where the other service is.
const URL: &str = "https://cloud.test:5000";

/// The tokens are what they do.
struct Directory;

#[async_trait]
impl IdentityProvider for Directory {
    async fn identify(&self, token: &str) -> Result<ForeignSession, IdentifyError> {
        let project = |number, role| {
            Some(ForeignScope {
                project: ProjectId::from_uuid(uuid::Uuid::from_u128(number)),
                name: Name::default(),
                role,
            })
        };
        let scope = match token {
            "one" => project(1, Some(Role::Member)),
            "two" => project(2, Some(Role::Member)),
            "roleless" => project(1, None),
            "unscoped" => None,
            "away" => return Err(IdentityUnavailable("it is away".into()).into()),
            _ => return Err(IdentifyError::Refused),
        };
        Ok(ForeignSession {
            user: UserId::random(),
            user_name: Name::default(),
            scope,
            issued_at: time::OffsetDateTime::now_utc(),
            expires_at: time::OffsetDateTime::now_utc() + time::Duration::HOUR,
        })
    }

    async fn has_project(&self, _: ProjectId) -> Result<bool, IdentityUnavailable> {
        Ok(false)
    }
}

async fn app() -> Router {
    let world = World::new(|settings| settings.identity = Some(Arc::new(Directory)));
    world.control.bootstrap().await.unwrap();
    let config = NeutronConfig {
        identity_url: Some(URL.to_owned()),
        ..NeutronConfig::default()
    };
    served(router(world.control, config))
}

async fn ask(app: &Router, token: &str, request: &str, body: Value) -> (u16, HeaderMap, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("/v2.0{path}"))
        .header("x-auth-token", token)
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, headers, body) = send(app, request).await;
    (status.as_u16(), headers, body)
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_told_where_to_get_one() {
    let (status, headers, body) = ask(&app().await, "?", "GET /networks", Value::Null).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!(401)));
    assert_eq!(
        headers["www-authenticate"],
        format!("Keystone uri=\"{URL}\"")
    );
}

#[tokio::test]
async fn nobody_is_let_in_while_the_other_service_is_away() {
    let app = app().await;
    for request in ["GET /networks", "POST /networks", "DELETE /networks/x"] {
        let (status, headers, body) = ask(&app, "away", request, json!({"network": {}})).await;
        let error = &body["NeutronError"];
        assert_eq!(
            (status, &error["type"]),
            (503, &json!("ServiceUnavailable"))
        );
        let message = "The identity service can't be asked at this moment. Try again later.";
        assert_eq!(error["message"], message);
        assert_eq!(headers["retry-after"], "5");
        assert!(!headers.contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn a_token_without_a_project_or_a_role_may_do_nothing() {
    let app = app().await;
    for (token, kind) in [
        ("unscoped", "InvalidScope"),
        ("roleless", "PolicyNotAuthorized"),
    ] {
        let (status, _, body) = ask(&app, token, "GET /networks", Value::Null).await;
        assert_eq!((status, &body["NeutronError"]["type"]), (403, &json!(kind)));
    }
}

#[tokio::test]
async fn two_projects_do_not_see_each_other() {
    let app = app().await;
    let body = json!({"ikepolicy": {"name": "ike", "ike_version": "v2"}});
    let (status, _, made) = ask(&app, "one", "POST /vpn/ikepolicies", body).await;
    assert_eq!(status, 201, "{made}");
    let project = format!("{:032x}", 1);
    assert_eq!(made["ikepolicy"]["project_id"], project);
    let id = made["ikepolicy"]["id"].as_str().unwrap();
    for (token, count, status) in [("one", 1, 200), ("two", 0, 404)] {
        let (_, _, list) = ask(&app, token, "GET /vpn/ikepolicies", Value::Null).await;
        assert_eq!(list["ikepolicies"].as_array().unwrap().len(), count);
        let one = format!("GET /vpn/ikepolicies/{id}");
        assert_eq!(ask(&app, token, &one, Value::Null).await.0, status);
    }
}
