use adit_api_native::NativeConfig;
use adit_model::observed::TunnelState;
use adit_model::project::Role;
use adit_sim::{Authority, KeyType, Wanted as Certificate};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Api, connection, path};

#[tokio::test]
async fn one_call_makes_everything_and_the_made_up_key_is_told_once() {
    let api = Api::new().await;
    let mut body = connection();
    body["ike_policy"] =
        json!({"new": {"encryption": ["aes256"], "authentication": ["sha256"], "groups": [19]}});
    let made = api.post("/connections", &body).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.is(201);
    let key = made["psk"].as_str().unwrap();
    assert_eq!(key.len(), 43);
    assert_eq!(made["local"]["cidrs"], json!(["10.1.0.0/24"]));
    assert_eq!(made["ike_policy"]["name"], "branch");
    assert_eq!(made["ipsec_policy"], Value::Null);
    let path = path("connections", &made);
    let shown = api.get(&path).await.is(200);
    assert_eq!(shown.get("psk"), None);
    assert_eq!(api.get(&format!("{path}/psk")).await.is(200)["psk"], key);
    let gateways = api.get("/gateways").await.is(200);
    assert_eq!(gateways["items"][0]["id"], made["gateway"]);
    let all = api.get("/connections").await.is(200);
    assert_eq!(all["items"], json!([shown]));
}

#[tokio::test]
async fn both_ends_may_have_the_same_block_and_know_each_other_s_by_another_one() {
    let api = Api::new().await;
    let one = |end: &str, cidr: &str, shown_as: &str| json!({"end": end, "cidr": cidr, "shown_as": shown_as});
    let mut body = connection();
    body["peer"]["cidrs"] = json!(["10.1.0.0/24"]);
    let refused = api.post("/connections", &body).await;
    refused.refuses(400, "peer.cidrs");
    let ours = one("local", "10.1.0.0/24", "10.201.0.0/24");
    let theirs = one("peer", "10.1.0.0/24", "10.202.0.0/24");
    body["translations"] = json!([ours, theirs]);
    let made = api.post("/connections", &body).await.is(201);
    assert_eq!(made["translations"], json!([ours, theirs]));
    assert_eq!(made["peer"]["cidrs"], json!(["10.1.0.0/24"]));
    let path = path("connections", &made);
    // What is to be negotiated has the name that the peer knows.
    let rungs = made["ladder"].as_array().unwrap();
    let pairs: Vec<_> = rungs
        .iter()
        .filter_map(|rung| rung["pair"].as_str())
        .collect();
    assert_eq!(pairs, ["10.201.0.0/24 === 10.1.0.0/24"]);
    let written = api
        .get(&format!("{path}/peer-config?vendor=strongswan"))
        .await;
    assert!(written.text.contains("10.201.0.0/24"), "{written:?}");

    let other = one("peer", "10.1.0.0/24", "10.203.0.0/24");
    let change = json!({"translations": [ours, other]});
    let changed = api.ask("PATCH", &path, Some(&change)).await.is(200);
    assert_eq!(changed["translations"][1], other);
    for (translations, status, field) in [
        (
            json!([ours, one("peer", "10.1.0.0/24", "10.203.0.0/25")]),
            400,
            "translations",
        ),
        (
            json!([ours, one("peer", "10.9.0.0/24", "10.203.0.0/24")]),
            400,
            "translations",
        ),
        (
            json!([one("both", "10.1.0.0/24", "10.203.0.0/24")]),
            400,
            "translations[0].end",
        ),
        (
            json!([{"end": "peer", "cidr": "10.1.0.0/24"}]),
            400,
            "translations[0]",
        ),
        (json!([]), 400, "peer.cidrs"),
    ] {
        let change = json!({"translations": translations});
        let refused = api.ask("PATCH", &path, Some(&change)).await;
        refused.refuses(status, field);
        let now = api.get(&path).await.is(200);
        assert_eq!(now["translations"], json!([ours, other]));
    }
}

#[tokio::test]
async fn where_a_part_is_refused_nothing_is_made() {
    let api = Api::new().await;
    for (change, status, field) in [
        (
            json!({"peer": {"address": "192.0.2.5", "cidrs": []}}),
            422,
            "peer.cidrs",
        ),
        (
            json!({"peer": {"address": "nonsense nonsense", "cidrs": ["10.2.0.0/24"]}}),
            422,
            "peer.address",
        ),
        (
            json!({"peer": {"address": "192.0.2.5", "cidrs": ["10.2.0.1/24"]}}),
            400,
            "peer.cidrs[0]",
        ),
        (json!({"peer": {"address": "192.0.2.5"}}), 400, "peer.cidrs"),
        (
            json!({"gateway": {"id": "3b9d1bb2-8b5f-4e6b-9d6c-000000000000"}}),
            422,
            "gateway",
        ),
        (json!({"gateway": {"router": "x"}}), 400, "gateway.router"),
        (json!({"gateway": {"tunnel": "x"}}), 400, "gateway"),
        (json!({"gateway": {}}), 400, "gateway"),
        (
            json!({"ipsec_policy": {"id": "3b9d1bb2-8b5f-4e6b-9d6c-000000000000"}}),
            422,
            "ipsec_policy",
        ),
        (
            json!({"ike_policy": {"new": {"encryption": ["aes256"], "authentication": ["sha256"], "groups": []}}}),
            400,
            "ike_policy.new.groups",
        ),
        (json!({"psk": ""}), 400, "psk"),
        (json!({"psk": "********"}), 400, "psk"),
        (json!({"psk": "x".repeat(256)}), 400, "psk"),
        (json!({"psk": 123456}), 400, "psk"),
        (json!({"mtu": 20}), 422, "mtu"),
        (json!({"initiator": "nobody"}), 400, "initiator"),
        (
            json!({"dead_peer_detection": {"action": "hold", "interval_s": 30, "timeout_s": 30}}),
            422,
            "dead_peer_detection.timeout_s",
        ),
        (
            json!({"dead_peer_detection": {"action": "hold"}}),
            400,
            "dead_peer_detection",
        ),
        (json!({"name": "a\u{7}"}), 400, "name"),
        (json!({"colour": "red"}), 400, "colour"),
    ] {
        let body = adit_api_testing::with(connection(), &change);
        let said = api.post("/connections", &body).await.refuses(status, field);
        assert!(!said.contains("123456") && !said.is_empty(), "{said}");
    }
    for list in ["/connections", "/gateways", "/ike-policies"] {
        assert_eq!(api.get(list).await.is(200)["items"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_change_is_of_the_revision_that_was_seen() {
    let api = Api::new().await;
    let made = api.post("/connections", &connection()).await;
    let seen = made.headers["etag"].clone();
    let path = path("connections", &made.is(201));
    let change = |etag: &str, body: Value| {
        let request = Request::builder()
            .method("PATCH")
            .uri(format!("/adit/v1{path}"))
            .header("authorization", format!("Bearer {}", api.token))
            .header("if-match", etag);
        api.send(request.body(Body::from(body.to_string())).unwrap())
    };
    let changed = change(
        seen.to_str().unwrap(),
        json!({"peer": {"cidrs": ["10.3.0.0/24"]}}),
    )
    .await;
    let next = changed.headers["etag"].to_str().unwrap().to_owned();
    let changed = changed.is(200);
    assert_eq!(changed["peer"]["cidrs"], json!(["10.3.0.0/24"]));
    assert_eq!(changed["peer"]["address"], "192.0.2.5");
    let late = change(seen.to_str().unwrap(), json!({"enabled": false})).await;
    late.refuses(412, "If-Match");
    change("7", json!({"enabled": false}))
        .await
        .refuses(400, "If-Match");
    let identity = json!({"peer": {"identity": "@west.example"}, "name": "west"});
    let changed = change(&next, identity).await.is(200);
    assert_eq!(changed["peer"]["identity"], "@west.example");
    assert_eq!(changed["name"], "west");
    let back = json!({"peer": {"identity": null}});
    assert_eq!(
        change("*", back).await.is(200)["peer"]["identity"],
        Value::Null
    );
    api.ask("DELETE", &path, None).await.is(204);
    api.ask("DELETE", &path, None).await.refuses(404, "");
}

#[tokio::test]
async fn lists_go_on_where_a_page_ends() {
    let api = Api::new().await;
    for number in 0..5 {
        let mut body = connection();
        body["name"] = json!(format!("c{number}"));
        body["gateway"]["network"]["cidr"] = json!(format!("10.1.{number}.0/24"));
        api.post("/connections", &body).await.is(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api
            .get(&format!("/connections?limit=2{cursor}"))
            .await
            .is(200);
        let items = page["items"].as_array().unwrap().clone();
        names.extend(
            items
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4"]);
    api.get("/connections?limit=0").await.refuses(400, "limit");
    api.get("/connections?limit=x").await.is(400);
    api.get("/connections?cursor=x")
        .await
        .refuses(400, "cursor");
    api.get("/connections?order=name").await.is(400);
    api.get("/connections/x").await.is(404);
    api.get("/nothing").await.is(404);
    api.ask("PUT", "/connections", None).await.is(405);
}

#[tokio::test]
async fn bodies_are_json_and_bounded() {
    let api = Api::new().await;
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = Request::post("/adit/v1/connections")
            .header("authorization", format!("Bearer {}", api.token))
            .header("content-type", kind);
        api.send(request.body(Body::from(body)).unwrap())
    };
    send("text/plain", b"{}".to_vec())
        .await
        .refuses(415, "Content-Type");
    send("application/json", b"{".to_vec()).await.is(400);
    send("application/json", vec![b' '; 300_000]).await.is(413);
}

#[tokio::test]
async fn keys_are_read_back_where_the_operator_allows_it() {
    let api = Api::with(NativeConfig::default()).await;
    let mut body = connection();
    body["psk"] = json!("PlantedKey");
    let made = api.post("/connections", &body).await.is(201);
    assert!(!made.to_string().contains("PlantedKey"), "{made}");
    let path = path("connections", &made);
    for path in [
        format!("{path}/psk"),
        format!("{path}/peer-config?vendor=strongswan&with_psk=true"),
    ] {
        let said = api.get(&path).await.refuses(403, "");
        assert!(said.contains("operator"), "{said}");
    }
    let written = api
        .get(&format!("{path}/peer-config?vendor=strongswan"))
        .await
        .text;
    assert!(written.contains("PUT-THE-PRE-SHARED-KEY-HERE"), "{written}");
}

#[tokio::test]
async fn a_tunnel_is_restarted_or_rekeyed_where_it_can_be() {
    let mut api = Api::new().await;
    let made = api.post("/connections", &connection()).await.is(201);
    let one = path("connections", &made);
    let verbs = ["restart", "rekey"].map(|verb| format!("{one}/{verb}"));
    for verb in &verbs {
        // Its gateway is not there yet.
        api.post(verb, &json!({})).await.refuses(503, "");
    }
    api.run();
    api.until_available(&made).await;
    for verb in &verbs {
        let before = api.get(&one).await.is(200)["revision"].clone();
        let done = api.post(verb, &json!({})).await.is(202);
        assert_ne!(done["revision"], before);
    }
    let off = json!({"enabled": false});
    api.ask("PATCH", &one, Some(&off)).await.is(200);
    for verb in &verbs {
        api.post(verb, &json!({})).await.refuses(409, "");
    }
    api.become_another(Some(Role::Reader)).await;
    for verb in &verbs {
        api.post(verb, &json!({})).await.refuses(403, "");
    }
    api.become_another(None).await;
    for verb in &verbs {
        api.post(verb, &json!({})).await.refuses(404, "");
    }
}

#[tokio::test]
async fn certificates_and_a_ppk_are_taken_and_their_keys_never_shown() {
    let api = Api::new().await;
    let authority = Authority::root("Root", KeyType::P256);
    let issued = authority.issue(&Certificate::named("here"));
    let mut body = connection();
    body["certificates"] = json!({
        "own": issued.pem,
        "key": issued.key_pem,
        "authorities": authority.pem,
    });
    body["ppk"] = json!({"id": "ppk-1", "key": "a planted post-quantum key", "required": true});
    let made = api.post("/connections", &body).await;
    let lines = issued.key_pem.lines().nth(1).unwrap();
    assert!(
        !made.text.contains(lines) && !made.text.contains("planted"),
        "{}",
        made.text
    );
    let made = made.is(201);
    assert_eq!(made.get("psk"), None);
    assert_eq!(made["certificates"]["own"], issued.pem.as_str());
    assert_eq!(made["ppk"], json!({"id": "ppk-1", "required": true}));
    let one = path("connections", &made);
    api.get(&format!("{one}/psk")).await.refuses(404, "");
    api.get(&format!("{one}/peer-config?vendor=strongswan"))
        .await
        .refuses(422, "");
    // Back to a key, and without the other.
    let change = json!({"psk": "another key", "ppk": null});
    let changed = api.ask("PATCH", &one, Some(&change)).await.is(200);
    assert_eq!(changed["certificates"], Value::Null);
    assert_eq!(changed["ppk"], Value::Null);
    assert_eq!(
        api.get(&format!("{one}/psk")).await.is(200)["psk"],
        "another key"
    );
}

#[tokio::test]
async fn certificates_that_can_t_be_used_are_refused_before() {
    let api = Api::new().await;
    let authority = Authority::root("Root", KeyType::P256);
    let [issued, other] = ["here", "there"].map(|name| authority.issue(&Certificate::named(name)));
    let good = json!({"own": issued.pem, "key": issued.key_pem, "authorities": authority.pem});
    for (field, text, named) in [
        ("key", other.key_pem.as_str(), "certificates.own"),
        ("key", "secret", "certificates.key"),
        ("own", "no PEM", "certificates.own"),
        (
            "own",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
            "certificates.own",
        ),
        ("authorities", &issued.pem, "certificates.authorities"),
        (
            "revocation_lists",
            "no PEM",
            "certificates.revocation_lists",
        ),
    ] {
        let mut body = connection();
        body["certificates"] = good.clone();
        body["certificates"][field] = json!(text);
        let said = api.post("/connections", &body).await.refuses(400, named);
        assert!(!said.contains("secret"), "{said}");
    }
    let mut both = connection();
    both["certificates"] = good.clone();
    both["psk"] = json!("a key");
    api.post("/connections", &both)
        .await
        .refuses(400, "certificates");
    let mut nameless = connection();
    nameless["ppk"] = json!({"id": "", "key": "k"});
    api.post("/connections", &nameless)
        .await
        .refuses(400, "ppk.id");
    assert_eq!(api.get("/connections").await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn a_connection_says_how_old_its_sas_are_and_what_came_to_pass() {
    let mut api = Api::new().await;
    api.run();
    let made = api.post("/connections", &connection()).await.is(201);
    api.until_available(&made).await;
    api.see(&made, TunnelState::Up, true).await;
    let place = path("connections", &made);
    let shown = api.get(&place).await.is(200);
    let child = &shown["children"][0];
    assert_eq!(child["since"], "1970-01-01T00:00:00Z");
    assert_eq!(child["rekey_at"], "1970-01-01T03:00:00Z");
    assert_eq!(child["traffic"]["packets_in"], 7);
    // One look says nothing of a rate.
    assert_eq!(shown["rates"], Value::Null);
    let change = json!({"description": "said"});
    api.ask("PATCH", &place, Some(&change)).await.is(200);
    let history = api.get(&format!("{place}/history")).await.is(200);
    let items = history["items"].as_array().unwrap();
    let texts: Vec<_> = items
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.first(), Some(&"created by demo"), "{texts:?}");
    assert_eq!(texts.last(), Some(&"updated by demo"), "{texts:?}");
    assert!(texts.contains(&"the tunnel is up"), "{texts:?}");
    let gateway = format!("/gateways/{}", made["gateway"].as_str().unwrap());
    assert_eq!(api.get(&gateway).await.is(200)["drops"], json!({}));
    for list in ["gateways", "weak-algorithms", "old-keys", "hosts"] {
        let said = api.get(&format!("/operator/{list}")).await;
        said.refuses(403, "");
    }
    api.become_admin().await;
    let all = api.get("/operator/gateways").await.is(200);
    assert_eq!(all["items"][0]["id"], made["gateway"]);
    let hosts = api.get("/operator/hosts").await.is(200);
    assert_eq!(hosts["items"][0]["gateways"], 1);
    assert_eq!(
        api.get("/operator/weak-algorithms").await.is(200)["items"],
        json!([])
    );
    api.become_another(None).await;
    api.get(&format!("{place}/history")).await.refuses(404, "");
}

#[tokio::test]
async fn a_key_is_as_old_as_it_says_until_another_one_is_set() {
    let mut api = Api::new().await;
    let made = api.post("/connections", &connection()).await.is(201);
    let place = path("connections", &made);
    let set_at = made["psk_set_at"].as_str().unwrap().to_owned();
    assert_eq!(made["created_at"], *set_at);
    let key = api.get(&format!("{place}/psk")).await.is(200)["psk"].clone();
    let change = async |body: Value| api.ask("PATCH", &place, Some(&body)).await.is(200);
    for same in [json!({"description": "said"}), json!({"psk": key})] {
        assert_eq!(change(same).await["psk_set_at"], *set_at);
    }
    let later = change(json!({"psk": "AnotherKey"})).await["psk_set_at"].clone();
    assert!(
        later.as_str().unwrap() > set_at.as_str(),
        "{later} {set_at}"
    );
    let authority = Authority::root("Root", KeyType::P256);
    let issued = authority.issue(&Certificate::named("here"));
    let certificates =
        json!({"own": issued.pem, "key": issued.key_pem, "authorities": authority.pem});
    let by_certificates = change(json!({"certificates": certificates})).await;
    assert_eq!(by_certificates["psk_set_at"], Value::Null);
    for name in ["second", "third"] {
        let mut body = connection();
        body["name"] = json!(name);
        api.post("/connections", &body).await.is(201);
    }
    api.become_admin().await;
    let old = api.get("/operator/old-keys").await.is(200);
    assert_eq!((&old["items"], &old["days"]), (&json!([]), &json!(365)));
    let first = api.get("/operator/old-keys?days=0&limit=1").await.is(200);
    assert_eq!(first["items"][0]["name"], "second");
    let cursor = first["next"].as_str().unwrap();
    let rest = format!("/operator/old-keys?days=0&limit=1&cursor={cursor}");
    let rest = api.get(&rest).await.is(200);
    assert_eq!(rest["items"][0]["name"], "third");
    assert_eq!(rest["next"], Value::Null);
    let much = api.get("/operator/old-keys?days=36501").await;
    assert_eq!(much.refuses(400, "days"), "days is 0 to 36500");
    let unknown = api.get("/operator/old-keys?age=1").await;
    unknown.refuses(400, "");
}
