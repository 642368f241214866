//! Logging in, and what tokens are good for.

use std::sync::Arc;

use crate::world::{World, app, by_credential, by_token, password};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

#[tokio::test]
async fn version_documents_need_no_token() {
    let w = World::new().await;
    for path in ["/identity", "/identity/"] {
        let request = Request::get(path).header("host", "keystone.test");
        let answer = w.send(request.body(Body::empty()).unwrap()).await.ok(300);
        let version = &answer.body["versions"]["values"][0];
        assert_eq!(version["status"], "stable");
        let link = &version["links"][0]["href"];
        assert_eq!(link, "http://keystone.test/identity/v3/");
    }
    for path in ["", "/"] {
        let answer = w.get(path, "").await.ok(200);
        assert_eq!(answer.text("/version/id"), "v3.14");
    }
    w.get("/nothing", "").await.refused(404);
    w.delete("/auth/projects", &w.demo).await.refused(405);
}

#[tokio::test]
async fn a_password_gets_a_token_with_project_roles_and_catalog() {
    let w = World::new().await;
    let body = password("admin", w.secret("admin"), Some("admin"));
    let answer = w.post("/auth/tokens", "", &body).await.ok(201);
    let token = &answer.body["token"];
    assert_eq!(token["methods"], json!(["password"]));
    assert_eq!(token["user"]["domain"]["id"], "default");
    assert_eq!(token["project"]["name"], "admin");
    let roles: Vec<_> = token["roles"].as_array().unwrap().iter().collect();
    let names: Vec<_> = roles.iter().map(|role| &role["name"]).collect();
    assert_eq!(names, ["admin", "member", "reader"]);
    let catalog = token["catalog"].as_array().unwrap();
    let network = catalog.iter().find(|row| row["type"] == "network");
    let endpoint = &network.unwrap()["endpoints"][0];
    assert_eq!(endpoint["url"], "http://keystone.test");
    assert_eq!(endpoint["interface"], "public");
    assert_eq!(token["user"]["id"].as_str().unwrap().len(), 32);
    assert!(answer.headers.contains_key("x-openstack-request-id"));
    let shown = w.on_token("GET", &answer.token(), &answer.token()).await;
    assert_eq!(shown.ok(200).body, answer.body);
}

#[tokio::test]
async fn a_login_that_proves_nothing_is_refused() {
    let w = World::new().await;
    let secret = w.secret("demo");
    let id = w.accounts[1].user.id.uuid().simple().to_string();
    let by_id = |id: &str, secret: &str| {
        let user = json!({"id": id, "password": secret});
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
    };
    w.post("/auth/tokens", "", &by_id(&id, secret))
        .await
        .ok(201);
    // The domain's name, as many write it.
    let mut small = password("demo", secret, None);
    small["auth"]["identity"]["password"]["user"]["domain"] = json!({"name": "default"});
    w.post("/auth/tokens", "", &small).await.ok(201);
    let mut elsewhere = password("demo", secret, None);
    elsewhere["auth"]["identity"]["password"]["user"]["domain"] = json!({"name": "other"});
    let mut system = password("demo", secret, None);
    system["auth"]["scope"] = json!({"system": {"all": true}});
    for body in [
        password("demo", "wrong", Some("demo")),
        password("nobody", secret, Some("demo")),
        password("demo", secret, Some("admin")),
        password("demo", secret, Some("nothing")),
        password("demo", "", Some("demo")),
        by_id("demo", secret),
        by_token("x.y.z", &Value::Null),
        by_credential(&json!({"id": id, "secret": secret})),
        elsewhere,
        system,
    ] {
        w.post("/auth/tokens", "", &body).await.refused(401);
    }
    for body in [
        json!([]),
        json!({}),
        json!({"auth": {}}),
        json!({"auth": {"identity": {"methods": ["password"]}}}),
        json!({"auth": {"identity": {"methods": "password"}}}),
    ] {
        w.post("/auth/tokens", "", &body).await.refused(400);
    }
}

#[tokio::test]
async fn a_token_gets_another_that_ends_no_later() {
    let w = World::new().await;
    let unscoped = by_token(&w.demo, &json!("unscoped"));
    let first = w.post("/auth/tokens", "", &unscoped).await.ok(201);
    assert!(first.body["token"].get("project").is_none());
    assert!(first.body["token"].get("catalog").is_none());
    w.get("/auth/catalog", &first.token()).await.refused(403);
    let answer = w.get("/auth/projects", &first.token()).await.ok(200);
    let id = answer.text("/projects/0/id");
    let scoped = by_token(&first.token(), &json!({"project": {"id": id}}));
    let second = w.post("/auth/tokens", "", &scoped).await.ok(201);
    assert_eq!(second.text("/token/project/name"), "demo");
    assert_eq!(
        second.body["token"]["methods"],
        json!(["token", "password"])
    );
    let ends = second.text("/token/expires_at");
    assert_eq!(ends, first.text("/token/expires_at"));
    w.get("/auth/catalog", &second.token()).await.ok(200);
}

#[tokio::test]
async fn a_token_is_read_and_taken_back_by_its_user_and_by_administrators() {
    let w = World::new().await;
    w.on_token("GET", &w.demo, &w.admin).await.refused(403);
    w.on_token("GET", &w.demo, "x.y.z").await.refused(403);
    w.on_token("GET", &w.admin, "x.y.z").await.refused(404);
    w.on_token("GET", "", &w.demo).await.refused(401);
    w.get("/auth/tokens", &w.demo).await.refused(400);
    w.on_token("DELETE", &w.demo, &w.admin).await.refused(403);
    let head = w.on_token("HEAD", &w.admin, &w.demo).await.ok(200);
    assert_eq!(head.body, Value::Null);
    w.on_token("DELETE", &w.admin, &w.demo).await.ok(204);
    w.get("/auth/projects", &w.demo).await.refused(401);
    w.on_token("GET", &w.admin, &w.demo).await.refused(404);
    // One's own is known to oneself.
    let login = password("demo", w.secret("demo"), Some("demo"));
    let again = w.post("/auth/tokens", "", &login).await.ok(201).token();
    w.on_token("GET", &again, &w.demo).await.refused(404);
    let head = w.on_token("HEAD", &again, &w.demo).await;
    assert_eq!(head.status, 404);
    let (restarted, _) = app(Arc::clone(&w.store));
    let after = World {
        app: restarted,
        ..w
    };
    after.get("/auth/projects", &after.admin).await.ok(200);
    after.get("/auth/projects", &after.demo).await.refused(401);
}

#[tokio::test]
async fn a_token_ends_with_its_user_its_project_its_role_and_its_password() {
    let w = World::new().await;
    let user = w.accounts[1].user.id.uuid().simple().to_string();
    let project = w.accounts[1].project.id.uuid().simple().to_string();
    let (user_path, project_path) = (format!("/users/{user}"), format!("/projects/{project}"));
    for (path, noun) in [(&user_path, "user"), (&project_path, "project")] {
        for (enabled, status) in [(false, 401), (true, 200)] {
            let body = json!({noun: {"enabled": enabled}});
            w.ask("PATCH", path, &w.admin, Some(&body)).await.ok(200);
            let answer = w.get("/auth/projects", &w.demo).await;
            assert_eq!(answer.status, status, "{path} {enabled}");
        }
    }
    let roles = w.get("/roles?name=member", &w.admin).await.ok(200);
    let role = roles.text("/roles/0/id");
    let grant = format!("{project_path}{user_path}/roles/{role}");
    w.delete(&grant, &w.admin).await.ok(204);
    w.get("/auth/projects", &w.demo).await.refused(401);
    w.ask("PUT", &grant, &w.admin, None).await.ok(204);
    w.get("/auth/projects", &w.demo).await.ok(200);
    let change =
        |original: &str| json!({"user": {"original_password": original, "password": "new"}});
    let path = format!("{user_path}/password");
    w.post(&path, &w.demo, &change("wrong")).await.refused(401);
    w.post(&path, &w.admin, &change("wrong")).await.refused(403);
    let body = change(w.secret("demo"));
    w.post(&path, &w.demo, &json!({"user": {}}))
        .await
        .refused(400);
    w.post(&path, &w.demo, &body).await.ok(204);
    w.get("/auth/projects", &w.demo).await.refused(401);
    let old = password("demo", w.secret("demo"), None);
    w.post("/auth/tokens", "", &old).await.refused(401);
    let new = password("demo", "new", None);
    w.post("/auth/tokens", "", &new).await.ok(201);
}
