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
        (
            "grant_type=refresh_token&refresh_token=a.1.b".to_owned(),
            "BXNIM0408E",
        ),
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

/// A request about keys, with a token.
async fn about_keys(
    control: &Control,
    (method, path): (&str, &str),
    token: &str,
    body: Value,
) -> (StatusCode, Value) {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("if-match", "*")
        .body(body)
        .unwrap();
    let response = router(control.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let octets = body::octets(response.into_body()).await.unwrap();
    (
        status,
        serde_json::from_slice(&octets).unwrap_or(Value::Null),
    )
}

/// What a key gets.
async fn logged_in(control: &Control, key: &str) -> Value {
    ask(control, "/identity/token", form(key)).await.1
}

async fn token_of(control: &Control, key: &str) -> String {
    logged_in(control, key).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn keys_are_made_listed_renamed_and_taken_back() {
    let (control, key) = control().await;
    let token = token_of(&control, &key).await;
    let call =
        async |method, path: &str, body| about_keys(&control, (method, path), &token, body).await;
    let (status, made) = call(
        "POST",
        "/v1/apikeys",
        json!({"name": "ci", "description": "d"}),
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let new = made["apikey"].as_str().unwrap();
    let by_new = logged_in(&control, new).await;
    let (_, listed) = call("GET", "/v1/apikeys", Value::Null).await;
    let names: Vec<_> = listed["apikeys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["first", "ci"]);
    assert!(!listed.to_string().contains(new), "a key is told once");
    let path = format!("/v1/apikeys/{}", made["id"].as_str().unwrap());
    let (status, renamed) = call("PUT", &path, json!({"name": "robot"})).await;
    assert_eq!(
        (status, &renamed["name"]),
        (StatusCode::OK, &json!("robot"))
    );
    assert_eq!(renamed["description"], "d");
    assert_ne!(renamed["entity_tag"], made["entity_tag"]);
    // By its refresh token there are further ones, until the key is gone.
    let refresh = by_new["refresh_token"].as_str().unwrap();
    let refresh = format!("grant_type=refresh_token&refresh_token={refresh}");
    let (status, again) = ask(&control, "/identity/token", refresh.clone()).await;
    assert_eq!(status, StatusCode::OK, "{again}");
    let access = again["access_token"].as_str().unwrap();
    assert!(control.verify_token(access).await.is_ok());
    let as_access = again["refresh_token"].as_str().unwrap();
    assert!(control.verify_token(as_access).await.is_err());
    let (status, _) = call("DELETE", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(logged_in(&control, new).await["errorCode"], "BXNIM0415E");
    let (status, gone) = ask(&control, "/identity/token", refresh).await;
    assert_eq!(
        (status, &gone["errorCode"]),
        (StatusCode::BAD_REQUEST, &json!("BXNIM0408E"))
    );
    let (status, _) = call("GET", &path, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // The first is still good.
    token_of(&control, &key).await;
}

#[tokio::test]
async fn another_s_keys_are_the_administrator_s_to_give_alone() {
    let world = adit_api_testing::World::default();
    let [admin, demo] = world.accounts().await;
    let control = world.control;
    let of_admin = token_of(&control, admin.key.expose()).await;
    let of_demo = token_of(&control, demo.key.expose()).await;
    let for_demo = json!({"name": "given", "iam_id": iam_id(demo.user.id)});
    let asked = ("POST", "/v1/apikeys");
    let (status, made) = about_keys(&control, asked, &of_admin, for_demo).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        made["account_id"],
        demo.project.id.uuid().simple().to_string()
    );
    let caller = control.authenticate(made["apikey"].as_str().unwrap()).await;
    assert_eq!(caller.unwrap().unwrap().user, demo.user.id);
    let for_admin = json!({"name": "stolen", "iam_id": iam_id(admin.user.id)});
    let (status, _) = about_keys(&control, asked, &of_demo, for_admin).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let path = format!("/v1/apikeys?iam_id={}", iam_id(admin.user.id));
    let (status, _) = about_keys(&control, ("GET", &path), &of_demo, Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let path = format!("/v1/apikeys?iam_id={}", iam_id(demo.user.id));
    let (_, listed) = about_keys(&control, ("GET", &path), &of_admin, Value::Null).await;
    assert_eq!(listed["apikeys"].as_array().unwrap().len(), 2);
    let (_, own) = about_keys(&control, ("GET", "/v1/apikeys"), &of_admin, Value::Null).await;
    let id = own["apikeys"][0]["id"].as_str().unwrap();
    for method in ["GET", "PUT", "DELETE"] {
        let path = format!("/v1/apikeys/{id}");
        let (status, _) = about_keys(&control, (method, &path), &of_demo, json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method}");
    }
    for body in [
        json!({}),
        json!({"name": "x", "apikey": "chosen"}),
        json!({"name": "x", "store_value": true}),
        json!({"name": "x", "account_id": "another"}),
        json!({"name": "x", "iam_id": "nobody"}),
    ] {
        let answer = about_keys(&control, asked, &of_demo, body).await;
        assert_eq!(answer.0, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    let (status, _) = about_keys(&control, asked, "nothing", json!({"name": "x"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
