//! Statuses, and why they are so; and what the operator can change.

use crate::world::{Who, World, path};
use adit_api_neutron::NeutronConfig;
use adit_control::{AgentEvent, CryptoProfile};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{GatewayObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{Reason, ReasonCode, Whose};
use serde_json::json;
use time::OffsetDateTime;

const CONN: &str = "/vpn/ipsec-site-connections/$conn";

fn reason(code: ReasonCode) -> Reason {
    Reason::new(
        code,
        Whose::Peer,
        OffsetDateTime::UNIX_EPOCH,
        "what was seen",
        "what to do",
    )
}

impl World {
    fn tunnel(&self, state: TunnelState, reasons: Vec<Reason>) {
        self.agent.say(AgentEvent::Tunnel {
            gateway: self.fill("$svc").parse().unwrap(),
            connection: self.fill("$conn").parse().unwrap(),
            observed: TunnelObserved {
                state,
                since: OffsetDateTime::now_utc(),
                reasons,
                ike_suite: None,
                ike_times: SaTimes::default(),
                children: Vec::new(),
                members: Vec::new(),
                traffic: Traffic::default(),
            },
        });
    }

    fn gateway(&self, status: GatewayStatus, reasons: Vec<Reason>) {
        let id = self.fill("$svc").parse().unwrap();
        let observed = GatewayObserved { status, reasons };
        self.agent.say(AgentEvent::Gateway { id, observed });
    }
}

#[tokio::test]
async fn a_connection_is_active_while_its_tunnel_is_up() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    world.tunnel(TunnelState::Up, Vec::new());
    world.until_status(CONN, "ACTIVE").await;
    let shown = world.get(CONN).await;
    let reasons = &shown.ok(200)["status_reasons"];
    // The defaults of policies are weak, and that is told while all works.
    assert_eq!(reasons[0]["code"], "weak_algorithm", "{reasons}");
    for member in ["message", "evidence", "next_step", "whose", "since"] {
        assert!(reasons[0][member].is_string(), "{member} of {reasons}");
    }
    world.tunnel(
        TunnelState::Down,
        vec![reason(ReasonCode::CannotAuthenticateConnection)],
    );
    world.until_status(CONN, "DOWN").await;
    let shown = world.get(CONN).await;
    let first = &shown.ok(200)["status_reasons"][0];
    assert_eq!(first["code"], "cannot_authenticate_connection");
    assert_eq!(
        (&first["evidence"], &first["whose"]),
        (&json!("what was seen"), &json!("peer"))
    );
    assert_eq!(first["since"], "1970-01-01T00:00:00Z");
    let listed = world
        .get("/vpn/ipsec-site-connections?status=DOWN&id=$conn")
        .await;
    assert_eq!(
        listed.ok(200)[0]["status_reasons"][0]["code"],
        first["code"]
    );
}

#[tokio::test]
async fn what_fails_is_in_error() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    world.gateway(
        GatewayStatus::Failed,
        vec![reason(ReasonCode::InternalError)],
    );
    world.until_status("/vpn/vpnservices/$svc", "ERROR").await;
    world.until_status(CONN, "ERROR").await;
    let shown = world.get(CONN).await;
    assert_eq!(shown.ok(200)["status_reasons"][0]["code"], "internal_error");
}

#[tokio::test]
async fn what_can_t_work_is_in_error_and_says_why_where_clients_print_it() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    let cause = |code, whose| Reason {
        whose,
        ..reason(code)
    };
    for code in [
        ReasonCode::Unsupported,
        ReasonCode::IkePolicyMismatch,
        ReasonCode::IpsecPolicyMismatch,
    ] {
        world.tunnel(TunnelState::Down, vec![cause(code, Whose::Local)]);
        world.until_status(CONN, "ERROR").await;
        let shown = world.get(CONN).await;
        let printed = format!(
            "static (ERROR: {}: what was seen; what to do)",
            code.as_str()
        );
        assert_eq!(shown.ok(200)["route_mode"], printed);
        assert_eq!(shown.ok(200)["description"], "");
        // The peer can mend what is its own.
        world.tunnel(TunnelState::Down, vec![cause(code, Whose::Peer)]);
        world.until_status(CONN, "DOWN").await;
        assert_eq!(world.get(CONN).await.ok(200)["route_mode"], "static");
    }
    let warning = cause(ReasonCode::WeakAlgorithm, Whose::Local);
    world.tunnel(TunnelState::Up, vec![warning]);
    world.until_status(CONN, "ACTIVE").await;
}

#[tokio::test]
async fn any_address_is_taken_and_waited_for() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    let change = |peer: &str| json!({"ipsec_site_connection": {"peer_address": peer}});
    let changed = world.put(CONN, change("0.0.0.0")).await;
    let changed = changed.ok(200);
    assert_eq!(
        (&changed["peer_address"], &changed["status"]),
        (&json!("0.0.0.0"), &json!("DOWN"))
    );
    assert_eq!(changed["status_reasons"][0]["code"], "negotiating");
    world.tunnel(TunnelState::Up, Vec::new());
    world.until_status(CONN, "ACTIVE").await;
}

#[tokio::test]
async fn what_is_down_above_a_connection_is_named() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    world.tunnel(TunnelState::Up, Vec::new());
    world.until_status(CONN, "ACTIVE").await;
    for (kind, path, whose) in [
        ("router", "/routers/$router", "the VPN service's router"),
        (
            "vpnservice",
            "/vpn/vpnservices/$svc",
            "the connection's VPN service",
        ),
        ("ipsec_site_connection", CONN, "the connection"),
    ] {
        let set = |up: bool| json!({kind: {"admin_state_up": up}});
        world.put(path, set(false)).await.ok(200);
        let shown = world.get(CONN).await;
        let shown = shown.ok(200);
        assert_eq!(shown["status"], "DOWN", "{path}");
        let told = format!("admin_state_up of {whose} is false");
        assert_eq!(shown["status_reasons"][0]["evidence"], told);
        let service = world.get("/vpn/vpnservices/$svc").await;
        let expected = match path {
            CONN => "ACTIVE",
            _ => "DOWN",
        };
        assert_eq!(service.ok(200)["status"], expected, "{path}");
        let known = async || {
            let gateway = world.agent.gateway(world.fill("$svc").parse().unwrap());
            let tunnels = gateway.map(|spec| spec.tunnels).unwrap_or_default();
            tunnels.values().any(|tunnel| !tunnel.admin_state_up)
        };
        world.until("the agent ends the tunnel", known).await;
        world.put(path, set(true)).await.ok(200);
        world.until_status(CONN, "ACTIVE").await;
    }
}

#[tokio::test]
async fn what_is_switched_off_is_down() {
    let mut world = World::new().await;
    world.add_vpn().await;
    world.until_status(CONN, "DOWN").await;
    world.tunnel(TunnelState::Up, Vec::new());
    world.until_status(CONN, "ACTIVE").await;
    let off = json!({"vpnservice": {"admin_state_up": false}});
    world.put("/vpn/vpnservices/$svc", off).await.ok(200);
    for path in ["/vpn/vpnservices/$svc", CONN] {
        assert_eq!(world.get(path).await.ok(200)["status"], "DOWN", "{path}");
    }
    let reasons = &world.get(CONN).await.ok(200)["status_reasons"].clone();
    assert_eq!(reasons[0]["code"], "administratively_down");
}

#[tokio::test]
async fn keys_are_hidden_where_the_operator_says_so() {
    let config = NeutronConfig {
        show_psk: false,
        ..NeutronConfig::default()
    };
    let mut world = World::with(config).await;
    world.add_vpn().await;
    world.until_down().await;
    assert_eq!(world.get(CONN).await.ok(200)["psk"], "********");
    // Nor can one be guessed at by a filter.
    let listed = world.get("/vpn/ipsec-site-connections?psk=secret").await;
    assert_eq!(*listed.ok(200), json!([]));
    let change = json!({"ipsec_site_connection": {"psk": "another"}});
    assert_eq!(world.put(CONN, change).await.ok(200)["psk"], "********");
}

#[tokio::test]
async fn a_legacy_service_has_words_for_the_oldest_algorithms() {
    let oldest = json!({"encryption_algorithm": "des", "pfs": "group1"});
    let mut world = World::allowing(CryptoProfile::Legacy).await;
    for kind in ["ikepolicy", "ipsecpolicy"] {
        let made = world.make("p", kind, oldest.clone()).await;
        let said = (&made["encryption_algorithm"], &made["pfs"]);
        assert_eq!(said, (&json!("des"), &json!("group1")));
        let path = format!("{}/$p", path(kind));
        for change in [json!({"pfs": "group14"}), json!({"pfs": "group1"})] {
            let answer = world.put(&path, json!({kind: change})).await;
            assert_eq!(answer.ok(200)["pfs"], change["pfs"]);
        }
    }
    let mut world = World::new().await;
    for (attribute, word) in [("encryption_algorithm", "des"), ("pfs", "group1")] {
        let body = json!({"ikepolicy": {attribute: word}}).to_string();
        let answer = world.ask(Who::Member, "POST /vpn/ikepolicies", &body).await;
        let message =
            format!("Invalid input for {attribute}. Reason: {word} is not in valid_values.");
        assert_eq!(answer.refused(), (400, "HTTPBadRequest", &*message));
        world.make("p", "ikepolicy", json!({})).await;
        let change = json!({"ikepolicy": {attribute: word}});
        let answer = world.put("/vpn/ikepolicies/$p", change).await;
        assert_eq!(answer.refused(), (400, "HTTPBadRequest", &*message));
    }
}

#[tokio::test]
async fn a_strict_service_has_stronger_defaults() {
    let mut world = World::allowing(CryptoProfile::Strict).await;
    let made = world.make("p", "ikepolicy", json!({})).await;
    assert_eq!(
        (&made["auth_algorithm"], &made["pfs"]),
        (&json!("sha256"), &json!("group14"))
    );
    let made = world.make("p", "ipsecpolicy", json!({})).await;
    assert_eq!(
        (&made["auth_algorithm"], &made["pfs"]),
        (&json!("sha256"), &json!("group14"))
    );
    let weak = json!({"ikepolicy": {"auth_algorithm": "sha1"}}).to_string();
    let answer = world.ask(Who::Member, "POST /vpn/ikepolicies", &weak).await;
    let message =
        "Invalid input for auth_algorithm. Reason: SHA-1 is weaker than this service allows.";
    assert_eq!(answer.refused(), (400, "HTTPBadRequest", message));
}
