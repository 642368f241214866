//! Every refusal of the catalogue that is about site connections, by its exact status, type and message, against what the
//! real service was recorded to say.

#![expect(clippy::too_many_lines, reason = "tables")]

use crate::world::cases::{Cases, bad};
use crate::world::rows::connection;
use crate::world::{Who, World, with};
use serde_json::{Value, json};

#[tokio::test]
async fn connection_attributes() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    let invalid = |name: &str, reason: &str| format!("Invalid input for {name}. Reason: {reason}.");
    for name in [
        "vpnservice_id",
        "ikepolicy_id",
        "ipsecpolicy_id",
        "peer_address",
        "peer_id",
        "psk",
    ] {
        let message = format!("Failed to parse request. Required attribute '{name}' not specified");
        cases.conn("missing", &json!({name: null}), bad(&message));
        if name.ends_with("_id") && name != "peer_id" {
            let message = invalid(name, "'zz' is not a valid UUID");
            cases.conn("no uuid", &json!({name: "zz"}), bad(&message));
        }
    }
    for (change, message) in [
        (
            json!({"peer_address": 5}),
            invalid("peer_address", "'5' is not a valid string"),
        ),
        (
            json!({"psk": 5}),
            invalid("psk", "'5' is not a valid string"),
        ),
        (
            json!({"mtu": -100}),
            invalid("mtu", "'-100' should be non-negative"),
        ),
        (
            json!({"dpd": "x"}),
            invalid("dpd", "'x' is not a dictionary"),
        ),
        (
            json!({"dpd": {"foo": 1}}),
            invalid("dpd", "Unexpected keys supplied: foo"),
        ),
        (
            json!({"dpd": {"interval": -1}}),
            invalid("dpd", "'-1' should be non-negative"),
        ),
        (
            json!({"dpd": {"interval": "a"}}),
            invalid("dpd", "'a' is not an integer"),
        ),
        (
            json!({"dpd": {"action": "no"}}),
            invalid("dpd", "no is not in valid_values"),
        ),
        (
            json!({"initiator": "no"}),
            invalid("initiator", "no is not in valid_values"),
        ),
        (
            json!({"auth_mode": "psk"}),
            "Attribute 'auth_mode' not allowed in POST".to_owned(),
        ),
        (
            json!({"route_mode": "static"}),
            "Attribute 'route_mode' not allowed in POST".to_owned(),
        ),
        (
            json!({"foo": "bar"}),
            "Unrecognized attribute(s) 'foo'".to_owned(),
        ),
        (
            json!({"local_ep_group_id": "zz"}),
            invalid("local_ep_group_id", "'zz' is not a valid UUID"),
        ),
    ] {
        cases.conn("attribute", &change, bad(&message));
    }
    for (change, message) in [
        (
            json!({"mtu": "big"}),
            "Invalid input for operation: 'big' is not an integer.",
        ),
        (
            json!({"admin_state_up": "x"}),
            "Invalid input for operation: 'x' cannot be converted to boolean.",
        ),
    ] {
        cases.conn("conversion", &change, (400, "InvalidInput", message));
    }
    for (cidrs, reason) in [
        (
            json!(["192.168.2.0/24", "10/8"]),
            "'10/8' is not a valid IP subnet",
        ),
        (json!("myname"), "'myname' is not a valid IP subnet"),
        (
            json!(["1.0.0.0/33"]),
            "'1.0.0.0/33' is not a valid IP subnet",
        ),
        (
            json!(["10.1.0.0/24", "10.1.0.0/24"]),
            "Duplicate items in the list: '10.1.0.0/24'",
        ),
    ] {
        let message = invalid("peer_cidrs", reason);
        cases.legacy("peer CIDRs", &json!({"peer_cidrs": cidrs}), bad(&message));
    }
    cases.walk(&world).await;
    let text = json!({"ipsec_site_connection": connection()}).to_string();
    let null = text.replace("\"psk\":\"secret\"", "\"psk\":null");
    let answer = world
        .ask(Who::Member, "POST /vpn/ipsec-site-connections", &null)
        .await;
    assert_eq!(
        answer.refused().2,
        invalid("psk", "'None' is not a valid string")
    );
}

#[tokio::test]
async fn connection_references() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for (name, kind, message) in [
        (
            "vpnservice_id",
            "VPNServiceNotFound",
            "VPNService $none could not be found",
        ),
        (
            "ikepolicy_id",
            "IKEPolicyNotFound",
            "IKEPolicy $none could not be found",
        ),
        (
            "ipsecpolicy_id",
            "IPsecPolicyNotFound",
            "IPsecPolicy $none could not be found",
        ),
        (
            "local_ep_group_id",
            "VPNEndpointGroupNotFound",
            "Endpoint group $none could not be found",
        ),
        (
            "peer_ep_group_id",
            "VPNEndpointGroupNotFound",
            "Endpoint group $none could not be found",
        ),
    ] {
        cases.conn("unknown", &json!({name: "$none"}), (404, kind, message));
    }
    cases.conn(
        "the IPsec policy is looked for first",
        &json!({"ipsecpolicy_id": "$foreign_ipsec", "ikepolicy_id": "$none", "vpnservice_id": "$none"}),
        (404, "IPsecPolicyNotFound", "IPsecPolicy $foreign_ipsec could not be found"),
    );
    cases.conn(
        "the service is looked for second",
        &json!({"ikepolicy_id": "$none", "vpnservice_id": "$foreign_svc"}),
        (
            404,
            "VPNServiceNotFound",
            "VPNService $foreign_svc could not be found",
        ),
    );
    cases.conn(
        "AH around ESP",
        &json!({"ipsecpolicy_id": "$ah_esp", "vpnservice_id": "$none"}),
        (
            400,
            "IpsecValidationFailure",
            "IPSec does not support IPsec Policy attribute transform_protocol with value 'ah-esp'",
        ),
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn transport_mode_is_between_the_two_ends_themselves() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let policy = json!({"encapsulation_mode": "transport", "transform_protocol": "ah"});
    world.make("transport", "ipsecpolicy", policy).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let network = world.get("/networks/$ext").await;
    let outside = text(&network.ok(200)["subnets"][0]);
    let service = world.get("/vpn/vpnservices/$svc").await;
    let own = text(&service.ok(200)["external_v4_ip"]);
    let group = json!({"type": "subnet", "endpoints": [outside]});
    world.make("le_own", "endpoint_group", group).await;
    let group = json!({"type": "cidr", "endpoints": ["203.0.113.200/32"]});
    world.make("pe_host", "endpoint_group", group).await;
    let mut cases = Cases::default();
    let message = format!(
        "IPSec does not support IPsec Policy attribute encapsulation_mode with value 'transport' \
         but between {own}/32 and 203.0.113.200/32, the two ends' own addresses: use a peer \
         endpoint group of the latter, and a local one of the external network's subnet"
    );
    for groups in [
        json!({}),
        json!({"peer_ep_group_id": "$pe_host"}),
        json!({"local_ep_group_id": "$le_own"}),
    ] {
        let change = with(json!({"ipsecpolicy_id": "$transport"}), &groups);
        let refusal = (400, "IpsecValidationFailure", &*message);
        cases.conn("other blocks", &change, refusal);
    }
    let hosts = json!({"local_ep_group_id": "$le_own", "peer_ep_group_id": "$pe_host"});
    let router = world.fill("$router");
    cases.conn(
        "tunnel mode has no such end",
        &hosts,
        (
            400,
            "SubnetIsNotConnectedToRouter",
            &format!("Subnet {outside} is not connected to Router {router}"),
        ),
    );
    cases.walk(&world).await;
    let mut wished = with(connection(), &hosts);
    wished["ipsecpolicy_id"] = json!("$transport");
    world.make("hosts", "ipsec_site_connection", wished).await;
}

#[tokio::test]
async fn connection_ends() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    let no_cidrs = (
        400,
        "MissingPeerCidrs",
        "Missing peer CIDRs for IPsec site-to-site connection: the VPN service has a subnet",
    );
    let groups = json!({"local_ep_group_id": "$le", "peer_ep_group_id": "$pe"});
    cases.legacy("no peer CIDRs", &json!({"peer_cidrs": null}), no_cidrs);
    cases.legacy("empty peer CIDRs", &json!({"peer_cidrs": []}), no_cidrs);
    cases.legacy(
        "groups instead",
        &with(groups.clone(), &json!({"peer_cidrs": []})),
        no_cidrs,
    );
    for (change, which) in [
        (groups, "groups local and peer"),
        (json!({"local_ep_group_id": "$le"}), "group local"),
        (json!({"peer_ep_group_id": "$pe"}), "group peer"),
    ] {
        let message =
            format!("Endpoint {which} cannot be specified, when VPN Service has subnet specified");
        cases.legacy(
            "groups too",
            &change,
            (400, "InvalidEndpointGroup", &message),
        );
    }
    cases.conn(
        "peer CIDRs too",
        &json!({"peer_cidrs": ["10.30.0.0/24"]}),
        (
            400,
            "PeerCidrsInvalid",
            "Peer CIDRs cannot be specified, when using endpoint groups",
        ),
    );
    for (change, which) in [
        (
            json!({"local_ep_group_id": null, "peer_ep_group_id": null}),
            "groups local and peer",
        ),
        (json!({"local_ep_group_id": null}), "group local"),
        (json!({"peer_ep_group_id": null}), "group peer"),
    ] {
        let message = format!("Missing endpoint {which} for IPSec site-to-site connection");
        cases.conn(
            "no group",
            &change,
            (400, "MissingRequiredEndpointGroup", &message),
        );
    }
    for (change, kind, message) in [
        (
            json!({"local_ep_group_id": "$pe"}),
            "WrongEndpointGroupType",
            "Endpoint group $pe type is 'cidr' and should be 'subnet'",
        ),
        (
            json!({"peer_ep_group_id": "$le"}),
            "WrongEndpointGroupType",
            "Endpoint group $le type is 'subnet' and should be 'cidr'",
        ),
        (
            json!({"peer_ep_group_id": "$vlan"}),
            "WrongEndpointGroupType",
            "Endpoint group $vlan type is 'vlan' and should be 'cidr'",
        ),
        (
            json!({"local_ep_group_id": "$le_off"}),
            "SubnetIsNotConnectedToRouter",
            "Subnet $off is not connected to Router $router",
        ),
        (
            json!({"local_ep_group_id": "$le_mixed"}),
            "MixedIPVersionsForIPSecEndpoints",
            "Endpoints in group $le_mixed do not have the same IP version, as required for IPSec site-to-site connection",
        ),
        (
            json!({"peer_ep_group_id": "$pe_mixed"}),
            "MixedIPVersionsForIPSecEndpoints",
            "Endpoints in group $pe_mixed do not have the same IP version, as required for IPSec site-to-site connection",
        ),
        (
            json!({"peer_ep_group_id": "$pe6"}),
            "MixedIPVersionsForIPSecConnection",
            "IP versions are not compatible between peer and local endpoints",
        ),
    ] {
        cases.conn("groups", &change, (400, kind, message));
    }
    for (cidrs, kind, message) in [
        (
            json!(["10.1.0.0/24", "fd00::/64"]),
            "MixedIPVersionsForPeerCidrs",
            "Peer CIDRs do not have the same IP version, as required for IPSec site-to-site connection",
        ),
        (
            json!(["fd00::/64"]),
            "MixedIPVersionsForIPSecConnection",
            "IP versions are not compatible between peer and local endpoints",
        ),
    ] {
        cases.legacy(
            "versions",
            &json!({"peer_cidrs": cidrs}),
            (400, kind, message),
        );
    }
    cases.walk(&world).await;
}

const DPD: (u16, &str, &str) = (
    400,
    "IPsecSiteConnectionDpdIntervalValueError",
    "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval",
);

#[tokio::test]
async fn connection_values() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let mut cases = Cases::default();
    for dpd in [
        json!({"interval": 100, "timeout": 100}),
        json!({"interval": 100, "timeout": 99}),
        json!({"interval": 120}),
        json!({"timeout": 30}),
    ] {
        cases.conn("dpd", &json!({"dpd": dpd}), DPD);
    }
    let six = json!({"local_ep_group_id": "$le6", "peer_ep_group_id": "$pe6"});
    for (change, message) in [
        (
            json!({"mtu": 67}),
            "ipsec_site_connection MTU 67 is too small for ipv4",
        ),
        (
            with(six, &json!({"mtu": 1279})),
            "ipsec_site_connection MTU 1279 is too small for ipv6",
        ),
    ] {
        cases.conn(
            "mtu",
            &change,
            (400, "IPsecSiteConnectionMtuError", message),
        );
    }
    for address in ["no-such-host.invalid", ""] {
        let message = format!("Peer address {address} cannot be resolved");
        let refusal = (400, "VPNPeerAddressNotResolved", message.as_str());
        cases.conn("host", &json!({"peer_address": address}), refusal);
    }
    let nobody = [
        ("::", "no address"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("127.0.0.1", "loopback"),
        ("169.254.7.7", "link-local"),
        ("fe80::7", "link-local"),
    ];
    for (address, what) in nobody {
        let message = format!(
            "Invalid input for peer_address. Reason: {address} can't be the address of a peer: it is {what}."
        );
        let refusal = (400, "HTTPBadRequest", message.as_str());
        cases.conn("nobody", &json!({"peer_address": address}), refusal);
    }
    let message = "Invalid input for peer_address. Reason: 127.0.0.1 can't be the address of a peer: it is loopback.";
    let refusal = (400, "HTTPBadRequest", message);
    cases.conn("a name", &json!({"peer_address": "localhost"}), refusal);
    let message = "Invalid input for peer_address. Reason: '198.051.100.219' is not an address: \
                   an IPv4 address is four decimal numbers without zeros before them.";
    let refusal = (400, "HTTPBadRequest", message);
    cases.conn(
        "octal",
        &json!({"peer_address": "198.051.100.219"}),
        refusal,
    );
    cases.conn(
        "no address of the peer's version",
        &json!({"peer_address": "2001:db8::5"}),
        (
            400,
            "ExternalNetworkHasNoSubnet",
            "Router's $router external network has no IPv6 subnet",
        ),
    );
    cases.conn(
        "dpd before mtu before the address",
        &json!({"dpd": {"timeout": 1}, "mtu": 1, "peer_address": ""}),
        DPD,
    );
    cases.walk(&world).await;
}

#[tokio::test]
async fn connection_changes() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status("/vpn/vpnservices/$svc", "ACTIVE").await;
    world.until_down().await;
    let conn = |object: Value| ("ipsec_site_connection", "$conn", object);
    let legacy = |object: Value| ("ipsec_site_connection", "$conn_legacy", object);
    let mut cases = Cases::default();
    for ((kind, id, object), refusal) in [
        (conn(json!({"dpd": {"timeout": 30}})), DPD),
        (
            conn(json!({"local_ep_group_id": null})),
            (
                400,
                "MissingRequiredEndpointGroup",
                "Missing endpoint group local for IPSec site-to-site connection",
            ),
        ),
        (
            conn(json!({"peer_cidrs": ["10.0.0.0/24"]})),
            (
                400,
                "PeerCidrsInvalid",
                "Peer CIDRs cannot be specified, when using endpoint groups",
            ),
        ),
        (
            conn(json!({"mtu": 60})),
            (
                400,
                "IPsecSiteConnectionMtuError",
                "ipsec_site_connection MTU 60 is too small for ipv4",
            ),
        ),
        (
            conn(json!({"peer_address": "2001:db8::1"})),
            (
                400,
                "ExternalNetworkHasNoSubnet",
                "Router's $router external network has no IPv6 subnet",
            ),
        ),
        (
            legacy(json!({"peer_cidrs": []})),
            (
                400,
                "MissingPeerCidrs",
                "Missing peer CIDRs for IPsec site-to-site connection: the VPN service has a subnet",
            ),
        ),
        (
            legacy(json!({"local_ep_group_id": "$le", "peer_ep_group_id": "$pe"})),
            (
                400,
                "InvalidEndpointGroup",
                "Endpoint groups local and peer cannot be specified, when VPN Service has subnet specified",
            ),
        ),
    ] {
        cases.put("change", (kind, id, &object), refusal);
    }
    cases.walk(&world).await;
}
