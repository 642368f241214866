//! Projects, users, roles, application credentials and what is static: who may, and what comes back.

use crate::world::{World, by_credential, password};
use serde_json::{Value, json};

#[tokio::test]
async fn projects_are_made_found_changed_and_deleted() {
    let w = World::new().await;
    let body = json!({"project": {"name": "p", "description": "d", "domain_id": "default"}});
    let made = w.post("/projects", &w.admin, &body).await.ok(201);
    let id = made.text("/project/id");
    assert_eq!(made.text("/project/domain_id"), "default");
    let link = made.text("/project/links/self");
    assert_eq!(
        link,
        format!("http://keystone.test/identity/v3/projects/{id}")
    );
    w.post("/projects", &w.admin, &body).await.refused(409);
    let path = format!("/projects/{id}");
    assert_eq!(w.get(&path, &w.admin).await.ok(200).body, made.body);
    w.get("/projects/p", &w.admin).await.refused(404);
    let found = w.get("/projects?name=p", &w.admin).await.ok(200);
    assert_eq!(found.body["projects"], json!([made.body["project"]]));
    assert!(found.body["links"]["next"].is_null());
    let change = json!({"project": {"name": "q", "enabled": false}});
    let changed = w.ask("PATCH", &path, &w.admin, Some(&change)).await.ok(200);
    assert_eq!(changed.body["project"]["enabled"], false);
    assert_eq!(changed.text("/project/description"), "d");
    w.delete(&path, &w.admin).await.ok(204);
    w.delete(&path, &w.admin).await.refused(404);
    w.ask("PATCH", &path, &w.admin, Some(&change))
        .await
        .refused(404);
    for body in [
        json!({}),
        json!({"project": {}}),
        json!({"project": {"name": ""}}),
        json!({"project": {"name": 7}}),
        json!({"project": {"name": "x", "enabled": "yes"}}),
        json!({"project": {"name": "x", "is_domain": true}}),
    ] {
        w.post("/projects", &w.admin, &body).await.refused(400);
    }
}

#[tokio::test]
async fn a_project_with_things_in_it_is_deleted_and_found_no_more() {
    let w = World::new().await;
    let project = w.accounts[1].project.id;
    let mut tx = w.store.read().await.unwrap();
    let mut network = tx.all_networks().await.unwrap().remove(0);
    network.id = adit_model::NetworkId::random();
    network.project = project;
    let mut tx = w.store.write().await.unwrap();
    tx.insert_network(&network).await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/projects/{}", project.uuid().simple());
    w.delete(&path, &w.demo).await.refused(403);
    w.delete(&path, &w.admin).await.ok(204);
    w.get(&path, &w.admin).await.refused(404);
    w.delete(&path, &w.admin).await.refused(404);
    let all = w.get("/projects", &w.admin).await.ok(200);
    assert_eq!(all.body["projects"].as_array().unwrap().len(), 1);
    // Its people are let in no more, and another may have its name.
    w.get("/auth/projects", &w.demo).await.refused(401);
    let body = password("demo", w.secret("demo"), Some("demo"));
    w.post("/auth/tokens", "", &body).await.refused(401);
    let body = json!({"project": {"name": "demo"}});
    w.post("/projects", &w.admin, &body).await.ok(201);
    // The network's owner stays, with it.
    let path = w.accounts[0].project.id.uuid().simple().to_string();
    let path = format!("/projects/{path}");
    w.delete(&path, &w.admin).await.refused(409);
}

#[tokio::test]
async fn members_find_themselves_and_their_project_by_name_and_nobody_else() {
    let w = World::new().await;
    let project = w.get("/projects?name=demo", &w.demo).await.ok(200);
    assert_eq!(project.body["projects"].as_array().unwrap().len(), 1);
    let user = w.get("/users?name=demo", &w.demo).await.ok(200);
    assert_eq!(user.body["users"].as_array().unwrap().len(), 1);
    for path in [
        "/projects",
        "/projects?name=admin",
        "/users",
        "/users?name=admin",
    ] {
        w.get(path, &w.demo).await.refused(403);
    }
}

#[tokio::test]
async fn what_would_not_be_kept_is_refused() {
    let w = World::new().await;
    for (length, status) in [(64, 201), (65, 400)] {
        let body = json!({"project": {"name": "p".repeat(length)}});
        let answer = w.post("/projects", &w.admin, &body).await;
        assert_eq!(answer.status, status, "{length}");
    }
    for (field, value) in [("phone", json!("1")), ("options", json!({"lock": true}))] {
        let body = json!({"user": {"name": "ann", field: value}});
        w.post("/users", &w.admin, &body).await.refused(400);
    }
}

#[tokio::test]
async fn users_are_made_found_changed_and_deleted() {
    let w = World::new().await;
    let body = json!({"user": {"name": "ann", "password": "s3cret", "email": "a@example.com"}});
    let made = w.post("/users", &w.admin, &body).await.ok(201);
    assert!(!made.body.to_string().contains("s3cret") && !made.body.to_string().contains("argon2"));
    let id = made.text("/user/id");
    w.post("/users", &w.admin, &body).await.refused(409);
    let path = format!("/users/{id}");
    assert_eq!(w.get(&path, &w.admin).await.ok(200).body, made.body);
    for (filter, finds) in [
        ("__contains=nn", true),
        ("__contains=NN", false),
        ("__icontains=NN", true),
        ("__startswith=an", true),
        ("__startswith=nn", false),
        ("__istartswith=AN", true),
        ("__endswith=nn", true),
        ("__endswith=an", false),
        ("__iendswith=NN", true),
    ] {
        let found = w.get(&format!("/users?name{filter}"), &w.admin).await;
        let found = found.ok(200).body.to_string();
        assert_eq!(found.contains("\"ann\""), finds, "{filter}");
    }
    let found = w.get("/users?name=ann", &w.admin).await.ok(200);
    assert_eq!(found.body["users"], json!([made.body["user"]]));
    w.get("/users/ann", &w.admin).await.refused(404);
    let login = password("ann", "s3cret", None);
    let unscoped = w.post("/auth/tokens", "", &login).await.ok(201);
    assert!(unscoped.body["token"].get("project").is_none());
    assert_eq!(
        w.get(&path, &unscoped.token()).await.ok(200).body,
        made.body
    );
    let change = json!({"user": {"email": null, "password": "other"}});
    let changed = w.ask("PATCH", &path, &w.admin, Some(&change)).await.ok(200);
    assert!(changed.body["user"]["email"].is_null());
    w.post("/auth/tokens", "", &login).await.refused(401);
    w.get(&path, &unscoped.token()).await.refused(401);
    w.delete(&path, &w.admin).await.ok(204);
    w.delete(&path, &w.admin).await.refused(404);
    for body in [
        json!({"user": {"password": "x"}}),
        json!({"user": {"name": "x", "password": ""}}),
        json!({"user": "x"}),
    ] {
        w.post("/users", &w.admin, &body).await.refused(400);
    }
    let body = json!({"user": {"name": "x", "domain_id": "other"}});
    w.post("/users", &w.admin, &body).await.refused(404);
}

#[tokio::test]
async fn roles_are_given_and_withdrawn() {
    let w = World::new().await;
    let roles = w.get("/roles", &w.admin).await.ok(200);
    assert_eq!(roles.body["roles"].as_array().unwrap().len(), 3);
    let reader = w
        .get("/roles?name=reader", &w.admin)
        .await
        .text("/roles/0/id");
    w.get(&format!("/roles/{reader}"), &w.admin).await.ok(200);
    w.get("/roles/none", &w.admin).await.refused(404);
    let body = json!({"user": {"name": "ann", "password": "s3cret"}});
    let user = w.post("/users", &w.admin, &body).await.text("/user/id");
    let project = w.accounts[1].project.id.uuid();
    let (plain, hyphens) = (project.simple().to_string(), project.to_string());
    let folder = format!("/projects/{plain}/users/{user}/roles");
    let path = format!("{folder}/{reader}");
    w.get(&path, &w.admin).await.refused(404);
    w.ask("PUT", &path, &w.admin, None).await.ok(204);
    w.ask("HEAD", &path, &w.admin, None).await.ok(204);
    let with_hyphens = format!("/projects/{hyphens}/users/{user}/roles/{reader}");
    w.get(&with_hyphens, &w.admin).await.ok(204);
    let listed = w.get(&folder, &w.admin).await.ok(200);
    assert_eq!(listed.text("/roles/0/name"), "reader");
    let query = format!("/role_assignments?user.id={user}&include_names=true");
    let rows = w.get(&query, &w.admin).await.ok(200);
    assert_eq!(rows.text("/role_assignments/0/scope/project/name"), "demo");
    let all = w.get("/role_assignments?effective", &w.admin).await.ok(200);
    assert_eq!(
        all.body["role_assignments"].as_array().unwrap().len(),
        3 + 2 + 1
    );
    let login = password("ann", "s3cret", Some("demo"));
    let token = w.post("/auth/tokens", "", &login).await.ok(201);
    assert_eq!(token.body["token"]["roles"].as_array().unwrap().len(), 1);
    w.delete(&path, &w.admin).await.ok(204);
    w.delete(&path, &w.admin).await.refused(404);
    w.post("/auth/tokens", "", &login).await.refused(401);
    let nobody = format!("/projects/{plain}/users/{plain}/roles/{reader}");
    w.ask("PUT", &nobody, &w.admin, None).await.refused(404);
}

#[tokio::test]
async fn an_application_credential_acts_for_its_user_in_its_project() {
    let w = World::new().await;
    let user = w.accounts[1].user.id.uuid().simple().to_string();
    let folder = format!("/users/{user}/application_credentials");
    let body = json!({"application_credential": {
        "name": "c",
        "roles": [{"name": "reader"}],
        "expires_at": "2999-01-01T00:00:00",
    }});
    let made = w.post(&folder, &w.demo, &body).await.ok(201);
    w.post(&folder, &w.demo, &body).await.refused(409);
    w.post(&folder, &w.admin, &body).await.refused(403);
    let (id, secret) = (
        made.text("/application_credential/id"),
        made.text("/application_credential/secret"),
    );
    let path = format!("{folder}/{id}");
    let shown = w.get(&path, &w.demo).await.ok(200);
    assert!(!shown.body.to_string().contains(&secret));
    // Keystone says this time without a zone, and gophercloud reads no other.
    let ends = shown.text("/application_credential/expires_at");
    assert_eq!(ends, "2999-01-01T00:00:00.000000");
    let listed = w.get(&format!("{folder}?name=c"), &w.demo).await.ok(200);
    assert_eq!(listed.text("/application_credentials/0/id"), id);
    let by_id = by_credential(&json!({"id": id, "secret": secret}));
    let user_ref = json!({"name": "demo", "domain": {"id": "default"}});
    let by_name = by_credential(&json!({"name": "c", "user": user_ref, "secret": secret}));
    for login in [&by_id, &by_name] {
        let token = w.post("/auth/tokens", "", login).await.ok(201);
        assert_eq!(token.text("/token/project/name"), "demo");
        assert_eq!(token.text("/token/application_credential/id"), id);
        assert_eq!(token.body["token"]["roles"].as_array().unwrap().len(), 1);
        let further = json!({"application_credential": {"name": "d"}});
        w.post(&folder, &token.token(), &further).await.refused(403);
    }
    let mut scoped = by_id.clone();
    scoped["auth"]["scope"] = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    w.post("/auth/tokens", "", &scoped).await.refused(401);
    let token = w.post("/auth/tokens", "", &by_id).await.token();
    w.delete(&path, &w.demo).await.ok(204);
    w.get(&path, &w.demo).await.refused(404);
    w.get("/auth/projects", &token).await.refused(401);
    w.post("/auth/tokens", "", &by_id).await.refused(401);
    for fields in [
        json!({}),
        json!({"name": "x", "roles": [{"name": "admin"}]}),
        json!({"name": "x", "roles": [{"name": "boss"}]}),
        json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}),
        json!({"name": "x", "expires_at": "soon"}),
        json!({"name": "x", "access_rules": [{"path": "/"}]}),
    ] {
        let body = json!({"application_credential": fields});
        w.post(&folder, &w.demo, &body).await.refused(400);
    }
}

#[tokio::test]
async fn the_domain_and_the_catalog_are_static() {
    let w = World::new().await;
    let found = w.get("/domains?name=Default", &w.admin).await.ok(200);
    assert_eq!(found.text("/domains/0/id"), "default");
    let found = w.get("/domains?name=other", &w.admin).await.ok(200);
    assert_eq!(found.body["domains"], json!([]));
    w.get("/domains/default", &w.demo).await.ok(200);
    w.get("/domains/other", &w.demo).await.refused(404);
    for (noun, count) in [("service", 2), ("endpoint", 6), ("region", 1)] {
        let listed = w.get(&format!("/{noun}s"), &w.admin).await.ok(200);
        let rows = listed.body[format!("{noun}s")].as_array().unwrap().clone();
        assert_eq!(rows.len(), count);
        let id = rows[0]["id"].as_str().unwrap();
        let shown = w.get(&format!("/{noun}s/{id}"), &w.admin).await.ok(200);
        assert_eq!(shown.body[noun], rows[0]);
        w.get(&format!("/{noun}s/none"), &w.admin)
            .await
            .refused(404);
    }
}

#[tokio::test]
async fn everything_needs_a_token_and_most_of_it_an_administrator() {
    let w = World::new().await;
    let (user, project) = (w.accounts[0].user.id, w.accounts[0].project.id);
    let role = w.get("/roles", &w.admin).await.text("/roles/0/id");
    let user_body = json!({"user": {"name": "x", "enabled": true}});
    let project_body = json!({"project": {"name": "x"}});
    let grant = format!("/projects/{project}/users/{user}/roles/{role}");
    for (method, path, body) in [
        ("GET", "/projects", Value::Null),
        ("POST", "/projects", project_body.clone()),
        ("GET", &format!("/projects/{project}"), Value::Null),
        ("PATCH", &format!("/projects/{project}"), project_body),
        ("DELETE", &format!("/projects/{project}"), Value::Null),
        ("GET", "/users", Value::Null),
        ("POST", "/users", user_body.clone()),
        ("GET", &format!("/users/{user}"), Value::Null),
        ("PATCH", &format!("/users/{user}"), user_body),
        ("DELETE", &format!("/users/{user}"), Value::Null),
        ("GET", &format!("/users/{user}/projects"), Value::Null),
        (
            "GET",
            &format!("/users/{user}/application_credentials"),
            Value::Null,
        ),
        ("GET", "/domains", Value::Null),
        ("GET", "/roles", Value::Null),
        ("GET", "/role_inferences", Value::Null),
        ("GET", "/role_assignments", Value::Null),
        ("PUT", &grant, Value::Null),
        ("GET", &grant, Value::Null),
        ("DELETE", &grant, Value::Null),
        ("GET", "/services", Value::Null),
        ("GET", "/endpoints", Value::Null),
    ] {
        w.ask(method, path, "", Some(&body)).await.refused(401);
        w.ask(method, path, "nonsense", Some(&body))
            .await
            .refused(401);
        w.ask(method, path, &w.demo, Some(&body)).await.refused(403);
    }
    for path in [
        "/auth/projects",
        "/auth/domains",
        "/auth/catalog",
        "/regions",
    ] {
        w.get(path, "").await.refused(401);
        w.get(path, &w.demo).await.ok(200);
    }
}
