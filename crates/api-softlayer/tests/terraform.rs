//! What Terraform's `ibm_ipsec_vpn` asks for by softlayer-go, request by request: REST, with the types that its structures have.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

/// What is asked of a context when it is read.
const MASK: &str =
    "objectMask=mask%5BbillingItem.orderItem.order.id%2CserviceSubnets%2CstaticRouteSubnets%5D";

const CONTEXT: &str = "Network_Tunnel_Module_Context";

/// The order, as the client's structure is written.
fn order(location: &Value) -> Value {
    json!({
        "packageId": 0, "prices": [{"id": 1}], "quantity": 1, "location": location.to_string(),
        "complexType": "SoftLayer_Container_Product_Order_Network_Tunnel_Ipsec",
    })
}

/// Orders one, and finds it by its order.
async fn ordered(world: &World) -> Value {
    let filter = "objectFilter=%7B%22datacenters%22%3A%7B%22name%22%3A%7B%22operation%22%3A%22dal10%22%7D%7D%7D";
    let path = format!("Location/getDatacenters.json?objectMask=mask%5Bid%5D&{filter}");
    let datacenters = world.done(&path, &[]).await;
    assert_eq!(datacenters, json!([{"id": 1}]));
    let location = &datacenters[0]["id"];
    let groups = world.done("Location/1/getPriceGroups.json", &[]).await;
    assert_eq!(groups, json!([]));
    let mask = "objectMask=mask%5Bid%2Ccapacity%2Cdescription%2Cprices%5Bid%2ClocationGroupId%2Ccategories%5D%5D";
    let items = world
        .done(&format!("Product_Package/0/getItems.json?{mask}"), &[])
        .await;
    assert_eq!(items[0]["description"], "IPSEC - Standard");
    assert_eq!(items[0]["prices"][0]["id"], 1);

    let verified = world
        .done("Product_Order/verifyOrder.json", &[order(location)])
        .await;
    // It is a text in the client's structure, which reads nothing else.
    assert_eq!(verified["location"], "1");
    let arguments = [order(location), json!(false)];
    let placed = world
        .done("Product_Order/placeOrder.json", &arguments)
        .await;
    assert!(placed["orderDetails"]["location"].is_string(), "{placed}");
    let number = placed["orderId"].as_u64().unwrap();
    let found = |number: u64| {
        let filter = format!(
            "objectFilter=%7B%22networkTunnelContexts%22%3A%7B%22billingItem%22%3A%7B%22orderItem%22%3A%7B%22order%22%3A\
             %7B%22id%22%3A%7B%22operation%22%3A%22{number}%22%7D%7D%7D%7D%7D%7D"
        );
        format!("Account/getNetworkTunnelContexts.json?{MASK}&{filter}")
    };
    assert_eq!(world.done(&found(999_999), &[]).await, json!([]));
    let mut contexts = world.done(&found(number), &[]).await;
    assert_eq!(
        contexts[0]["billingItem"]["orderItem"]["order"]["id"],
        number
    );
    assert_eq!(contexts.as_array().unwrap().len(), 1);
    contexts[0].take()
}

#[tokio::test]
async fn a_tunnel_is_ordered_read_changed_and_cancelled_as_terraform_does() {
    let world = World::new().await;
    let made = ordered(&world).await;
    let id = made["id"].as_u64().unwrap();
    let object = format!("{CONTEXT}/{id}/getObject.json?{MASK}");
    let mut read = world.done(&object, &[]).await;
    for name in ["name", "internalPeerIpAddress", "presharedKey"] {
        assert!(read[name].is_string(), "{name}: {read}");
    }
    for name in [
        "id",
        "accountId",
        "phaseOneKeylife",
        "phaseTwoKeylife",
        "phaseOneDiffieHellmanGroup",
        "phaseTwoDiffieHellmanGroup",
        "phaseTwoPerfectForwardSecrecy",
        "advancedConfigurationFlag",
    ] {
        assert!(read[name].is_u64(), "{name}: {read}");
    }
    assert_eq!(read["staticRouteSubnets"][0]["cidr"], 30, "{read}");
    assert_eq!(read["serviceSubnets"], json!([]));
    assert!(read.get("customerSubnets").is_none(), "{read}");

    // The whole of it is sent back, with what is to be otherwise.
    for (name, value) in [
        ("customerPeerIpAddress", json!("198.51.100.7")),
        ("presharedKey", json!("terraform-key")),
        ("phaseOneAuthentication", json!("SHA256")),
        ("phaseOneEncryption", json!("AES256")),
        ("phaseOneDiffieHellmanGroup", json!(5)),
        ("phaseOneKeylife", json!(14_400)),
        ("phaseTwoEncryption", json!("AES192")),
        ("phaseTwoKeylife", json!(3600)),
    ] {
        read[name] = value;
    }
    let path = |method: &str| format!("{CONTEXT}/{id}/{method}.json");
    let edited = world
        .done(&path("editObject"), std::slice::from_ref(&read))
        .await;
    assert_eq!(edited, json!(true));
    assert_eq!(
        world.done(&object, &[]).await["phaseOneEncryption"],
        "AES256"
    );

    let subnets = world.done("Account/getSubnets.json", &[]).await;
    let services = world
        .done(&path("getAllAvailableServiceSubnets"), &[])
        .await;
    let remote =
        json!({"networkIdentifier": "192.168.10.0", "cidr": 24, "accountId": read["accountId"]});
    // The client names the context's number here, too, which says nothing.
    let remote = world
        .done(
            &format!("Network_Customer_Subnet/{id}/createObject.json"),
            &[remote],
        )
        .await;
    for (method, number) in [
        ("addPrivateSubnetToNetworkTunnel", &subnets[0]["id"]),
        ("addCustomerSubnetToNetworkTunnel", &remote["id"]),
        ("addServiceSubnetToNetworkTunnel", &services[0]["id"]),
    ] {
        let added = world
            .done(&path(method), std::slice::from_ref(number))
            .await;
        assert_eq!(added, json!(true), "{method}");
    }
    let new = json!({"customerIpAddress": "192.168.10.15", "internalIpAddress": "10.1.255.88", "notes": ""});
    let translation = world.done(&path("createAddressTranslation"), &[new]).await;
    assert!(translation["id"].is_u64(), "{translation}");
    assert_eq!(
        world.done(&path("applyConfigurationsToDevice"), &[]).await,
        json!(true)
    );
    let read = world.done(&object, &[]).await;
    assert_eq!(read["serviceSubnets"][0]["networkIdentifier"], "10.0.64.0");

    let item = world.done(&path("getBillingItem"), &[]).await["id"].clone();
    let cancelled = world
        .done(&format!("Billing_Item/{item}/cancelService.json"), &[])
        .await;
    assert_eq!(cancelled, json!(true));
    // By this it sees that the context is gone.
    let (status, said) = world.call(&object, &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{said}");
}
