use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn somebody_logs_in_by_a_password_and_out_again() {
    let mut api = Api::new().await;
    let wrong = json!({"user": "demo", "password": "guessed"});
    api.post("/sessions", &wrong).await.refuses(401, "");
    assert!(api.get("/connections").await.is(200)["items"].is_array());
    api.ask("DELETE", "/sessions/current", None).await.is(204);
    api.get("/connections").await.refuses(401, "");
    api.ask("DELETE", "/sessions/current", None)
        .await
        .refuses(401, "");
    api.token.clear();
    api.get("/connections").await.refuses(401, "");
}

#[tokio::test]
async fn who_says_too_little_or_too_much_is_told_so() {
    let api = Api::new().await;
    for (body, field) in [
        (json!({}), "user"),
        (json!({"user": "demo"}), "password"),
        (json!({"user": "demo", "password": ""}), "password"),
        (json!({"user": "demo", "password": 5}), "password"),
        (json!({"api_key": "x", "user": "demo"}), "api_key"),
    ] {
        let said = api.post("/sessions", &body).await.refuses(400, field);
        assert!(!said.contains('5'), "{said}");
    }
    let unknown = json!({"user": "demo", "passwort": "x"});
    let said = api.post("/sessions", &unknown).await.is(400)["detail"].to_string();
    assert!(
        said.contains("passwort") && said.contains("`password`"),
        "{said}"
    );
}
