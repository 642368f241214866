use serde_json::json;

use crate::support::{Api, connection, path};

#[tokio::test]
async fn what_is_known_of_a_connection_is_told_in_sentences() {
    let api = Api::new().await;
    let made = api.post("/connections", &connection()).await.is(201);
    let ladder = made["ladder"].as_array().unwrap();
    assert_eq!(
        ladder[0],
        json!({"step": "configured", "progress": "stopped"})
    );
    assert_eq!(ladder[4]["pair"], "10.1.0.0/24 === 10.2.0.0/24");
    let path = path("connections", &made);
    let log = api.get(&format!("{path}/log")).await.is(200);
    assert_eq!(log, json!({"items": []}));
    let said = api.get(&format!("{path}/explain")).await;
    assert_eq!(said.headers["content-type"], "text/plain; charset=utf-8");
    assert!(said.text.starts_with("branch is"), "{}", said.text);
    assert!(said.text.contains("What to do"), "{}", said.text);
}

#[tokio::test]
async fn a_peer_s_configuration_has_this_connection_s_values() {
    let api = Api::new().await;
    let mut body = connection();
    body["psk"] = json!("it's a \"key\"");
    body["peer"]["identity"] = json!("@west.example");
    body["ipsec_policy"] = json!({"new": {"encryption": ["aes256gcm16", "aes128"], "authentication": ["sha256"], "pfs": [14]}});
    let made = api.post("/connections", &body).await.is(201);
    let path = path("connections", &made);
    for (vendor, words) in [
        (
            "strongswan",
            &[
                "esp_proposals = aes256gcm16-modp2048,aes128-sha256-modp2048",
                "id = \"fqdn:west.example\"",
                "local_ts = 10.2.0.0/24",
                "secret = 0x6974277320612022",
            ][..],
        ),
        (
            "libreswan",
            &[
                "esp=aes_gcm_c256-none-dh14,aes128-sha2_256-dh14",
                "leftid=@west.example",
            ],
        ),
        ("adit", &["--peer-id", "'it'\\''s a \"key\"'"]),
    ] {
        let path = format!("{path}/peer-config?vendor={vendor}&with_psk=true");
        let written = api.get(&path).await;
        assert_eq!(written.status, 200);
        for word in words {
            assert!(written.text.contains(word), "{word}: {}", written.text);
        }
    }
    api.get(&format!("{path}/peer-config?vendor=unknown"))
        .await
        .refuses(400, "vendor");
    api.get(&format!("{path}/peer-config"))
        .await
        .refuses(400, "vendor");
}
