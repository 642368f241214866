use serde_json::json;

use crate::support::{Api, path};

#[tokio::test]
async fn a_policy_is_made_listed_shown_and_deleted() {
    let api = Api::new().await;
    let body = json!({"name": "old", "parameters": {
        "encryption": ["aes256", "3des"], "authentication": ["sha256"], "groups": [14, 2], "version": "v1",
    }});
    let made = api.post("/ike-policies", &body).await.is(201);
    assert_eq!(made["parameters"]["encryption"], json!(["aes256", "3des"]));
    assert_eq!(made["parameters"]["lifetime_s"], 36000);
    let path = path("ike-policies", &made);
    assert_eq!(api.get(&path).await.is(200), made);
    let all = api.get("/ike-policies?name=old").await.is(200);
    assert_eq!(all["items"], json!([made]));
    let none = api.get("/ike-policies?name=new").await.is(200);
    assert_eq!(none["items"], json!([]));
    let change = json!({"description": "of 1998"});
    let changed = api.ask("PATCH", &path, Some(&change)).await.is(200);
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("old"), &json!("of 1998"))
    );
    assert_eq!(changed["parameters"], made["parameters"]);
    let change = json!({"parameters": {"encryption": ["aes128"], "authentication": ["sha1"], "groups": [5]}});
    let changed = api.ask("PATCH", &path, Some(&change)).await.is(200);
    assert_eq!(changed["parameters"]["groups"], json!([5]));
    let change =
        json!({"parameters": {"encryption": [], "authentication": ["sha1"], "groups": [5]}});
    let refused = api.ask("PATCH", &path, Some(&change)).await;
    refused.refuses(400, "parameters.encryption");
    api.ask("DELETE", &path, None).await.is(204);
    api.get(&path).await.refuses(404, "");
    let body = json!({"name": "new", "parameters": {"encryption": ["aes256gcm16"], "pfs": [31]}});
    let made = api.post("/ipsec-policies", &body).await.is(201);
    assert_eq!(made["parameters"]["transform"], "esp");
}

#[tokio::test]
async fn what_a_policy_can_t_say_is_refused_with_its_place() {
    let api = Api::new().await;
    let base = json!({"encryption": ["aes128"], "authentication": ["sha1"], "groups": [14]});
    for (field, value, place, word) in [
        (
            "encryption",
            json!(["aes127"]),
            "parameters.encryption[0]",
            "`aes128`",
        ),
        (
            "encryption",
            json!([]),
            "parameters.encryption",
            "one entry",
        ),
        ("groups", json!([13]), "parameters.groups[0]", "14 to 31"),
        ("version", json!("v3"), "parameters.version", "`v2`"),
        ("lifetime", json!(5), "parameters.lifetime", "`lifetime_s`"),
    ] {
        let mut parameters = base.clone();
        parameters[field] = value;
        let body = json!({"name": "x", "parameters": parameters});
        let said = api.post("/ike-policies", &body).await.refuses(400, place);
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(api.get("/ike-policies").await.is(200)["items"], json!([]));
}
