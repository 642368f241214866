//! The same by XML-RPC, as SoftLayer's own client sends it.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt as _;

use crate::world::World;

async fn post(world: &World, service: &str, body: impl Into<Body>) -> (HeaderMap, String) {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/xmlrpc/v3.1/{service}"))
        .header("content-type", "application/xml");
    let request = request.body(body.into()).unwrap();
    let response = world.face.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (parts, body) = response.into_parts();
    let octets = to_bytes(body, usize::MAX).await.unwrap();
    (parts.headers, String::from_utf8(octets.to_vec()).unwrap())
}

fn member(name: &str, value: &str) -> String {
    format!("<member>\n<name>{name}</name>\n<value>{value}</value>\n</member>\n")
}

fn object(members: &str) -> String {
    format!("<struct>\n{members}</struct>")
}

fn request(user: &str, key: &str, method: &str, more: &str, arguments: &[&str]) -> String {
    let who = member("username", &format!("<string>{user}</string>"))
        + &member("apiKey", &format!("<string>{key}</string>"));
    let headers = member("authenticate", &object(&who)) + more;
    let first = object(&member("headers", &object(&headers)));
    let params = std::iter::once(first.as_str()).chain(arguments.iter().copied());
    let params: String = params
        .map(|value| format!("<param>\n<value>{value}</value>\n</param>\n"))
        .collect();
    format!(
        "<?xml version='1.0' encoding='iso-8859-1'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>\n\
         {params}</params>\n</methodCall>\n"
    )
}

#[tokio::test]
async fn a_call_has_its_object_mask_filter_and_part_in_its_headers() {
    let world = World::new().await;
    let id = world.complete().await;
    world.ordered().await;
    let mask = object(&member(
        "mask",
        "<string>[mask[id,customerSubnets]]</string>",
    ));
    let operation = object(&member("operation", &format!("<int>{id}</int>")));
    let filter = object(&member(
        "networkTunnelContexts",
        &object(&member("id", &operation)),
    ));
    let more =
        member("SoftLayer_ObjectMask", &mask) + &member("SoftLayer_AccountObjectFilter", &filter);
    let method = "getNetworkTunnelContexts";
    let body = request("demo", &world.key, method, &more, &[]);
    let (headers, text) = post(&world, "SoftLayer_Account", body).await;
    assert_eq!(headers["softlayer-total-items"], "1");
    assert!(
        headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/xml")
    );
    assert!(
        text.contains(&format!("<name>id</name><value><int>{id}</int></value>")),
        "{text}"
    );
    assert!(text.contains("<string>192.168.10.0</string>"), "{text}");
    assert!(!text.contains("phaseOneKeylife"), "{text}");

    let limit = object(&(member("limit", "<int>1</int>") + &member("offset", "<int>1</int>")));
    let body = request(
        "demo",
        &world.key,
        method,
        &member("resultLimit", &limit),
        &[],
    );
    let (headers, text) = post(&world, "SoftLayer_Account", body).await;
    assert_eq!(headers["softlayer-total-items"], "2");
    assert!(!text.contains(&format!(
        "<int>{id}</int></value></member><member><name>internalPeer"
    )));
    assert_eq!(text.matches("phaseOneKeylife").count(), 1, "{text}");

    let parameters = object(&member("id", &format!("<string>{id}</string>")));
    let service = "SoftLayer_Network_Tunnel_Module_Context";
    let more = member(&format!("{service}InitParameters"), &parameters);
    let template = object(&member("friendlyName", "<string>Zürich &amp; Co</string>"));
    let body = request("demo", &world.key, "editObject", &more, &[&template]);
    let (_, text) = post(&world, service, body).await;
    assert!(text.contains("<boolean>1</boolean>"), "{text}");
    let body = request("demo", &world.key, "getObject", &more, &[]);
    let (_, text) = post(&world, service, body).await;
    assert!(text.contains("<string>Zürich &amp; Co</string>"), "{text}");
}

#[test]
fn whatever_was_found_by_fuzzing_is_read_or_refused() {
    let corpus =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/softlayer_xml");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let octets = std::fs::read(entry.unwrap().path()).unwrap();
        adit_api_softlayer::read_xml(&octets);
        count += 1;
    }
    assert!(count > 3);
}

#[tokio::test]
async fn a_fault_has_a_name_and_who_is_unknown_learns_nothing() {
    let world = World::new().await;
    let method = "getNetworkTunnelContexts";
    for (user, key) in [("demo", "wrong"), ("admin", world.key.as_str()), ("", "")] {
        let body = request(user, key, method, "", &[]);
        let (_, text) = post(&world, "SoftLayer_Account", body).await;
        assert!(text.contains("Invalid API token."), "{text}");
    }
    let body = request("demo", &world.key, "getNothing", "", &[]);
    let (_, text) = post(&world, "SoftLayer_Account", body).await;
    assert!(
        text.contains("<string>SoftLayer_Exception_NotFound</string>"),
        "{text}"
    );
    for body in [
        "",
        "<methodCall>",
        "{}",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>",
    ] {
        let (_, text) = post(&world, "SoftLayer_Account", body).await;
        assert!(text.contains("<string>-32700</string>"), "{text}");
    }
    let (_, text) = post(&world, "SoftLayer_Account", vec![b' '; 300 * 1024]).await;
    assert!(text.contains("<string>-32700</string>"), "{text}");
    let body = request(
        "demo",
        &world.key,
        method,
        &member("resultLimit", "<string>x</string>"),
        &[],
    );
    let (headers, _) = post(&world, "SoftLayer_Account", body).await;
    assert!(headers.contains_key("x-request-id"));
}
