//! `If-Match: revision_number=5`: a change of what somebody else has changed meanwhile is refused.

use crate::world::{Answer, NETWORK_KINDS, Who, World, path};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

impl World {
    /// Asks as a member, with what is to be so before.
    async fn expecting(&self, expected: &str, request: &str, body: &Value) -> Answer {
        let filled = self.fill(request);
        let (method, path) = filled.split_once(' ').unwrap();
        let body = self.fill(&body.to_string());
        let request = Request::builder()
            .method(method)
            .uri(format!("/v2.0{path}"))
            .header("x-auth-token", self.token(Who::Member))
            .header("if-match", expected);
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

/// What there is of each kind, in an order in which all can be deleted.
const THINGS: [(&str, &str); 7] = [
    ("security_group_rule", "security_group_rule"),
    ("floatingip", "floatingip"),
    ("port", "port"),
    ("security_group", "security_group"),
    ("router", "spare"),
    ("subnet", "spare_subnet"),
    ("network", "spare_net"),
];

#[tokio::test]
async fn what_was_changed_meanwhile_is_neither_changed_nor_deleted() {
    let mut world = World::new().await;
    world.add_net().await;
    world.make("spare", "router", json!({})).await;
    world.make("spare_net", "network", json!({})).await;
    let subnet = json!({"network_id": "$spare_net", "cidr": "10.79.0.0/24"});
    world.make("spare_subnet", "subnet", subnet).await;
    assert_eq!(THINGS.len(), NETWORK_KINDS.len());
    for (kind, name) in THINGS {
        let item = format!("{}/${name}", path(kind));
        let shown = world.get(&item).await;
        let mut now = shown.ok(200)["revision_number"].as_u64().unwrap();
        let stale = |answer: &Answer, expected: u64| {
            let message = format!(
                "Constrained to {expected}, but the current revision is another: read it again."
            );
            let refused = answer.refused();
            assert_eq!(
                refused,
                (412, "RevisionNumberConstraintFailed", message.as_str()),
                "{kind}"
            );
        };
        if kind != "security_group_rule" {
            let change = json!({kind: {"description": "mine"}});
            let expected = format!("revision_number={now}");
            let put = format!("PUT {item}");
            let answer = world.expecting(&expected, &put, &change).await;
            assert_eq!(answer.ok(200)["description"], "mine");
            // Who had read what was before loses.
            let other = json!({kind: {"description": "somebody else's"}});
            let answer = world.expecting(&expected, &put, &other).await;
            stale(&answer, now);
            let shown = world.get(&item).await;
            assert_eq!(shown.ok(200)["description"], "mine", "{kind}");
            now = shown.ok(200)["revision_number"].as_u64().unwrap();
        }
        let delete = format!("DELETE {item}");
        let wrong = format!("\"revision_number={}\"", now + 1);
        let answer = world.expecting(&wrong, &delete, &Value::Null).await;
        stale(&answer, now + 1);
        world.get(&item).await.is(200);
        let right = format!("revision_number={now}");
        let answer = world.expecting(&right, &delete, &Value::Null).await;
        answer.is(204);
    }
}

#[tokio::test]
async fn what_can_not_be_expected_is_refused() {
    let mut world = World::new().await;
    world.add_net().await;
    world.add_vpn().await;
    let change = json!({"network": {"name": "n"}});
    for (expected, reason) in [
        (
            "revision_number=x",
            "Revision number etag must be in the format of revision_number=<int>",
        ),
        (
            "\"some-etag\"",
            "Revision number etag must be in the format of revision_number=<int>",
        ),
        (
            "revision_number=1, revision_number=2",
            "Multiple revision_number etags are not supported",
        ),
    ] {
        let answer = world.expecting(expected, "PUT /networks/$network", &change);
        let message = format!("Bad if-match request: {reason}.");
        assert_eq!(
            answer.await.refused(),
            (400, "BadRequest", message.as_str())
        );
    }
    // These count no revisions, or are about nothing that is there.
    let policy = json!({"ikepolicy": {"name": "n"}});
    let interface = json!({"subnet_id": "$left"});
    for (request, body) in [
        ("POST /networks", &change),
        ("PUT /vpn/ikepolicies/$free_ike", &policy),
        ("DELETE /vpn/ikepolicies/$free_ike", &Value::Null),
        ("PUT /routers/$out/add_router_interface", &interface),
    ] {
        let answer = world.expecting("revision_number=1", request, body).await;
        let message =
            "Bad if-match request: it is for PUT and DELETE of what has a revision_number.";
        assert_eq!(answer.refused(), (400, "BadRequest", message), "{request}");
    }
    let answer = world
        .expecting("*", "PUT /networks/$network", &change)
        .await;
    assert_eq!(answer.ok(200)["name"], "n");
    let answer = world.get("/extensions/revision-if-match").await;
    answer.is(200);
}
