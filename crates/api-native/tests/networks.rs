use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, path};

#[tokio::test]
async fn a_router_with_a_subnet_and_a_machine_comes_and_goes() {
    let api = Api::new().await;
    let router = api.post("/routers", &json!({"name": "r"})).await.is(201);
    let body = json!({"name": "s", "router": router["id"], "cidr": "10.5.0.0/24"});
    let subnet = api.post("/subnets", &body).await.is(201);
    assert_eq!(subnet["gateway_address"], "10.5.0.1");
    assert_eq!(subnet["router"], router["id"]);
    let body = json!({"name": "m", "subnet": subnet["id"]});
    let machine = api.post("/machines", &body).await.is(201);
    assert_eq!(machine["address"], "10.5.0.2");
    for (kind, made) in [
        ("routers", &router),
        ("subnets", &subnet),
        ("machines", &machine),
    ] {
        let path = path(kind, made);
        let listed = api.get(&format!("/{kind}")).await.is(200);
        assert_eq!(listed["items"][0]["id"], made["id"], "{kind}");
        assert_eq!(api.get(&path).await.is(200)["name"], made["name"]);
        let stale = Request::delete(format!("/adit/v1{path}"))
            .header("authorization", format!("Bearer {}", api.token))
            .header("if-match", "\"99\"");
        let stale = api.send(stale.body(Body::empty()).unwrap()).await;
        stale.refuses(412, "If-Match");
    }
    // What is used is in the way.
    api.ask("DELETE", &path("routers", &router), None)
        .await
        .is(409);
    api.ask("DELETE", &path("subnets", &subnet), None)
        .await
        .is(409);
    let body = json!({"name": "g", "subnet": subnet["id"]});
    let spare = api.post("/gateways", &body).await.is(201);
    assert_eq!(spare["addresses"].as_array().unwrap().len(), 1);
    let spare = path("gateways", &spare);
    let change = json!({"enabled": false, "name": "h"});
    let changed = api.ask("PATCH", &spare, Some(&change)).await.is(200);
    assert_eq!(
        (&changed["enabled"], &changed["name"]),
        (&json!(false), &json!("h"))
    );
    api.ask("DELETE", &spare, None).await.is(204);
    let mut connection = crate::support::connection();
    connection["gateway"] = json!({"subnet": subnet["id"]});
    let made = api.post("/connections", &connection).await.is(201);
    assert_eq!(made["local"]["cidrs"], json!(["10.5.0.0/24"]));
    api.ask("DELETE", &path("connections", &made), None)
        .await
        .is(204);
    let gateway = format!("/gateways/{}", made["gateway"].as_str().unwrap());
    for path in [
        path("machines", &machine),
        gateway,
        path("subnets", &subnet),
        path("routers", &router),
    ] {
        api.ask("DELETE", &path, None).await.is(204);
        api.ask("DELETE", &path, None).await.refuses(404, "");
    }
}

#[tokio::test]
async fn what_is_named_and_not_there_is_told_by_its_field() {
    let api = Api::new().await;
    let nobody = "3b9d1bb2-8b5f-4e6b-9d6c-000000000000";
    let body = json!({"name": "s", "router": nobody, "cidr": "10.5.0.0/24"});
    api.post("/subnets", &body).await.refuses(422, "router");
    let body = json!({"name": "m", "subnet": nobody});
    api.post("/machines", &body).await.refuses(422, "subnet");
    let body = json!({"name": "g", "subnet": nobody});
    api.post("/gateways", &body).await.refuses(422, "subnet");
    let mut connection = crate::support::connection();
    connection["gateway"] = json!({"subnet": nobody});
    api.post("/connections", &connection)
        .await
        .refuses(422, "gateway.subnet");
    for (kind, body, field) in [
        ("routers", json!({}), ""),
        ("routers", json!({"name": 1}), "name"),
        (
            "subnets",
            json!({"name": "s", "router": nobody, "cidr": "10.5.0.1/24"}),
            "cidr",
        ),
        (
            "subnets",
            json!({"name": "s", "router": "x", "cidr": "10.5.0.0/24"}),
            "router",
        ),
        (
            "machines",
            json!({"name": "m", "subnet": Value::Null}),
            "subnet",
        ),
    ] {
        api.post(&format!("/{kind}"), &body)
            .await
            .refuses(400, field);
    }
}
