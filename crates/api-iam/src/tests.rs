use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tower::ServiceExt as _;

use super::*;

async fn control() -> (Control, String) {
    let world = adit_api_testing::World::default();
    let [_, demo] = world.accounts().await;
    (world.control, demo.key.expose().to_owned())
}

async fn ask(control: &Control, path: &str, form: String) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let response = router(control.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = body::json(response.into_body()).await.unwrap();
    (status, body)
}

fn form(key: &str) -> String {
    format!(
        "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={key}&response_type=cloud_iam"
    )
}

#[tokio::test]
async fn a_key_gets_a_token_that_opens() {
    let (control, key) = control().await;
    for path in ["/identity/token", "/"] {
        let (status, body) = ask(&control, path, form(&key)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["token_type"], "Bearer");
        let token = body["access_token"].as_str().unwrap();
        assert!(control.verify_token(token).await.is_ok());
        assert_eq!(token.split('.').count(), 3);
        let claims = token.split('.').nth(1).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        // IBM's SDK wants the times as numbers; its Terraform provider the others as strings.
        for name in ["iat", "exp"] {
            assert!(claims[name].is_i64(), "{name}: {claims}");
        }
        for name in ["id", "iam_id", "iss"] {
            assert!(claims[name].is_string(), "{name}: {claims}");
        }
        assert!(claims["account"]["bss"].is_string(), "{claims}");
    }
}

#[tokio::test]
async fn what_is_no_key_gets_iams_error() {
    let (control, key) = control().await;
    for (form, code) in [
        (form("nobodys"), "BXNIM0415E"),
        (form(""), "BXNIM0109E"),
        (String::new(), "BXNIM0109E"),
        (format!("grant_type=password&apikey={key}"), "BXNIM0107E"),
    ] {
        let (status, body) = ask(&control, "/identity/token", form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["errorCode"], code);
        assert!(!body.to_string().contains(&key));
    }
    let (status, _) = ask(&control, "/identity/token", "x".repeat(body::LIMIT + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn where_another_service_has_the_identities_it_is_named() {
    let app = elsewhere("https://cloud.test:5000");
    for path in ["/", "/identity/token"] {
        let request = Request::post(path)
            .body(Body::from("grant_type=x"))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = body::json(response.into_body()).await.unwrap();
        let message = body["errorMessage"].as_str().unwrap();
        assert!(message.contains("https://cloud.test:5000"), "{message}");
    }
}
