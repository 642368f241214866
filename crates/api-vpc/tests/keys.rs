//! SSH keys.

use serde_json::json;

use crate::world::{World, with};

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEaCRM+MVpE48APC3rjQLs8UDbbsUyyDV8rI02bZ9C7m me@here";

#[tokio::test]
async fn a_key_is_kept_shown_renamed_and_forgotten() {
    let w = World::new().await;
    let body = json!({
        "name": "one", "public_key": ED25519, "type": "ed25519", "resource_group": {"id": "g"},
    });
    let made = w.post("/keys", body.clone()).await;
    assert_eq!(made.is(201).body["length"], 256);
    assert_eq!(
        made.body["fingerprint"],
        "SHA256:CRSO/k67hCJp4Oy5vP6uHHW/xEorrteMv6YHtL07x8w"
    );
    assert_eq!(made.body["public_key"], ED25519);
    let path = format!("/keys/{}", made.id());
    assert_eq!(w.get(&path).await.is(200).body, made.body);
    let renamed = w.patch(&path, json!({"name": "two"})).await;
    assert_eq!(renamed.is(200).body["name"], "two");
    for (change, code, target) in [
        (json!({"name": "other"}), "bad_field", "public_key"),
        (json!({"type": "rsa"}), "bad_field", "type"),
        (json!({"type": "dsa"}), "bad_field", "type"),
        (json!({"public_key": null}), "missing_field", "public_key"),
        (
            json!({"public_key": "ssh-ed25519 AAAA"}),
            "bad_field",
            "public_key",
        ),
        (json!({"comment": "x"}), "bad_field", "comment"),
    ] {
        let refused = w.post("/keys", with(body.clone(), change)).await;
        refused.refused(400, code);
        assert_eq!(refused.body["errors"][0]["target"]["name"], target);
    }
    w.post("/keys", with(body, json!({"name": "two"})))
        .await
        .refused(400, "key_duplicate_name");
    for (query, count) in [
        ("", 1),
        ("?resource_group.id=g", 1),
        ("?resource_group.id=h", 0),
    ] {
        assert_eq!(
            w.get(&format!("/keys{query}")).await.body["total_count"],
            count
        );
    }
    w.delete(&path).await.is(204);
    w.get(&path).await.refused(404, "key_not_found");
    // Without a comment, and without the name of its system.
    let blob = ED25519.split(' ').nth(1).unwrap();
    let made = w.post("/keys", json!({ "public_key": blob })).await;
    assert_eq!(made.is(201).body["type"], "ed25519");
}
