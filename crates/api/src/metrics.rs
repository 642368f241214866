//! A snapshot as Prometheus text (exposition format 0.0.4), under the names that IBM's monitoring
//! gives its VPN gateways, and a few totals of our own.

use std::fmt::Write as _;

use adit_control::snapshot::{ConnectionSnapshot, GatewaySnapshot, Snapshot};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Traffic, TunnelState};

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

type Counter = (&'static str, &'static str, fn(&Traffic) -> u64);

const TRAFFIC: [Counter; 4] = [
    ("bytes_in", "Octets decrypted and delivered.", |t| {
        t.bytes_in
    }),
    ("bytes_out", "Octets encrypted and sent.", |t| t.bytes_out),
    ("packets_in", "Packets decrypted and delivered.", |t| {
        t.packets_in
    }),
    ("packets_out", "Packets encrypted and sent.", |t| {
        t.packets_out
    }),
];

/// All of it.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    totals(&mut out, snapshot);
    let gateways = || snapshot.gateways.iter().map(|g| (labels(g, None), g));
    let help = "Whether the gateway is available (1) or not (0).";
    let values =
        gateways().map(|(labels, g)| (labels, u64::from(g.status == GatewayStatus::Available)));
    family(&mut out, "ibm_is_vpn_gateway_status", help, values);
    for (name, help, value) in TRAFFIC {
        let values = gateways().map(|(labels, g)| (labels, value(&g.traffic())));
        family(
            &mut out,
            &format!("ibm_is_vpn_gateway_{name}"),
            help,
            values,
        );
    }
    let drops = gateways().flat_map(|(labels, g)| {
        let open = labels.trim_end_matches('}').to_owned();
        g.drops
            .0
            .iter()
            .map(move |(cause, count)| (format!("{open},cause=\"{}\"}}", escape(cause)), *count))
    });
    let help = "Packets and messages dropped since the gateway's worker was started, by cause.";
    family(&mut out, "adit_gateway_drops", help, drops);
    let connections = || {
        let pairs = snapshot.gateways.iter();
        pairs.flat_map(|g| g.connections.iter().map(move |c| (labels(g, Some(c)), c)))
    };
    let help = "Whether the connection's tunnel is up (1) or not (0).";
    let values = connections().map(|(labels, c)| (labels, u64::from(c.state == TunnelState::Up)));
    family(&mut out, "ibm_is_vpn_connection_status", help, values);
    for (name, help, value) in TRAFFIC {
        let values = connections().map(|(labels, c)| (labels, value(&c.traffic)));
        let name = format!("ibm_is_vpn_connection_{name}");
        family(&mut out, &name, help, values);
    }
    out
}

fn totals(out: &mut String, snapshot: &Snapshot) {
    let of = |status| {
        let gateways = snapshot.gateways.iter();
        gateways.filter(|g| g.status == status).count() as u64
    };
    let connections = || snapshot.gateways.iter().flat_map(|g| &g.connections);
    let up = connections().filter(|c| c.state == TunnelState::Up).count() as u64;
    let single = |value| [(String::new(), value)];
    family(
        out,
        "adit_routers",
        "Routers there are.",
        single(snapshot.routers as u64),
    );
    let by_status = [
        ("available", GatewayStatus::Available),
        ("failed", GatewayStatus::Failed),
        ("pending", GatewayStatus::Pending),
    ]
    .map(|(word, status)| (format!("{{status=\"{word}\"}}"), of(status)));
    family(
        out,
        "adit_gateways",
        "Gateways there are, by status.",
        by_status,
    );
    let count = connections().count() as u64;
    family(
        out,
        "adit_connections",
        "Connections there are.",
        single(count),
    );
    family(
        out,
        "adit_connections_up",
        "Connections that are up.",
        single(up),
    );
}

fn family(
    out: &mut String,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, u64)>,
) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in values {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

fn labels(gateway: &GatewaySnapshot, connection: Option<&ConnectionSnapshot>) -> String {
    let name = escape(gateway.name.as_str());
    let mut text = format!("{{gateway=\"{}\",gateway_name=\"{name}\"", gateway.id);
    if let Some(connection) = connection {
        let name = escape(connection.name.as_str());
        let id = connection.id;
        let _ = write!(text, ",connection=\"{id}\",connection_name=\"{name}\"");
    }
    text.push('}');
    text
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use adit_model::observed::Drops;
    use adit_model::{ConnectionId, GatewayId, Name};

    use super::*;

    #[test]
    fn every_gateway_and_connection_has_its_lines() {
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
        };
        let id = connection.id;
        let gateway = GatewaySnapshot {
            id: GatewayId::random(),
            name: Name::parse("g").unwrap(),
            status: GatewayStatus::Available,
            drops: Drops([("no_sa".to_owned(), 7)].into()),
            connections: vec![connection],
        };
        let labels = format!("{{gateway=\"{}\",gateway_name=\"g\"", gateway.id);
        let text = render(&Snapshot {
            routers: 1,
            gateways: vec![gateway],
        });
        let of_connection =
            format!("{labels},connection=\"{id}\",connection_name=\"say \\\"hi\\\"\"}}");
        for line in [
            format!("ibm_is_vpn_gateway_status{labels}}} 1"),
            format!("ibm_is_vpn_gateway_bytes_in{labels}}} 20"),
            format!("adit_gateway_drops{labels},cause=\"no_sa\"}} 7"),
            format!("ibm_is_vpn_connection_status{of_connection} 1"),
            format!("ibm_is_vpn_connection_packets_out{of_connection} 3"),
            "adit_gateways{status=\"available\"} 1".to_owned(),
            "adit_connections_up 1".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
