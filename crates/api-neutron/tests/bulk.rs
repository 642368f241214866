//! Many in one POST: all of them are made, or none stays.

use crate::world::{Who, World};

async fn names(world: &World) -> Vec<String> {
    let answer = world.get("/networks").await;
    let networks = answer.ok(200).as_array().unwrap().clone();
    let name = |network: &serde_json::Value| network["name"].as_str().unwrap().to_owned();
    networks.iter().map(name).collect()
}

/// How many changes there were.
async fn count_changes(world: &World) -> u64 {
    let mut tx = world.store.read().await.unwrap();
    tx.log_bounds().await.unwrap().last
}

#[tokio::test]
async fn all_are_made_in_their_order() {
    let world = World::new().await;
    let before = names(&world).await.len();
    let body = r#"{"networks": [{"name": "one"}, {"name": "two", "mtu": 1400}]}"#;
    let answer = world.ask(Who::Member, "POST /networks", body).await;
    let made = answer.ok(201).as_array().unwrap();
    assert_eq!(made.len(), 2);
    assert_eq!(
        (&made[0]["name"], &made[1]["mtu"]),
        (&"one".into(), &1400.into())
    );
    let after = names(&world).await;
    assert_eq!(after.len(), before + 2);
    assert!(after.ends_with(&["one".to_owned(), "two".to_owned()]));
}

#[tokio::test]
async fn none_stays_where_one_is_refused() {
    let world = World::new().await;
    let before = names(&world).await;
    let changes = count_changes(&world).await;
    for (body, refused) in [
        (
            r#"{"networks": [{"name": "one"}, {"bogus": 1}]}"#,
            (400, "HTTPBadRequest", "Unrecognized attribute(s) 'bogus'"),
        ),
        (
            r#"{"networks": [{"name": "one"}, {"shared": true}]}"#,
            (
                403,
                "PolicyNotAuthorized",
                "rule:create_network:shared is disallowed by policy",
            ),
        ),
        (
            r#"{"networks": []}"#,
            (400, "HTTPBadRequest", "Resources required"),
        ),
        (
            r#"{"networks": [7]}"#,
            (
                400,
                "HTTPBadRequest",
                "Object 'networks' contains invalid data",
            ),
        ),
        (
            r#"{"networks": {"name": "one"}}"#,
            (
                400,
                "HTTPBadRequest",
                "Object 'networks' contains invalid data",
            ),
        ),
    ] {
        let answer = world.ask(Who::Member, "POST /networks", body).await;
        assert_eq!(answer.refused(), refused, "{body}");
        assert_eq!(names(&world).await, before, "{body}");
        // Not even for a moment.
        assert_eq!(count_changes(&world).await, changes, "{body}");
    }
    let body = r#"{"networks": [{"name": "one"}]}"#;
    let answer = world.ask(Who::Reader, "POST /networks", body).await;
    let refused = (
        403,
        "PolicyNotAuthorized",
        "rule:create_network is disallowed by policy",
    );
    assert_eq!(answer.refused(), refused);
}

#[tokio::test]
async fn nothing_of_a_vpn_is_made_so() {
    let world = World::new().await;
    let body = r#"{"ikepolicies": [{"name": "one"}]}"#;
    let answer = world.ask(Who::Member, "POST /vpn/ikepolicies", body).await;
    let refused = (
        400,
        "HTTPBadRequest",
        "Unable to find 'ikepolicy' in request body",
    );
    assert_eq!(answer.refused(), refused);
}

#[tokio::test]
async fn more_than_there_is_room_for_are_refused_before_one_is_made() {
    let world = World::new().await;
    let network = world
        .ask(Who::Member, "POST /networks", r#"{"network": {}}"#)
        .await;
    let network = network.ok(201)["id"].as_str().unwrap().to_owned();
    let before = world.get("/ports").await.ok(200).clone();
    // One of them can't be made, which is found out only when its turn comes.
    let mut ports = vec![format!(r#"{{"network_id": "{network}"}}"#); 600];
    ports[1] = r#"{"network_id": "0738f0a4-0000-4000-8000-000000000000"}"#.to_owned();
    let body = format!(r#"{{"ports": [{}]}}"#, ports.join(", "));
    let answer = world.ask(Who::Member, "POST /ports", &body).await;
    let refused = (409, "OverQuota", "Quota exceeded for resources: ['port'].");
    assert_eq!(answer.refused(), refused);
    assert_eq!(*world.get("/ports").await.ok(200), before);
}
