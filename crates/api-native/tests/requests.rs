//! Requests for connections, and the links to their keys.

use adit_model::project::Role;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, connection, path};

/// A face with a subnet that a connection can lead to.
async fn api() -> Api {
    let api = Api::new().await;
    let made = api.post("/connections", &connection()).await.is(201);
    let path = path("connections", &made);
    api.ask("DELETE", &path, None).await.is(204);
    api
}

fn request() -> Value {
    json!({
        "name": "branch",
        "peer_address": "192.0.2.5",
        "peer_cidrs": ["10.2.0.0/24"],
        "local_cidrs": ["10.1.0.0/24"],
        "recipient": "Ann <ann@example.com>",
    })
}

fn known(made: &Value) -> Value {
    json!({"code": made["secret"]["code"], "passphrase": made["secret"]["passphrase"]})
}

#[tokio::test]
async fn a_ticket_and_its_fields_are_the_same_request() {
    let api = api().await;
    let ticket = "a. Gateway IP: 192.0.2.5\nb. Connection Name: branch\n\
        c. Subnets to be reached at customer location in CIDR notation: 10.2.0.0/24\n\
        d. Subnets to be reached in Power VS environment in CIDR form: 10.1.0.0/24\n";
    let body = json!({"ticket": ticket, "recipient": "Ann"});
    let made = api.post("/requests", &body).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.is(201);
    for field in ["name", "peer_address", "peer_cidrs", "local_cidrs"] {
        assert_eq!(made[field], request()[field], "{field}");
    }
    assert_eq!(made["state"], "configured");
    let one = path("requests", &made);
    let shown = api.get(&one).await.is(200);
    assert_eq!(shown.get("secret"), None);
    let list = api.get("/requests").await.is(200);
    assert_eq!(list["items"], json!([shown]));
    let sheet = api.get(&format!("{one}/sheet")).await.text;
    assert!(sheet.contains("Gateway IP there:    192.0.2.5"), "{sheet}");
    for vendor in ["strongSwan", "Cisco IOS-XE", "Juniper Junos"] {
        assert!(sheet.contains(vendor), "{vendor}");
    }
    let connection = format!("/connections/{}", made["connection"].as_str().unwrap());
    let psk = api.get(&format!("{connection}/psk")).await.is(200);
    assert!(!sheet.contains(psk["psk"].as_str().unwrap()));
    api.ask("DELETE", &one, None).await.is(204);
    api.get(&connection).await.is(404);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_all_named() {
    let api = api().await;
    let ticket = "a. Gateway IP: 192.0.2.5\nwhat is this\n";
    let body = json!({"ticket": ticket, "recipient": "Ann"});
    let refused = api.post("/requests", &body).await.is(400);
    assert_eq!(refused["field"], "ticket");
    assert_eq!(refused["errors"].as_array().unwrap().len(), 4);
    for (change, field) in [
        (json!({"ticket": "a. Gateway IP: 192.0.2.5"}), "name"),
        (json!({"name": null}), "name"),
        (json!({"peer_cidrs": []}), "peer_cidrs"),
        (json!({"peer_cidrs": ["10.2.0.1/24"]}), "peer_cidrs[0]"),
        (json!({"recipient": ""}), "recipient"),
        (json!({"secret_hours": 0}), "secret_hours"),
        (json!({"secret_hours": 721}), "secret_hours"),
        (json!({"test_addresses": ["10.3.0.1"]}), "test_addresses"),
        (json!({"local_cidrs": ["10.9.0.0/24"]}), "local_cidrs"),
        (json!({"psk": "mine"}), "psk"),
    ] {
        let mut body = request();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let said = api.post("/requests", &body).await.is(400);
        assert_eq!(said["field"], field, "{change}: {said}");
    }
    let mut body = request();
    body["peer_address"] = json!("not a peer!");
    let refused = api.post("/requests", &body).await;
    refused.refuses(422, "peer_address");
    for kind in ["requests", "connections"] {
        let list = api.get(&format!("/{kind}")).await.is(200);
        assert_eq!(list["items"], json!([]));
    }
}

#[tokio::test]
async fn a_key_is_told_once_to_who_has_both_halves() {
    let mut api = api().await;
    let made = api.post("/requests", &request()).await.is(201);
    let link = made["secret"]["link"].as_str().unwrap();
    assert!(link.starts_with("http://localhost/secret?code="), "{link}");
    let connection = made["connection"].as_str().unwrap();
    let psk = api.get(&format!("/connections/{connection}/psk")).await;
    let psk = psk.is(200)["psk"].clone();
    let token = std::mem::take(&mut api.token);
    let open = "/secrets/open";
    let mut half = known(&made);
    half["passphrase"] = json!("abc");
    let said = api.post(open, &half).await.refuses(403, "");
    assert!(said.contains("4 more times"), "{said}");
    half["code"] = json!("abc");
    api.post(open, &half).await.refuses(404, "");
    let opened = api.post(open, &known(&made)).await;
    assert_eq!(opened.headers["cache-control"], "no-store");
    assert_eq!(opened.is(200)["psk"], psk);
    api.post(open, &known(&made)).await.refuses(410, "");
    api.token = token;
    let wish = json!({"secret_hours": 1});
    let renew = format!("{}/secret", path("requests", &made));
    let renewed = api.post(&renew, &wish).await.is(200);
    let opened = api.post(open, &known(&renewed)).await.is(200);
    assert_eq!(opened["psk"], psk);
}

#[tokio::test]
async fn the_page_for_people_asks_before_it_shows() {
    let api = api().await;
    let made = api.post("/requests", &request()).await.is(201);
    let code = made["secret"]["code"].as_str().unwrap();
    let visit = async |query: &str| {
        let request = Request::get(format!("/secret{query}")).body(Body::empty());
        api.send(request.unwrap()).await
    };
    let submit = async |code: &str, passphrase: &str| {
        let request = Request::post("/secret")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("code={code}&passphrase={passphrase}")));
        api.send(request.unwrap()).await
    };
    for _ in 0..3 {
        let page = visit(&format!("?code={code}")).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(&format!("value=\"{code}\"")));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
    }
    let hostile = visit("?code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!hostile.text.contains("<script>"), "{}", hostile.text);
    let half = visit("").await;
    assert!(half.text.contains("not whole") && !half.text.contains("<form"));
    let style = Request::get("/secret.css").body(Body::empty()).unwrap();
    let style = api.send(style).await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    let wrong = submit(code, "no").await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.text.contains("role=\"alert\"") && wrong.text.contains("<form"));
    let shown = submit(code, made["secret"]["passphrase"].as_str().unwrap()).await;
    assert_eq!(shown.status, 200);
    let recipient = "Ann &lt;ann@example.com&gt;";
    assert!(shown.text.contains(recipient), "{}", shown.text);
    assert!(shown.text.contains("<code>"));
    assert_eq!(submit(code, "no").await.status, 410);
    assert_eq!(submit("x", "y").await.status, 404);
}

#[tokio::test]
async fn readers_look_and_others_find_nothing() {
    let mut api = api().await;
    let made = api.post("/requests", &request()).await.is(201);
    let one = path("requests", &made);
    let verbs = ["test", "confirm", "secret"].map(|verb| format!("{one}/{verb}"));
    api.become_another(Some(Role::Reader)).await;
    api.get(&one).await.is(200);
    assert_eq!(api.get(&format!("{one}/sheet")).await.status, 200);
    for verb in &verbs {
        api.post(verb, &json!({})).await.refuses(403, "");
    }
    api.post("/requests", &request()).await.refuses(403, "");
    api.ask("DELETE", &one, None).await.refuses(403, "");
    api.become_another(None).await;
    for path in [one.clone(), format!("{one}/sheet")] {
        api.get(&path).await.refuses(404, "");
    }
    for verb in &verbs {
        api.post(verb, &json!({})).await.refuses(404, "");
    }
    api.ask("DELETE", &one, None).await.refuses(404, "");
    let list = api.get("/requests").await.is(200);
    assert_eq!(list["items"], json!([]));
    api.token = "none".to_owned();
    api.get(&one).await.refuses(401, "");
}
