//! What happens, as it happens.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;

use crate::support::{Api, connection, path};

/// A stream of events, being read.
struct Stream {
    body: BodyDataStream,
    text: String,
}

/// One of them: its name, its id and its data.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Stream {
    async fn open(api: &Api, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/adit/v1/events{query}"))
            .header("authorization", format!("Bearer {}", api.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(api.face.clone(), request);
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next block of lines; nothing at the end.
    async fn block(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = block.lines();
                    let line = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
                    line.unwrap_or_default().to_owned()
                };
                let event = Event {
                    name: field("event"),
                    id: field("id"),
                    data: serde_json::from_str(&field("data")).unwrap_or_default(),
                };
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece = timeout(Duration::from_secs(20), self.body.next());
            let piece = piece.await.expect("something is sent every 15 s")?.unwrap();
            self.text += std::str::from_utf8(&piece).unwrap();
        }
    }

    /// The next one that is about a connection.
    async fn of_connection(&mut self) -> Event {
        loop {
            let event = self.block().await.expect("it goes on");
            if event.data["noun"] == "connection" {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn what_is_made_is_told_and_what_came_in_between_when_a_client_is_back() {
    let mut api = Api::new().await;
    api.run();
    let mut stream = Stream::open(&api, "", None).await;
    let made = api.post("/connections", &connection()).await.is(201);
    let event = stream.of_connection().await;
    assert_eq!(event.name, "change");
    assert_eq!(event.data["change"], "created");
    assert_eq!(event.data["id"], made["id"]);
    drop(stream);
    let path = path("connections", &made);
    api.ask("DELETE", &path, None).await.is(204);
    let query = "?noun=connection";
    let mut stream = Stream::open(&api, query, Some(&event.id)).await;
    let next = stream.of_connection().await;
    assert_eq!(next.data["change"], "deleted");
    // As a page does that can't set a header.
    let query = format!("?noun=connection&last_event_id={}", event.id);
    let again = Stream::open(&api, &query, None).await.of_connection().await;
    assert_eq!((again.id, again.data), (next.id, next.data));
}

#[tokio::test]
async fn who_comes_from_before_a_restart_is_told_what_is_lost() {
    let mut api = Api::new().await;
    api.run();
    let mut stream = Stream::open(&api, "", Some("1-0badcafe-7")).await;
    let reset = stream.block().await.unwrap();
    assert_eq!(reset.name, "reset");
    assert_eq!(reset.data["lost"], "observations");
    let mut stream = Stream::open(&api, "", Some("999999-0badcafe-7")).await;
    let reset = stream.block().await.unwrap();
    assert_eq!(reset.data["lost"], "everything");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let mut api = Api::new().await;
    api.run();
    let mut stream = Stream::open(&api, "", None).await;
    stream.block().await.unwrap();
    let token = api.token.clone();
    api.become_admin().await;
    let admin = std::mem::replace(&mut api.token, token);
    api.ask("DELETE", "/sessions/current", None).await.is(204);
    api.token = admin;
    api.post("/connections", &connection()).await.is(201);
    assert!(stream.block().await.is_none());
}

#[tokio::test]
async fn what_is_asked_wrongly_is_named() {
    let mut api = Api::new().await;
    for (query, field) in [
        ("noun=tunnel", "noun"),
        ("last_event_id=5", "Last-Event-ID"),
        ("since=5", ""),
    ] {
        let reply = api.get(&format!("/events?{query}")).await;
        reply.refuses(400, field);
    }
    let project = api.get("/routers").await;
    project.is(200);
    let other = "project=5ab6f0b5-9d3e-4c5a-a3e5-8f6a51b1d1aa";
    api.get(&format!("/events?{other}")).await.refuses(403, "");
    api.token = "none".to_owned();
    api.get("/events").await.refuses(401, "");
}
