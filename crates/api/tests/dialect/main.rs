//! A third dialect, as small as one can be, made as `docs/adding-a-dialect.md` says: its blocks of code
//! are these files.

#![cfg(test)]

mod context;
mod networks;
mod refusal;

use adit_api_testing::{World, send, served};
use adit_control::Control;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Map, Value, json};

fn router(control: Control) -> Router {
    networks::routes().with_state(control)
}

/// The face, and the token of a member.
async fn tiny() -> (Router, String) {
    let world = World::default();
    let [_, member] = world.accounts().await;
    let caller = world.control.authenticate(member.key.expose()).await;
    let caller = caller.unwrap().unwrap();
    let token = world.control.issue_token(&caller, Map::new()).text;
    (served(router(world.control)), token)
}

async fn ask(face: &Router, token: &str, request: &str, body: &str) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("/tiny{path}"))
        .header("host", "tiny.test")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .unwrap();
    let (status, headers, body) = send(face, request).await;
    assert!(headers.contains_key("x-request-id"), "{headers:?}");
    (status.as_u16(), body)
}

#[tokio::test]
async fn things_are_made_listed_shown_changed_and_deleted() {
    let (face, token) = tiny().await;
    let made = ask(&face, &token, "POST /networks", r#"{"name": "blue"}"#).await;
    let network = made.1["network"].clone();
    let id = network["id"].as_str().unwrap();
    assert_eq!((made.0, &network["name"]), (201, &json!("blue")));
    assert_eq!(network["mtu"], 1500);
    let link = format!("http://tiny.test/tiny/networks/{id}");
    assert_eq!(network["link"], json!(link));
    let listed = ask(&face, &token, "GET /networks", "").await;
    // Beside the one that leads outside.
    let networks = listed.1["networks"].as_array().unwrap();
    assert!(
        listed.0 == 200 && networks.contains(&network),
        "{networks:?}"
    );
    let path = format!("/networks/{id}");
    let shown = ask(&face, &token, &format!("GET {path}"), "").await;
    assert_eq!(shown, (200, json!({"network": network})));
    let body = r#"{"name": "green"}"#;
    let changed = ask(&face, &token, &format!("PUT {path}"), body).await;
    assert_eq!(
        (changed.0, &changed.1["network"]["name"]),
        (200, &json!("green"))
    );
    let refused = ask(&face, &token, &format!("PUT {path}"), r#"{"made": "now"}"#).await;
    assert_eq!(
        refused,
        (400, json!({"refused": "made is not yours to say"}))
    );
    let deleted = ask(&face, &token, &format!("DELETE {path}"), "").await;
    assert_eq!(deleted, (204, Value::Null));
    assert_eq!(ask(&face, &token, &format!("GET {path}"), "").await.0, 404);
}

#[tokio::test]
async fn what_is_refused_is_said_in_the_dialect_s_words() {
    let (face, token) = tiny().await;
    for (body, said) in [
        ("[]", "the body must be a JSON object"),
        ("{}", "name is missing"),
        (r#"{"name": "x", "colour": 1}"#, "there is no colour"),
        (r#"{"name": "x", "id": "x"}"#, "id is not yours to say"),
        (r#"{"name": "x", "mtu": "x"}"#, "mtu: NotNumber"),
    ] {
        let refused = ask(&face, &token, "POST /networks", body).await;
        assert_eq!(refused, (400, json!({"refused": said})), "{body}");
    }
    assert_eq!(ask(&face, "no token", "GET /networks", "").await.0, 401);
}

#[test]
fn the_document_shows_these_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialect");
    let document = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/adding-a-dialect.md"
    );
    let document = std::fs::read_to_string(document).unwrap();
    let mut shown = Vec::new();
    let mut parts = document.split("```");
    while let (Some(text), Some(block)) = (parts.next(), parts.next()) {
        let Some(code) = block.strip_prefix("rust\n") else {
            continue;
        };
        // The file that a block is of is the last one that is named before it.
        let name = text.rsplit('`').find(|word| word.ends_with(".rs")).unwrap();
        let file = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        assert!(
            file.contains(code),
            "{name} is not as the document has it:\n{code}"
        );
        shown.push(name);
    }
    assert_eq!(
        shown,
        [
            "context.rs",
            "refusal.rs",
            "networks.rs",
            "networks.rs",
            "networks.rs",
            "main.rs"
        ]
    );
}
