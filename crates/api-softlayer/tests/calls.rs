//! Every call: what it answers, and that it answers nobody else.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

/// Calls that are answered: of which object, with which arguments, and whether the answer is right.
type Row = (&'static str, Vec<Value>, fn(&Value) -> bool);

/// Calls on a context: `{c}` is its number, `{b}` its billing item's, `{s}` a subnet's, `{k}` a customer subnet's and `{t}` a
/// translation's.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn answered(subnet: &Value, block: &Value, service: &Value, translation: &Value) -> Vec<Row> {
    let is_true: fn(&Value) -> bool = |value| *value == json!(true);
    let is_empty: fn(&Value) -> bool = |value| *value == json!([]);
    let is_one: fn(&Value) -> bool = |value| value.as_array().is_some_and(|all| all.len() == 1);
    let (s, k) = (vec![subnet.clone()], vec![json!(block.to_string())]);
    let (v, t) = (vec![service.clone()], vec![translation["id"].clone()]);
    let other = |host: u8| json!({"internalIpAddress": format!("10.1.255.{host}"), "customerIpAddress": format!("192.168.10.{host}")});
    let changed = json!({"id": translation["id"], "notes": "mail"});
    vec![
        ("Account/getObject.json", vec![], |value| {
            value["id"].is_u64()
        }),
        ("Account/getNetworkTunnelContexts.json", vec![], is_one),
        ("Account/getSubnets.json", vec![], is_one),
        ("Account/getPrivateSubnets.json", vec![], is_one),
        ("Network_Subnet/{s}/getObject.json", vec![], |value| {
            value["networkIdentifier"] == "10.0.0.0" && value["netmask"] == "255.255.255.0"
        }),
        (
            "Network_Customer_Subnet/{k}/getObject.json",
            vec![],
            |value| value["networkIdentifier"] == "192.168.10.0" && value["cidr"] == 24,
        ),
        ("Billing_Item/{b}/getObject.json", vec![], |value| {
            value["id"].is_u64()
        }),
        (
            "Network_Tunnel_Module_Context/{c}/getObject.json",
            vec![],
            |value| value["phaseOneEncryption"] == "3DES" && value.get("customerSubnets").is_none(),
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getObject.json",
            vec![],
            |value| value["internalPeerIpAddress"].is_string() && value["presharedKey"].is_string(),
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getAccount.json",
            vec![],
            |value| value["id"].is_u64(),
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getBillingItem.json",
            vec![],
            |value| value["id"].is_u64(),
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getDatacenter.json",
            vec![],
            |value| value["name"] == "dal10",
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getAddressTranslations.json",
            vec![],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getAllAvailableServiceSubnets.json",
            vec![],
            |value| value[0]["networkIdentifier"] == "10.0.64.0" && value[0]["cidr"] == 19,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getServiceSubnets.json",
            vec![],
            is_empty,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getStaticRouteSubnets.json",
            vec![],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getCustomerSubnets.json",
            vec![],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getInternalSubnets.json",
            vec![],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getAddressTranslationConfigurations.json",
            vec![],
            |value| value == "10.1.255.88        web\n",
        ),
        (
            "Network_Tunnel_Module_Context/{c}/downloadAddressTranslationConfigurations.json",
            vec![],
            |value| value["content"] == "10.1.255.88        web\n",
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getParameterConfigurationsForCustomerView.json",
            vec![],
            |value| {
                value
                    .as_str()
                    .is_some_and(|text| text.contains("Customer Peer IP: 198.51.100.7\n"))
            },
        ),
        (
            "Network_Tunnel_Module_Context/{c}/downloadParameterConfigurations.json",
            vec![],
            |value| value["contentType"] == "text/plain",
        ),
        (
            "Network_Tunnel_Module_Context/{c}/editObject.json",
            vec![json!({"friendlyName": "x"})],
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/createAddressTranslation.json",
            vec![other(89)],
            |value| value["internalIpAddressId"] == 0x0a01_ff59,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/createAddressTranslations.json",
            vec![json!([other(90)])],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/editAddressTranslation.json",
            vec![changed.clone()],
            |value| value["notes"] == "mail",
        ),
        (
            "Network_Tunnel_Module_Context/{c}/editAddressTranslations.json",
            vec![json!([changed])],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/addServiceSubnetToNetworkTunnel.json",
            v.clone(),
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/getServiceSubnets.json",
            vec![],
            is_one,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/applyConfigurationsToDevice.json",
            vec![],
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/removeServiceSubnetFromNetworkTunnel.json",
            v,
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/deleteAddressTranslation.json",
            t,
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/addPrivateSubnetToNetworkTunnel.json",
            s.clone(),
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/addCustomerSubnetToNetworkTunnel.json",
            k.clone(),
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/removePrivateSubnetFromNetworkTunnel.json",
            s,
            is_true,
        ),
        (
            "Network_Tunnel_Module_Context/{c}/removeCustomerSubnetFromNetworkTunnel.json",
            k,
            is_true,
        ),
        (
            "Billing_Item/{b}/cancelItem.json",
            vec![json!(true), json!("0"), json!("no more")],
            is_true,
        ),
        ("Billing_Item/{b}/cancelService.json", vec![], is_true),
    ]
}

#[tokio::test]
async fn each_call_answers_its_own_account_and_nobody_else() {
    let world = World::new().await;
    let id = world.complete().await;
    let billing = format!("Network_Tunnel_Module_Context/{id}/getBillingItem.json");
    let billing = world.done(&billing, &[]).await["id"].clone();
    let subnet = world.done("Account/getSubnets.json", &[]).await[0]["id"].clone();
    let block = format!("Network_Tunnel_Module_Context/{id}/getCustomerSubnets.json");
    let block = world.done(&block, &[]).await[0]["id"].clone();
    let service = format!("Network_Tunnel_Module_Context/{id}/getAllAvailableServiceSubnets.json");
    let service = world.done(&service, &[]).await[0]["id"].clone();
    let new = json!({"internalIpAddress": "10.1.255.88", "customerIpAddress": "192.168.10.15", "notes": "web"});
    let translation = format!("Network_Tunnel_Module_Context/{id}/createAddressTranslation.json");
    let translation = world.done(&translation, &[new]).await;
    for (path, arguments, is_right) in answered(&subnet, &block, &service, &translation) {
        let has_object = path.contains('{');
        let path = path
            .replace("{c}", &id.to_string())
            .replace("{b}", &billing.to_string())
            .replace("{s}", &subnet.to_string())
            .replace("{k}", &block.to_string());
        let body = json!({"parameters": arguments});
        if has_object {
            let (status, value) = world
                .rest(&world.foreign, "POST", &path, Some(body.clone()))
                .await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {value}");
            assert_eq!(
                value["code"], "SoftLayer_Exception_ObjectNotFound",
                "{path}"
            );
        }
        let (status, value) = world.rest("nobody's", "POST", &path, Some(body)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}: {value}");
        let (status, value) = world
            .call(&path, &[json!(1), json!(1), json!(1), json!(1), json!(1)])
            .await;
        assert!(status.is_client_error(), "{path}: {value}");
        let value = world.done(&path, &arguments).await;
        assert!(is_right(&value), "{path}: {value}");
    }
    assert_eq!(
        world
            .done("Account/getNetworkTunnelContexts.json", &[])
            .await,
        json!([])
    );
    assert!(
        world
            .control
            .tunnel_contexts(&world.demo)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_about_nobody_is_answered_to_everybody_known() {
    let world = World::new().await;
    let context = "Network_Tunnel_Module_Context";
    let table = [
        ("getAuthenticationDefault", json!("MD5")),
        ("getAuthenticationOptions", json!(["MD5", "SHA1", "SHA256"])),
        ("getDiffieHellmanGroupDefault", json!(2)),
        ("getDiffieHellmanGroupOptions", json!([0, 1, 2, 5])),
        ("getEncryptionDefault", json!("3DES")),
        (
            "getEncryptionOptions",
            json!(["DES", "3DES", "AES128", "AES192", "AES256"]),
        ),
        (
            "getKeylifeLimits",
            json!({"minimum": 120, "maximum": 172_800}),
        ),
        ("getPhaseOneKeylifeDefault", json!(3600)),
        ("getPhaseTwoKeylifeDefault", json!(28_800)),
    ];
    for (method, expected) in table {
        let value = world.done(&format!("{context}/{method}.json"), &[]).await;
        assert_eq!(value, expected, "{method}");
    }
    let found = world.done(
        "Location/getDatacenters.json?objectMask=mask[id,name,regions[keyname]]",
        &[],
    );
    let expected = json!([{"id": 1, "name": "dal10", "regions": [{"keyname": "DAL10"}]}]);
    assert_eq!(found.await, expected);
    let found = world
        .done("Location_Datacenter/1/getObject.json", &[])
        .await;
    assert_eq!(found["name"], "dal10");
    let found = world
        .done("Product_Package/getAllObjects.json?objectMask=id", &[])
        .await;
    assert_eq!(found, json!([{"id": 0}]));
    let items = world.done(
        "Product_Package/0/getItems.json?objectMask=keyName,prices[categories]",
        &[],
    );
    let items = items.await;
    assert_eq!(items[0]["keyName"], "IPSEC_STANDARD");
    assert_eq!(items[0]["prices"][0]["locationGroupId"], Value::Null);
    let found = world
        .done("Product_Package/0/getItemPrices.json", &[])
        .await;
    assert_eq!(found[0]["id"], 1);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn what_is_not_there_is_told_by_its_name() {
    let world = World::new().await;
    let id = world.ordered().await;
    let context = format!("Network_Tunnel_Module_Context/{id}");
    let not_found = "SoftLayer_Exception_ObjectNotFound";
    let unknown = "SoftLayer_Exception_NotFound";
    let invalid = "SoftLayer_Exception_InvalidValue";
    let public = "SoftLayer_Exception_Public";
    let missing = "SoftLayer_Exception_MissingParameter";
    let nine = || vec![json!(999_999)];
    let translation =
        || vec![json!({"internalIpAddress": "10.1.255.92", "customerIpAddress": "192.168.10.15"})];
    let table: Vec<(String, Vec<Value>, &str)> = vec![
        ("Nothing/getObject.json".into(), vec![], unknown),
        ("Account/getNothing.json".into(), vec![], unknown),
        ("Account/999999/getObject.json".into(), vec![], not_found),
        ("Account/1/2/getObject.json".into(), vec![], unknown),
        ("Network_Subnet/getObject.json".into(), vec![], not_found),
        (
            "Network_Subnet/999999/getObject.json".into(),
            vec![],
            not_found,
        ),
        (
            "Network_Subnet/99999999999/getObject.json".into(),
            vec![],
            not_found,
        ),
        (
            format!("Network_Subnet/{id}/getObject.json"),
            vec![],
            not_found,
        ),
        (
            "Network_Tunnel_Module_Context/getObject.json".into(),
            vec![],
            not_found,
        ),
        (format!("{context}/getNothing.json"), vec![], unknown),
        (
            format!("{context}/addPrivateSubnetToNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/addPrivateSubnetToNetworkTunnel.json"),
            vec![json!("x")],
            invalid,
        ),
        (
            format!("{context}/addPrivateSubnetToNetworkTunnel.json"),
            vec![],
            missing,
        ),
        (
            format!("{context}/removePrivateSubnetFromNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/addCustomerSubnetToNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/removeCustomerSubnetFromNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/addServiceSubnetToNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/removeServiceSubnetFromNetworkTunnel.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/deleteAddressTranslation.json"),
            nine(),
            not_found,
        ),
        (
            format!("{context}/createAddressTranslation.json"),
            translation(),
            invalid,
        ),
        (
            format!("{context}/createAddressTranslations.json"),
            vec![json!(translation())],
            invalid,
        ),
        (
            format!("{context}/editAddressTranslation.json"),
            translation(),
            missing,
        ),
        (
            format!("{context}/editAddressTranslations.json"),
            vec![json!(translation())],
            missing,
        ),
        (
            format!("{context}/applyConfigurationsToDevice.json"),
            vec![],
            invalid,
        ),
        (format!("{context}/editObject.json"), vec![], missing),
        (
            format!("{context}/editObject.json"),
            vec![json!("x")],
            invalid,
        ),
        (
            "Billing_Item/999999/cancelItem.json".into(),
            vec![json!(true), json!(true)],
            not_found,
        ),
        ("Product_Package/7/getItems.json".into(), vec![], not_found),
        ("Product_Package/0/getNothing.json".into(), vec![], unknown),
        ("Location/7/getObject.json".into(), vec![], not_found),
        (
            "Network_Customer_Subnet/createObject.json".into(),
            vec![json!({})],
            missing,
        ),
        (
            "Network_Customer_Subnet/createObject.json".into(),
            vec![json!({"networkIdentifier": "192.168.10.1", "cidr": 24})],
            invalid,
        ),
        (
            "Network_Customer_Subnet/createObject.json".into(),
            vec![json!({"networkIdentifier": "192.168.10.0", "cidr": 33})],
            invalid,
        ),
        (
            "Network_Customer_Subnet/createObject.json".into(),
            vec![json!({"networkIdentifier": "192.168.10.0", "cidr": 24, "accountId": 999_999})],
            not_found,
        ),
        (
            "Network_Customer_Subnet/createObject.json".into(),
            vec![json!({"networkIdentifier": "192.168.10.0", "cidr": 24, "color": "red"})],
            invalid,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0})],
            missing,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 1, "prices": [{"id": 1}]})],
            public,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0, "prices": []})],
            public,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0, "prices": [{"id": 2}]})],
            public,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0, "prices": [{"id": 1}], "quantity": 2})],
            public,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0, "prices": [{"id": 1}], "virtualGuests": []})],
            invalid,
        ),
        (
            "Product_Order/placeOrder.json".into(),
            vec![json!({"packageId": 0, "prices": [{"id": 1}]}), json!(true)],
            public,
        ),
        (
            "Account/getSubnets.json?objectMask=mask[".into(),
            vec![],
            invalid,
        ),
        (
            "Account/getSubnets.json?objectFilter=[".into(),
            vec![],
            invalid,
        ),
        (
            "Account/getSubnets.json?resultLimit=x".into(),
            vec![],
            invalid,
        ),
    ];
    for (path, arguments, code) in table {
        let (status, value) = world.call(&path, &arguments).await;
        assert!(status.is_client_error(), "{path}: {status} {value}");
        assert_eq!(value["code"], code, "{path}: {value}");
        assert!(
            value["error"].as_str().is_some_and(|text| !text.is_empty()),
            "{path}: {value}"
        );
    }
    for body in [json!([]), json!({"x": 1}), json!({"parameters": 1})] {
        let (status, value) = world
            .rest(&world.key, "POST", "Account/getSubnets.json", Some(body))
            .await;
        assert_eq!(
            (status, &value["code"]),
            (StatusCode::BAD_REQUEST, &json!("-32700")),
            "{value}"
        );
    }
    // None of it left anything behind.
    let left = world.control.tunnel_contexts(&world.demo).await.unwrap();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn an_order_is_verified_without_being_placed_and_verbs_stand_for_methods() {
    let world = World::new().await;
    let order = json!({"packageId": "0", "prices": [{"id": "1"}], "quantity": 1});
    let verified = world.done("Product_Order/verifyOrder.json", &[order]).await;
    assert_eq!(verified["prices"], json!([{"id": 1}]));
    assert!(
        world
            .control
            .tunnel_contexts(&world.demo)
            .await
            .unwrap()
            .is_empty()
    );

    let template = json!({"parameters": [{"networkIdentifier": "192.168.10.0", "cidr": 24}]});
    let made = world
        .rest(
            &world.key,
            "POST",
            "Network_Customer_Subnet",
            Some(template.clone()),
        )
        .await;
    let id = made.1["id"].clone();
    let again = world
        .rest(
            &world.key,
            "POST",
            "Network_Customer_Subnet.json",
            Some(template),
        )
        .await;
    assert_eq!(again.1["id"], id);
    let path = format!("Network_Customer_Subnet/{id}.json");
    assert_eq!(
        world.rest(&world.key, "DELETE", &path, None).await.1,
        json!(true)
    );
    let (status, _) = world.rest(&world.key, "GET", &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let id = world.complete().await;
    let path = format!("Network_Tunnel_Module_Context/{id}.json");
    let body = json!({"parameters": [{"friendlyName": "put"}]});
    let (status, value) = world.rest(&world.key, "PUT", &path, Some(body)).await;
    assert_eq!((status, value), (StatusCode::OK, json!(true)));
    assert_eq!(world.done(&path, &[]).await["friendlyName"], "put");
    // What a context lists stays known.
    let listed = world
        .done(&path.replace(".json", "/getCustomerSubnets.json"), &[])
        .await;
    let path = format!("Network_Customer_Subnet/{}.json", listed[0]["id"]);
    let (status, value) = world.rest(&world.key, "DELETE", &path, None).await;
    assert_eq!(
        (status, &value["code"]),
        (
            StatusCode::BAD_REQUEST,
            &json!("SoftLayer_Exception_Public")
        )
    );
}

#[tokio::test]
async fn a_translation_is_made_changed_and_taken_away() {
    let world = World::new().await;
    let id = world.complete().await;
    let context = format!("Network_Tunnel_Module_Context/{id}");
    let path = |method: &str| format!("{context}/{method}.json");
    let subnets = world.done(&path("getStaticRouteSubnets"), &[]).await;
    assert_eq!(subnets[0]["networkIdentifier"], "10.1.255.88");
    let new = json!({"internalIpAddress": "10.1.255.88", "customerIpAddress": "192.168.10.15", "notes": "web"});
    let made = world
        .done(
            &path("createAddressTranslation"),
            std::slice::from_ref(&new),
        )
        .await;
    assert_eq!(made["internalIpAddressId"], 167_903_064);
    let (status, value) = world.call(&path("createAddressTranslation"), &[new]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{value}");
    let shown = format!(
        "{context}.json?objectMask=mask[addressTranslations[internalIpAddressRecord[ipAddress],customerIpAddressRecord]]"
    );
    let one = &world.done(&shown, &[]).await["addressTranslations"][0];
    assert_eq!(
        one["internalIpAddressRecord"],
        json!({"ipAddress": "10.1.255.88"})
    );
    assert_eq!((&one["id"], &one["notes"]), (&made["id"], &json!("web")));
    // As the client sends it: the other side by its number.
    let edit = json!({
        "id": made["id"], "networkTunnelContextId": id, "notes": "mail", "customerIpAddress": "192.168.10.16",
        "internalIpAddress": "10.1.255.88", "internalIpAddressId": 167_903_064,
    });
    let edited = world
        .done(&path("editAddressTranslation"), std::slice::from_ref(&edit))
        .await;
    assert_eq!(edited["id"], made["id"]);
    assert_eq!(edited["customerIpAddressId"], 3_232_238_096_u64);
    let hosts = world
        .done(&path("getAddressTranslationConfigurations"), &[])
        .await;
    assert_eq!(hosts, "10.1.255.88        mail\n");
    for (wrong, name) in [
        (json!({"internalIpAddressId": 1}), "different"),
        (
            json!({"internalIpAddress": "10.1.255.200", "internalIpAddressId": null}),
            "assigned",
        ),
        (
            json!({"customerIpAddress": "192.168.11.1"}),
            "customer subnets",
        ),
        (json!({"customerIpAddress": "web"}), "customerIpAddress"),
        (json!({"notes": "a\nb"}), "notes"),
        (json!({"port": 80}), "port"),
        (json!({"id": 999_999}), "999999"),
    ] {
        let template = adit_api_testing::with(edit.clone(), &wrong);
        let (status, value) = world
            .call(&path("editAddressTranslation"), &[template])
            .await;
        assert!(status.is_client_error(), "{wrong}: {value}");
        assert!(
            value["error"].as_str().unwrap().contains(name),
            "{wrong}: {value}"
        );
    }
    taken_away(&world, &context, &made["id"]).await;
}

/// Several are made at once or none, nobody else takes one away, and who does takes it away once.
async fn taken_away(world: &World, context: &str, id: &Value) {
    let path = |method: &str| format!("{context}/{method}.json");
    // Two at once, or none of them.
    let two = json!([
        {"internalIpAddress": "10.1.255.89", "customerIpAddress": "192.168.10.1"},
        {"internalIpAddress": "10.1.255.88", "customerIpAddress": "192.168.10.2"},
    ]);
    let (status, _) = world.call(&path("createAddressTranslations"), &[two]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        world
            .done(&path("getAddressTranslations"), &[])
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let foreign = path("deleteAddressTranslation");
    let body = json!({"parameters": [id]});
    let (status, _) = world
        .rest(&world.foreign, "POST", &foreign, Some(body))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        world.done(&foreign, std::slice::from_ref(id)).await,
        json!(true)
    );
    assert_eq!(
        world.done(&path("getAddressTranslations"), &[]).await,
        json!([])
    );
    let (status, _) = world.call(&foreign, std::slice::from_ref(id)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
