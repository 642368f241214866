//! What each vendor is told of one connection, as files that people can read and devices can be given.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{Api, path};

const VENDORS: &[&str] = &[
    "adit",
    "cisco-ios-xe",
    "fortios",
    "junos",
    "libreswan",
    "mikrotik",
    "opnsense",
    "pan-os",
    "strongswan",
    "vyos",
];

/// Those that call an end by its address alone, and have one pair of blocks at least.
const BY_ADDRESS: &[&str] = &[
    "cisco-asa",
    "terraform-aws",
    "terraform-azure",
    "terraform-gcp",
    "terraform-ibm",
];

fn check(vendor: &str, version: &str, text: &str) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peer_configs")
        .join(format!("{vendor}-{version}.txt"));
    if std::env::var_os("ADIT_WRITE_PEER_CONFIGS").is_some() {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
    }
    let kept = fs::read_to_string(&place).unwrap_or_default();
    assert!(
        kept == text,
        "{}: is that right? ADIT_WRITE_PEER_CONFIGS=1 writes it anew: {text}",
        place.display(),
    );
}

#[tokio::test]
async fn what_those_are_told_that_know_addresses_alone_is_as_kept() {
    for version in ["v1", "v2"] {
        let api = Api::new().await;
        let (encryption, hashes) = match version {
            "v1" => (json!(["aes256"]), json!(["sha256", "sha1"])),
            _ => (json!(["aes256gcm16", "aes256"]), json!(["sha256"])),
        };
        let body = json!({
            "name": "branch 7",
            "gateway": {"network": {"cidr": "10.1.0.0/24"}},
            "peer": {"address": "192.0.2.5", "cidrs": ["10.2.0.0/16"]},
            "psk": "APlainKey",
            "ike_policy": {"new": {"version": version, "encryption": encryption, "authentication": hashes,
                "groups": [19, 14]}},
            "ipsec_policy": {"new": {"encryption": encryption, "authentication": hashes, "pfs": [14]}},
        });
        let made = api.post("/connections", &body).await.is(201);
        let path = path("connections", &made);
        for vendor in BY_ADDRESS {
            let asked = format!("{path}/peer-config?vendor={vendor}&with_psk=true");
            let reply = api.get(&asked).await;
            assert_eq!(reply.status, 200, "{vendor}: {}", reply.text);
            assert!(reply.text.contains("APlainKey"), "{vendor}");
            let begin: String = reply.text.lines().take(3).collect();
            assert!(begin.contains("Not run on a device."), "{vendor}");
            check(vendor, version, &reply.text);
        }
        let change = json!({"peer": {"identity": "@west.example"}});
        api.ask("PATCH", &path, Some(&change)).await.is(200);
        for vendor in BY_ADDRESS {
            let asked = format!("{path}/peer-config?vendor={vendor}");
            let said = api.get(&asked).await.refuses(422, "vendor");
            assert!(said.contains("identity"), "{vendor}: {said}");
        }
    }
}

/// By both versions of IKE, and with more than one pair of blocks.
#[tokio::test]
async fn what_each_vendor_is_told_is_as_kept() {
    for version in ["v1", "v2"] {
        let api = Api::new().await;
        let encryption = match version {
            "v1" => json!(["aes256", "3des"]),
            _ => json!(["aes256gcm16", "aes256"]),
        };
        let body = json!({
            "name": "branch 7",
            "gateway": {"network": {"cidr": "10.1.0.0/24"}},
            "local": {"cidrs": ["10.1.0.0/25", "10.1.0.128/25"]},
            "peer": {"address": "192.0.2.5", "identity": "@west.example", "cidrs": ["10.2.0.0/16"]},
            "psk": "APlainKey",
            "ike_policy": {"new": {"version": version, "encryption": encryption, "authentication": ["sha256", "sha1"],
                "groups": [19, 14]}},
            "ipsec_policy": {"new": {"encryption": encryption, "authentication": ["sha256"], "pfs": [14]}},
        });
        let made = api.post("/connections", &body).await.is(201);
        let path = path("connections", &made);
        for vendor in VENDORS {
            let asked = format!("{path}/peer-config?vendor={vendor}&with_psk=true");
            let reply = api.get(&asked).await;
            assert_eq!(reply.status, 200, "{vendor}: {}", reply.text);
            assert!(reply.text.contains("APlainKey"), "{vendor}");
            check(vendor, version, &reply.text);
        }
    }
}

#[tokio::test]
async fn what_a_vendor_can_t_have_is_refused_with_what_it_is() {
    let api = Api::new().await;
    let mut body = crate::support::connection();
    body["peer"]["identity"] = json!("keyid:seven");
    body["ike_policy"] = json!({"new": {"encryption": ["aes128ccm8"], "authentication": ["sha256"], "groups": [25]}});
    let made = api.post("/connections", &body).await.is(201);
    let path = path("connections", &made);
    for (vendor, what) in [
        ("cisco-ios-xe", "groups"),
        ("fortios", "identity"),
        ("junos", "IKE ciphers"),
        ("mikrotik", "IKE ciphers"),
        ("vyos", "IKE ciphers"),
    ] {
        let asked = format!("{path}/peer-config?vendor={vendor}");
        let said = api.get(&asked).await.refuses(422, "vendor");
        assert!(said.contains(what), "{vendor}: {said}");
    }
}

#[tokio::test]
async fn what_would_mean_something_else_in_a_configuration_is_not_written_into_it() {
    let api = Api::new().await;
    let mut body = crate::support::connection();
    body["psk"] = json!("two\nlines");
    body["ipsec_policy"] = json!({"new": {"encryption": ["aes256"], "authentication": ["sha256"]}});
    let made = api.post("/connections", &body).await.is(201);
    let place = path("connections", &made);
    for vendor in VENDORS.iter().chain(BY_ADDRESS) {
        let asked = format!("{place}/peer-config?vendor={vendor}");
        let reply = api.get(&format!("{asked}&with_psk=true")).await;
        if matches!(*vendor, "libreswan" | "opnsense" | "strongswan") {
            assert!(
                reply.text.contains("0x74776f0a6c696e6573"),
                "{}",
                reply.text
            );
        } else {
            let said = reply.refuses(422, "vendor");
            assert!(said.contains("pre-shared key"), "{vendor}: {said}");
        }
        assert_eq!(api.get(&asked).await.status, 200, "{vendor}");
    }
    let change = json!({"peer": {"identity": "@west\nsecret = x"}});
    api.ask("PATCH", &place, Some(&change)).await.is(200);
    for vendor in VENDORS.iter().chain(BY_ADDRESS) {
        let asked = format!("{place}/peer-config?vendor={vendor}");
        api.get(&asked).await.refuses(422, "peer.identity");
    }
}

#[tokio::test]
async fn a_connection_in_route_mode_has_both_of_its_tunnels_in_the_sheet() {
    let api = Api::new().await;
    let router = api.post("/routers", &json!({"name": "r"})).await.is(201);
    let body = json!({"name": "s", "router": router["id"], "cidr": "10.5.0.0/24"});
    let subnet = api.post("/subnets", &body).await.is(201);
    let id = api.by_routes(&router, &subnet).await;
    let shown = api.get(&format!("/connections/{id}")).await.is(200);
    let gateway = format!("/gateways/{}", shown["gateway"].as_str().unwrap());
    let addresses = api.get(&gateway).await.is(200)["addresses"].clone();
    let addresses = addresses.as_array().unwrap();
    assert_eq!(addresses.len(), 2);
    for vendor in ["strongswan", "junos", "cisco-ios-xe", "terraform-ibm"] {
        let asked = format!("/connections/{id}/peer-config?vendor={vendor}");
        let reply = api.get(&asked).await;
        assert_eq!(reply.status, 200, "{vendor}: {}", reply.text);
        for (number, address) in (1..).zip(addresses) {
            assert!(reply.text.contains(address.as_str().unwrap()), "{vendor}");
            let name = format!("adit-routed-{number}");
            assert!(reply.text.contains(&name), "{vendor}: {}", reply.text);
        }
    }
}
