//! The session of a page.

use std::time::Duration;

use adit_api::origin::Scheme;
use adit_api_native::NativeConfig;
use adit_api_testing::World;
use adit_model::project::Role;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Api, Reply, connection, path};

/// A browser: what it sends by itself, and what its page knows.
struct Browser {
    cookie: String,
    csrf: String,
}

fn request(method: &str, path: &str) -> Builder {
    let uri = format!("/adit/v1{path}");
    Request::builder().method(method).uri(uri)
}

impl Browser {
    async fn log_in(api: &Api, user: &str) -> Self {
        let body = json!({"user": user, "password": "a password", "cookie": true});
        let reply = api.send(
            request("POST", "/sessions")
                .body(body.to_string().into())
                .unwrap(),
        );
        Self::of(reply.await)
    }

    /// What it keeps of an answer.
    fn of(reply: Reply) -> Self {
        let set = reply.headers["set-cookie"].to_str().unwrap().to_owned();
        let body = reply.is(201);
        assert_eq!(body.get("token"), None);
        let cookie = set.split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("adit_session="), "{set}");
        Self {
            cookie,
            csrf: body["csrf_token"].as_str().unwrap().to_owned(),
        }
    }

    async fn send(&self, api: &Api, asked: Builder, body: Option<&Value>) -> Reply {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let asked = asked.header("cookie", &self.cookie);
        api.send(asked.body(body).unwrap()).await
    }

    async fn get(&self, api: &Api, path: &str) -> Reply {
        self.send(api, request("GET", path), None).await
    }

    async fn change(&self, api: &Api, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let asked = request(method, path).header("x-csrf-token", &self.csrf);
        self.send(api, asked, body).await
    }
}

/// Two who are in.
async fn two() -> (Api, Browser, Browser) {
    let mut api = Api::new().await;
    api.become_another(Some(Role::Member)).await;
    api.become_another(None).await;
    let first = Browser::log_in(&api, "user-Some(Member)").await;
    let second = Browser::log_in(&api, "user-None").await;
    (api, first, second)
}

#[tokio::test]
async fn a_page_acts_by_its_cookie_and_its_own_word() {
    let (api, page, other) = two().await;
    assert_eq!(
        page.get(&api, "/connections").await.is(200)["items"],
        json!([])
    );
    let make = || request("POST", "/connections");
    let bodies = connection();
    let missing = page.send(&api, make(), Some(&bodies)).await;
    let said = missing.refuses(403, "X-CSRF-Token");
    assert!(said.contains("sessions/current"), "{said}");
    // Another's word, one that is cut, one that is none.
    for wrong in [other.csrf.as_str(), &page.csrf[1..], "", "\u{e9}"] {
        let asked = make().header("x-csrf-token", wrong);
        let refused = page.send(&api, asked, Some(&bodies)).await;
        refused.refuses(403, "X-CSRF-Token");
    }
    let made = page
        .change(&api, "POST", "/connections", Some(&bodies))
        .await;
    let made = path("connections", &made.is(201));
    let refused = page.send(&api, request("DELETE", &made), None).await;
    refused.refuses(403, "X-CSRF-Token");
    // With its own cookie and word somebody else finds nothing.
    other.change(&api, "DELETE", &made, None).await.is(404);
    page.change(&api, "DELETE", &made, None).await.is(204);
}

#[tokio::test]
async fn a_bearer_s_token_goes_before_a_cookie_and_needs_no_word() {
    let (api, page, other) = two().await;
    let token = |browser: &Browser| browser.cookie.replace("adit_session=", "Bearer ");
    let asked = request("POST", "/routers").header("authorization", token(&other));
    let router = page
        .send(&api, asked, Some(&json!({"name": "r"})))
        .await
        .is(201);
    let router = path("routers", &router);
    page.get(&api, &router).await.is(404);
    other.get(&api, &router).await.is(200);
    // It is what the client meant, good or not.
    let asked = request("GET", "/routers").header("authorization", "Bearer guessed");
    page.send(&api, asked, None).await.refuses(401, "");
}

#[tokio::test]
async fn the_session_says_who_one_is_and_what_the_page_forgot() {
    let (api, page, _) = two().await;
    let reply = page.get(&api, "/sessions/current").await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    let current = reply.is(200);
    assert_eq!(current["user"]["name"], "user-Some(Member)");
    assert_eq!(current["project"]["role"], "member");
    assert_eq!(current["projects"], json!([current["project"]]));
    assert_eq!(current["csrf_token"], page.csrf);
    assert!(current["expires_at"].as_str().unwrap().ends_with('Z'));
    let bearer = api.get("/sessions/current").await.is(200);
    assert_eq!(bearer.get("csrf_token"), None);
}

#[tokio::test]
async fn the_cookie_is_for_the_browser_alone_and_by_tls_where_it_came_so() {
    let (api, _, _) = two().await;
    let body = json!({"user": "user-None", "password": "a password", "cookie": true}).to_string();
    for (scheme, secure) in [(Scheme::Http, false), (Scheme::Https, true)] {
        let asked = request("POST", "/sessions").extension(scheme);
        let reply = api.send(asked.body(body.clone().into()).unwrap()).await;
        let set = reply.headers["set-cookie"].to_str().unwrap().to_owned();
        let attributes: Vec<_> = set.split("; ").skip(1).collect();
        let age = attributes
            .iter()
            .find_map(|one| one.strip_prefix("Max-Age="));
        assert!(age.unwrap().parse::<u32>().unwrap() > 60, "{set}");
        for one in ["Path=/adit/v1", "HttpOnly", "SameSite=Strict"] {
            assert!(attributes.contains(&one), "{set}");
        }
        assert_eq!(attributes.contains(&"Secure"), secure, "{set}");
    }
    // Another site's page lets nobody in.
    for (site, status) in [
        ("same-origin", 201),
        ("none", 201),
        ("same-site", 403),
        ("cross-site", 403),
    ] {
        let asked = request("POST", "/sessions").header("sec-fetch-site", site);
        let reply = api.send(asked.body(body.clone().into()).unwrap()).await;
        assert_eq!(reply.status, status, "{site}");
    }
}

#[tokio::test]
async fn a_session_that_is_over_opens_nothing() {
    let world = World::new(|settings| settings.token_lifetime = Duration::ZERO);
    let [_, demo] = world.accounts().await;
    let face = adit_api_native::router(world.control.clone(), NativeConfig::default());
    let face = adit_api_testing::served(face);
    let body = json!({
        "user": demo.user.name.as_str(),
        "password": demo.password.expose(),
        "cookie": true,
    });
    let asked = request("POST", "/sessions").body(Body::from(body.to_string()));
    let made = face.clone().oneshot(asked.unwrap()).await.unwrap();
    assert_eq!(made.status(), 201);
    let cookie = made.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    for path in ["/sessions/current", "/connections", "/events"] {
        let asked = request("GET", path).header("cookie", cookie);
        let asked = asked.body(Body::empty()).unwrap();
        let refused = face.clone().oneshot(asked).await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn logging_out_ends_it_and_clears_the_cookie() {
    let (api, page, _) = two().await;
    let refused = page
        .send(&api, request("DELETE", "/sessions/current"), None)
        .await;
    refused.refuses(403, "X-CSRF-Token");
    let reply = page.change(&api, "DELETE", "/sessions/current", None).await;
    let set = reply.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        set.starts_with("adit_session=;") && set.contains("Max-Age=0"),
        "{set}"
    );
    reply.is(204);
    page.get(&api, "/connections").await.refuses(401, "");
    page.get(&api, "/sessions/current").await.refuses(401, "");
    let again = page.change(&api, "DELETE", "/sessions/current", None).await;
    again.refuses(401, "");
}

#[tokio::test]
async fn a_session_goes_on_in_another_project_and_the_one_before_is_over() {
    let mut api = Api::new().await;
    let [first, second] = api.in_two_projects("both").await;
    let page = Browser::log_in(&api, "both").await;
    let current = page.get(&api, "/sessions/current").await.is(200);
    assert_eq!(current["project"]["id"], first);
    let mut known: Vec<_> = current["projects"].as_array().unwrap().iter().collect();
    known.sort_by_key(|one| one["role"].to_string());
    assert_eq!((&known[0]["id"], &known[1]["id"]), (&first, &second));
    assert_eq!(
        (&known[0]["role"], &known[1]["role"]),
        (&json!("member"), &json!("reader"))
    );
    let body = json!({"project": second, "cookie": true});
    let refused = page
        .send(&api, request("POST", "/sessions"), Some(&body))
        .await;
    refused.refuses(403, "X-CSRF-Token");
    let there = page.change(&api, "POST", "/sessions", Some(&body)).await;
    let there = Browser::of(there);
    let current = there.get(&api, "/sessions/current").await.is(200);
    assert_eq!(
        (&current["project"]["id"], &current["project"]["role"]),
        (&second, &json!("reader"))
    );
    page.get(&api, "/sessions/current").await.refuses(401, "");
    // By its name, too; a bearer's token stays what it is.
    let name = known[0]["name"].as_str().unwrap();
    let body = json!({"user": "both", "password": "a password"});
    let token = api.post("/sessions", &body).await.is(201)["token"].clone();
    api.token = token.as_str().unwrap().to_owned();
    let back = api
        .post("/sessions", &json!({"project": name}))
        .await
        .is(201);
    assert_eq!(back["project"], first);
    api.get("/sessions/current").await.is(200);
    // Where one has no role, and where nothing is, are alike.
    for nowhere in ["3b9d1bb2-8b5f-4e6b-9d6c-000000000000", "nowhere", "admin"] {
        let reply = api.post("/sessions", &json!({"project": nowhere})).await;
        reply.refuses(403, "project");
    }
    api.token.clear();
    let reply = api.post("/sessions", &json!({"project": name})).await;
    reply.refuses(401, "");
    let asked = request("POST", "/sessions").body(Body::from(json!({"project": name}).to_string()));
    api.send(asked.unwrap()).await.refuses(400, "user");
}

#[tokio::test]
async fn events_come_by_a_cookie_alone() {
    let (api, page, _) = two().await;
    let asked = request("GET", "/events").header("cookie", &page.cookie);
    let response = api.open(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
}
