//! Gateways and connections under the names that IBM's monitoring gives its own.

use adit_api::metrics::{Page, connections, of_gateway};
use adit_control::snapshot::Snapshot;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Traffic, TunnelState};

type Reading = (&'static str, &'static str, fn(&Traffic) -> u64);

const TRAFFIC: [Reading; 4] = [
    ("bytes_in", "Octets decrypted and delivered", |t| t.bytes_in),
    ("bytes_out", "Octets encrypted and sent", |t| t.bytes_out),
    ("packets_in", "Packets decrypted and delivered", |t| {
        t.packets_in
    }),
    ("packets_out", "Packets encrypted and sent", |t| {
        t.packets_out
    }),
];

/// Adds them to the operator's page.
pub fn metrics(page: &mut Page, snapshot: &Snapshot) {
    let gateways = || snapshot.gateways.iter();
    let help = "Whether the gateway is available (1) or not (0)";
    let values = gateways().map(|one| {
        let available = one.status == GatewayStatus::Available;
        (of_gateway(one), u64::from(available))
    });
    page.gauges("ibm_is_vpn_gateway_status", help, values);
    for (name, help, read) in TRAFFIC {
        let values = gateways().map(|one| (of_gateway(one), read(&one.traffic())));
        page.counters(&format!("ibm_is_vpn_gateway_{name}"), help, values);
    }
    let help = "Whether the connection's tunnel is up (1) or not (0)";
    let values = connections(snapshot)
        .map(|(labels, one)| (labels, u64::from(one.state == TunnelState::Up)));
    page.gauges("ibm_is_vpn_connection_status", help, values);
    for (name, help, read) in TRAFFIC {
        let values = connections(snapshot).map(|(labels, one)| (labels, read(&one.traffic)));
        page.counters(&format!("ibm_is_vpn_connection_{name}"), help, values);
    }
}

#[cfg(test)]
mod tests {
    use adit_api::metrics::{Requests, render};
    use adit_control::snapshot::{ConnectionSnapshot, GatewaySnapshot};
    use adit_model::observed::Drops;
    use adit_model::{ConnectionId, GatewayId, Name};

    use super::*;

    #[test]
    fn every_gateway_and_connection_has_ibm_s_lines() {
        let traffic = Traffic {
            packets_in: 1,
            bytes_in: 20,
            packets_out: 3,
            bytes_out: 40,
        };
        let connection = ConnectionSnapshot {
            id: ConnectionId::random(),
            name: Name::parse("say \"hi\"").unwrap(),
            state: TunnelState::Up,
            traffic,
            rekeys: 2,
        };
        let id = connection.id;
        let gateway = GatewaySnapshot {
            id: GatewayId::random(),
            name: Name::parse("g").unwrap(),
            status: GatewayStatus::Available,
            drops: Drops::default(),
            half_open: 0,
            starts: 1,
            connections: vec![connection],
        };
        let labels = format!("{{gateway=\"{}\",gateway_name=\"g\"", gateway.id);
        let snapshot = Snapshot {
            routers: 1,
            gateways: vec![gateway],
            write_failures: 0,
            retries: 0,
        };
        let text = render(&snapshot, &Requests::default(), &[metrics]);
        let of_connection =
            format!("{labels},connection=\"{id}\",connection_name=\"say \\\"hi\\\"\"}}");
        for line in [
            format!("ibm_is_vpn_gateway_status{labels}}} 1"),
            format!("ibm_is_vpn_gateway_bytes_in_total{labels}}} 20"),
            format!("ibm_is_vpn_connection_status{of_connection} 1"),
            format!("ibm_is_vpn_connection_packets_out_total{of_connection} 3"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
