//! What `editObject` changes, and that it is all or nothing and waits for its apply.

use adit_api_softlayer::SoftLayerConfig;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

async fn shown(world: &World, id: u64) -> Value {
    let path = format!(
        "Network_Tunnel_Module_Context/{id}.json?objectMask=mask[id,name,accountId,friendlyName,customerPeerIpAddress,\
         presharedKey,phaseOneAuthentication,phaseOneEncryption,phaseOneDiffieHellmanGroup,phaseOneKeylife,\
         phaseTwoAuthentication,phaseTwoEncryption,phaseTwoDiffieHellmanGroup,phaseTwoKeylife,\
         phaseTwoPerfectForwardSecrecy,internalPeerIpAddress,customerSubnets,internalSubnets]"
    );
    world.done(&path, &[]).await
}

async fn edit(world: &World, id: u64, template: &Value) -> (StatusCode, Value) {
    let path = format!("Network_Tunnel_Module_Context/{id}/editObject.json");
    world.call(&path, std::slice::from_ref(template)).await
}

#[tokio::test]
async fn every_parameter_is_taken_as_a_number_or_a_text_and_shown_back() {
    let world = World::new().await;
    let id = world.complete().await;
    let weakest = json!({
        "friendlyName": "branch", "customerPeerIpAddress": "198.51.100.8", "presharedKey": "s3cret ü",
        "phaseOneAuthentication": "MD5", "phaseOneEncryption": "DES",
        "phaseOneDiffieHellmanGroup": "1", "phaseOneKeylife": "120",
        "phaseTwoAuthentication": "MD5", "phaseTwoEncryption": "DES",
        "phaseTwoDiffieHellmanGroup": 1, "phaseTwoKeylife": 172_800, "phaseTwoPerfectForwardSecrecy": 1,
    });
    let strongest = json!({
        "phaseOneAuthentication": "SHA256", "phaseOneEncryption": "AES256",
        "phaseOneDiffieHellmanGroup": 5, "phaseOneKeylife": 14_400,
        "phaseTwoAuthentication": "SHA256", "phaseTwoEncryption": "AES256",
        "phaseTwoDiffieHellmanGroup": "5", "phaseTwoKeylife": "3600", "phaseTwoPerfectForwardSecrecy": "0",
    });
    for template in [weakest, strongest] {
        let before = shown(&world, id).await;
        let (status, value) = edit(&world, id, &template).await;
        assert_eq!((status, &value), (StatusCode::OK, &json!(true)), "{value}");
        let after = shown(&world, id).await;
        for (name, value) in template.as_object().unwrap() {
            let plain = |value: &Value| value.to_string().replace('"', "");
            assert_eq!(plain(&after[name]), plain(value), "{name}");
        }
        assert_eq!(after["customerSubnets"], before["customerSubnets"]);
        let path = format!("Network_Tunnel_Module_Context/{id}/applyConfigurationsToDevice.json");
        assert_eq!(world.done(&path, &[]).await, json!(true));
    }
    // The whole of it sent back changes nothing, and nothing of it is refused.
    let whole = world
        .done(&format!("Network_Tunnel_Module_Context/{id}.json"), &[])
        .await;
    let (status, value) = edit(&world, id, &whole).await;
    assert_eq!((status, &value), (StatusCode::OK, &json!(true)), "{value}");
    let (status, value) = edit(&world, id, &shown(&world, id).await).await;
    assert_eq!((status, &value), (StatusCode::OK, &json!(true)), "{value}");
}

#[tokio::test]
async fn one_wrong_parameter_leaves_all_as_it_was() {
    let world = World::new().await;
    let id = world.complete().await;
    let before = shown(&world, id).await;
    for wrong in [
        json!({"phaseOneAuthentication": "SHA512"}),
        json!({"phaseOneEncryption": "BLOWFISH"}),
        json!({"phaseOneDiffieHellmanGroup": 0}),
        json!({"phaseOneDiffieHellmanGroup": 14}),
        json!({"phaseOneKeylife": 119}),
        json!({"phaseTwoKeylife": 172_801}),
        json!({"phaseTwoKeylife": "soon"}),
        json!({"phaseTwoDiffieHellmanGroup": "0"}),
        json!({"phaseTwoPerfectForwardSecrecy": 2}),
        json!({"customerPeerIpAddress": "peer.example.com"}),
        json!({"customerPeerIpAddress": "2001:db8::1"}),
        json!({"presharedKey": ""}),
        json!({"presharedKey": "a\nb"}),
        json!({"presharedKey": "x".repeat(256)}),
        json!({"friendlyName": "x".repeat(256)}),
        json!({"advancedConfigurationFlag": 1}),
        json!({"name": "mine"}),
        json!({"internalPeerIpAddress": "203.0.113.9"}),
        json!({"accountId": 999_999}),
        json!({"color": "red"}),
    ] {
        let good = json!({"customerPeerIpAddress": "198.51.100.9"});
        let template = adit_api_testing::with(good, &wrong);
        let (status, value) = edit(&world, id, &template).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {value}");
        let name = wrong.as_object().unwrap().keys().next().unwrap();
        let text = value["error"].as_str().unwrap();
        assert!(
            text.contains(name) || text.contains("forward secrecy"),
            "{wrong}: {text}"
        );
        assert_eq!(shown(&world, id).await, before, "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_shown_unless_the_operator_hides_it() {
    let world = World::with(SoftLayerConfig {
        show_psk: false,
        ..SoftLayerConfig::default()
    })
    .await;
    let id = world.complete().await;
    let (status, _) = edit(&world, id, &json!({"presharedKey": "planted"})).await;
    assert_eq!(status, StatusCode::OK);
    let whole = world
        .done(&format!("Network_Tunnel_Module_Context/{id}.json"), &[])
        .await;
    assert!(whole.get("presharedKey").is_none(), "{whole}");
    let (status, _) = edit(&world, id, &whole).await;
    assert_eq!(status, StatusCode::OK);
    let row = world
        .control
        .tunnel_contexts(&world.demo)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(row.psk.expose(), b"planted");
}

#[tokio::test]
async fn blocks_that_overlap_and_a_second_of_the_same_are_told_apart() {
    let world = World::new().await;
    let id = world.complete().await;
    let path = format!("Network_Tunnel_Module_Context/{id}/addCustomerSubnetToNetworkTunnel.json");
    for (address, length) in [("192.168.10.0", 25), ("192.168.0.0", 16), ("10.0.0.0", 24)] {
        let block = world.block(address, length).await;
        let (status, value) = world.call(&path, &[block]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{value}");
        assert!(
            value["error"].as_str().unwrap().contains(address),
            "{value}"
        );
    }
    let block = world.block("192.168.10.0", 24).await;
    assert_eq!(world.done(&path, &[block]).await, json!(true));
    let listed = shown(&world, id).await["customerSubnets"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn applies_and_edits_at_once_take_turns_and_none_is_lost() {
    let world = World::new().await;
    let id = world.complete().await;
    let path = |method: &str| format!("Network_Tunnel_Module_Context/{id}/{method}.json");
    let (apply, edited) = (path("applyConfigurationsToDevice"), path("editObject"));
    let edit = async |template: Value| world.done(&edited, &[template]).await;
    let yes = json!(true);
    let done = tokio::join!(
        world.done(&apply, &[]),
        edit(json!({"friendlyName": "both"})),
        world.done(&apply, &[]),
        edit(json!({"phaseOneKeylife": 777})),
        world.done(&apply, &[]),
    );
    assert_eq!(
        done,
        (yes.clone(), yes.clone(), yes.clone(), yes.clone(), yes)
    );
    let now = shown(&world, id).await;
    assert_eq!(
        (&now["friendlyName"], &now["phaseOneKeylife"]),
        (&json!("both"), &json!(777))
    );
    let contexts = world.control.tunnel_contexts(&world.demo).await.unwrap();
    let made = world
        .control
        .connections_of_gateway(&world.demo, contexts[0].gateway);
    assert_eq!(made.await.unwrap().len(), 1);
}
