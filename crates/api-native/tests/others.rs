//! Who may only look, and who may not even do that.

use adit_model::project::Role;
use serde_json::{Value, json};

use crate::support::{Api, connection, path};

/// One of each noun.
async fn everything(api: &Api) -> Vec<(&'static str, Value)> {
    let mut body = connection();
    let policy = json!({"encryption": ["aes128"], "authentication": ["sha256"], "groups": [14]});
    body["ike_policy"] = json!({"new": policy});
    body["ipsec_policy"] = json!({"new": {"encryption": ["aes256gcm16"]}});
    let made = api.post("/connections", &body).await.is(201);
    let subnet = api.get("/subnets").await.is(200)["items"][0]["id"].clone();
    let machine = json!({"name": "m", "subnet": subnet});
    api.post("/machines", &machine).await.is(201);
    let mut all = vec![("connections", made)];
    for kind in [
        "routers",
        "subnets",
        "machines",
        "gateways",
        "ike-policies",
        "ipsec-policies",
    ] {
        let one = api.get(&format!("/{kind}")).await.is(200)["items"][0].clone();
        all.push((kind, one));
    }
    all
}

#[tokio::test]
async fn readers_see_everything_but_keys_and_change_nothing() {
    let mut api = Api::new().await;
    let all = everything(&api).await;
    api.become_another(Some(Role::Reader)).await;
    for (kind, one) in &all {
        let path = path(kind, one);
        api.get(&path).await.is(200);
        api.ask("DELETE", &path, None).await.refuses(403, "");
    }
    let connection_path = path("connections", &all[0].1);
    api.get(&format!("{connection_path}/explain")).await;
    for path in ["psk", "peer-config?vendor=adit&with_psk=true"] {
        let said = api
            .get(&format!("{connection_path}/{path}"))
            .await
            .refuses(403, "");
        assert!(said.contains("readers"), "{said}");
    }
    let change = json!({"name": "mine"});
    api.ask("PATCH", &connection_path, Some(&change))
        .await
        .refuses(403, "");
    for (kind, body) in [
        ("connections", connection()),
        ("routers", change.clone()),
        ("machines", json!({"name": "m", "subnet": all[2].1["id"]})),
        ("gateways", json!({"name": "g", "subnet": all[2].1["id"]})),
    ] {
        api.post(&format!("/{kind}"), &body).await.refuses(403, "");
    }
}

#[tokio::test]
async fn to_another_project_none_of_it_is_there() {
    let mut api = Api::new().await;
    let all = everything(&api).await;
    api.become_another(None).await;
    let nobody = "3b9d1bb2-8b5f-4e6b-9d6c-000000000000";
    let told = |body: Value| body["detail"].as_str().unwrap().to_owned();
    for (kind, one) in &all {
        let listed = api.get(&format!("/{kind}")).await.is(200);
        assert_eq!(listed["items"], json!([]), "{kind}");
        for method in ["GET", "DELETE"] {
            let theirs = api.ask(method, &path(kind, one), None).await.is(404);
            let missing = format!("/{kind}/{nobody}");
            let missing = api.ask(method, &missing, None).await.is(404);
            assert_eq!(told(theirs), told(missing), "{method} {kind}");
        }
    }
    let theirs = path("connections", &all[0].1);
    for path in ["explain", "log", "psk", "peer-config?vendor=adit"] {
        api.get(&format!("{theirs}/{path}")).await.is(404);
    }
    let mut body = connection();
    body["gateway"] = json!({"id": all[0].1["gateway"]});
    api.post("/connections", &body)
        .await
        .refuses(422, "gateway");
}
