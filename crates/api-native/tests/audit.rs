//! Who changed what, when, by which request.

use adit_model::project::Role;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, connection, path};

async fn audit(api: &Api, query: &str) -> Vec<Value> {
    let body = api.get(&format!("/audit{query}")).await.is(200);
    body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_change_is_found_by_what_is_known_of_it() {
    let api = Api::new().await;
    let made = api.post("/connections", &connection()).await.is(201);
    let path = path("connections", &made);
    let request = Request::patch(format!("/adit/v1{path}"))
        .header("authorization", format!("Bearer {}", api.token))
        .header("x-request-id", "change-1")
        .body(Body::from(json!({"name": "other"}).to_string()));
    api.send(request.unwrap()).await.is(200);
    let id = made["id"].as_str().unwrap();
    let all = audit(&api, &format!("?id={id}")).await;
    let changes: Vec<_> = all.iter().map(|one| &one["change"]).collect();
    assert_eq!(changes, ["updated", "created"]);
    let [last, first] = &all[..] else {
        panic!("two of it: {all:?}")
    };
    assert_eq!(last["request_id"], "change-1");
    assert_eq!(last["noun"], "connection");
    assert_eq!(last["actor"]["kind"], "user");
    assert_eq!(last["actor"]["name"], "demo");
    // All that one request made has its id.
    let request = first["request_id"].as_str().unwrap();
    let together = audit(&api, &format!("?request_id={request}")).await;
    let mut nouns: Vec<_> = together.iter().map(|one| &one["noun"]).collect();
    nouns.dedup();
    assert!(nouns.len() > 3, "{nouns:?}");
    let user = last["actor"]["id"].as_str().unwrap();
    let at = last["at"].as_str().unwrap();
    for (query, found) in [
        (
            format!("?request_id=change-1&actor={user}&noun=connection"),
            1,
        ),
        ("?request_id=change-1&noun=gateway".to_owned(), 0),
        ("?request_id=change-1&actor=service".to_owned(), 0),
        (format!("?request_id=change-1&from={at}"), 1),
        (format!("?request_id=change-1&until={at}"), 0),
    ] {
        assert_eq!(audit(&api, &query).await.len(), found, "{query}");
    }
}

#[tokio::test]
async fn pages_go_back_in_time_to_the_first() {
    let api = Api::new().await;
    api.post("/connections", &connection()).await.is(201);
    let all = audit(&api, "").await;
    let (mut paged, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = api.get(&format!("/audit{query}")).await.is(200);
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(paged, all);
    assert!(all.is_sorted_by_key(|one| std::cmp::Reverse(one["revision"].as_u64())));
}

#[tokio::test]
async fn readers_see_their_project_s_and_others_nothing_of_it() {
    let mut api = Api::new().await;
    api.post("/connections", &connection()).await.is(201);
    let own = audit(&api, "").await;
    let project = own[0]["project"].as_str().unwrap().to_owned();
    assert!(own.iter().all(|one| one["project"] == project.as_str()));
    api.become_another(Some(Role::Reader)).await;
    // Another user and role are no project's matter but the administrator's.
    let seen = audit(&api, "?noun=connection").await;
    assert_eq!(seen.len(), 1);
    api.become_another(None).await;
    assert_eq!(audit(&api, "?noun=connection").await, Vec::<Value>::new());
    let query = format!("/audit?project={project}");
    api.get(&query).await.refuses(403, "");
    api.become_admin().await;
    let seen = audit(&api, &format!("?project={project}&noun=connection")).await;
    assert_eq!(seen.len(), 1);
    assert!(!audit(&api, "?noun=user").await.is_empty());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let api = Api::new().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=x", "cursor"),
        ("noun=tunnel", "noun"),
        ("actor=me", "actor"),
        ("from=yesterday", ""),
        ("who=me", ""),
    ] {
        let said = api
            .get(&format!("/audit?{query}"))
            .await
            .refuses(400, field);
        assert!(!said.is_empty());
    }
}
