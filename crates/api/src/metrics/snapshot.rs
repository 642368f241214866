//! Everybody's gateways and connections.

use std::sync::atomic::AtomicU64;

use adit_control::snapshot::{ConnectionSnapshot, GatewaySnapshot, Snapshot};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{Traffic, TunnelState};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<u64, AtomicU64>>;
type Counters = Family<Labels, Counter>;

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

fn gauges(
    registry: &mut Registry,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, u64)>,
) {
    let family = Gauges::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

/// The text has the name with `_total` at its end.
fn counters(
    registry: &mut Registry,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, u64)>,
) {
    let family = Counters::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    registry.register(name, help, family);
}

pub(super) fn register(registry: &mut Registry, snapshot: &Snapshot) {
    totals(registry, snapshot);
    of_gateways(registry, snapshot);
    of_connections(registry, snapshot);
}

fn totals(registry: &mut Registry, snapshot: &Snapshot) {
    let all = snapshot.gateways.iter();
    let count = |status| all.clone().filter(|one| one.status == status).count() as u64;
    let connections = || all.clone().flat_map(|one| &one.connections);
    let up = connections().filter(|one| one.state == TunnelState::Up);
    gauge(
        registry,
        "adit_routers",
        "Routers there are",
        snapshot.routers,
    );
    let by_status = [
        ("available", GatewayStatus::Available),
        ("failed", GatewayStatus::Failed),
        ("pending", GatewayStatus::Pending),
    ]
    .map(|(word, status)| (vec![("status", word.to_owned())], count(status)));
    let help = "Gateways there are, by status";
    gauges(registry, "adit_gateways", help, by_status);
    let there = connections().count();
    gauge(registry, "adit_connections", "Connections there are", there);
    gauge(
        registry,
        "adit_connections_up",
        "Connections that are up",
        up.count(),
    );
    let help = "Changes that could not be kept";
    let failures = snapshot.write_failures;
    counter(registry, "adit_store_write_failures", help, failures);
    let help = "How often something could not be made as wished and was to be tried again";
    counter(registry, "adit_reconcile_retries", help, snapshot.retries);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: usize) {
    let gauge = Gauge::<u64, AtomicU64>::default();
    gauge.set(value as u64);
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64, AtomicU64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn of_gateways(registry: &mut Registry, snapshot: &Snapshot) {
    let all = || snapshot.gateways.iter();
    let help = "Whether the gateway is available (1) or not (0)";
    let values = all().map(|one| {
        let available = one.status == GatewayStatus::Available;
        (labels(one, None), u64::from(available))
    });
    gauges(registry, "ibm_is_vpn_gateway_status", help, values);
    for (name, help, read) in TRAFFIC {
        let values = all().map(|one| (labels(one, None), read(&one.traffic())));
        counters(
            registry,
            &format!("ibm_is_vpn_gateway_{name}"),
            help,
            values,
        );
    }
    let drops = all().flat_map(|one| {
        one.drops.0.iter().map(move |(cause, count)| {
            let mut labels = labels(one, None);
            labels.push(("cause", escaped(cause)));
            (labels, *count)
        })
    });
    let help = "Packets and messages dropped since the gateway's worker was started, by cause";
    counters(registry, "adit_gateway_drops", help, drops);
    let half_open = all().map(|one| (labels(one, None), one.half_open));
    let help = "IKE SAs whose peer has not shown who it is";
    gauges(registry, "adit_gateway_half_open", help, half_open);
    let starts = all().map(|one| (labels(one, None), one.starts));
    let help = "How often the gateway's worker was started";
    counters(registry, "adit_gateway_starts", help, starts);
}

fn of_connections(registry: &mut Registry, snapshot: &Snapshot) {
    let all = || {
        let gateways = snapshot.gateways.iter();
        gateways.flat_map(|one| {
            one.connections
                .iter()
                .map(move |c| (labels(one, Some(c)), c))
        })
    };
    let help = "Whether the connection's tunnel is up (1) or not (0)";
    let values = all().map(|(labels, c)| (labels, u64::from(c.state == TunnelState::Up)));
    gauges(registry, "ibm_is_vpn_connection_status", help, values);
    for (name, help, read) in TRAFFIC {
        let values = all().map(|(labels, c)| (labels, read(&c.traffic)));
        let name = format!("ibm_is_vpn_connection_{name}");
        counters(registry, &name, help, values);
    }
    let help = "How often the connection's keys were replaced while it was up";
    let rekeys = all().map(|(labels, c)| (labels, c.rekeys));
    counters(registry, "adit_connection_rekeys", help, rekeys);
}

/// A label's value as the text format wants it, which the library leaves to us: users choose names,
/// and are not to make up lines.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('"', "\\\"");
    text.replace('\n', r"\n")
}

fn labels(gateway: &GatewaySnapshot, connection: Option<&ConnectionSnapshot>) -> Labels {
    let mut labels = vec![
        ("gateway", gateway.id.to_string()),
        ("gateway_name", escaped(gateway.name.as_str())),
    ];
    if let Some(connection) = connection {
        labels.push(("connection", connection.id.to_string()));
        labels.push(("connection_name", escaped(connection.name.as_str())));
    }
    labels
}

#[cfg(test)]
mod tests {
    use adit_model::observed::Drops;
    use adit_model::{ConnectionId, GatewayId, Name};

    use super::super::{Requests, render};
    use super::*;

    #[test]
    fn every_gateway_and_connection_has_its_lines_and_what_only_grows_is_a_counter() {
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
            drops: Drops([("no_sa".to_owned(), 7)].into()),
            half_open: 4,
            starts: 3,
            connections: vec![connection],
        };
        let labels = format!("{{gateway=\"{}\",gateway_name=\"g\"", gateway.id);
        let snapshot = Snapshot {
            routers: 1,
            gateways: vec![gateway],
            write_failures: 5,
            retries: 6,
        };
        let text = render(&snapshot, &Requests::default());
        let of_connection =
            format!("{labels},connection=\"{id}\",connection_name=\"say \\\"hi\\\"\"}}");
        for line in [
            format!("ibm_is_vpn_gateway_status{labels}}} 1"),
            format!("ibm_is_vpn_gateway_bytes_in_total{labels}}} 20"),
            format!("adit_gateway_drops_total{labels},cause=\"no_sa\"}} 7"),
            format!("adit_gateway_half_open{labels}}} 4"),
            format!("adit_gateway_starts_total{labels}}} 3"),
            format!("ibm_is_vpn_connection_status{of_connection} 1"),
            format!("ibm_is_vpn_connection_packets_out_total{of_connection} 3"),
            format!("adit_connection_rekeys_total{of_connection} 2"),
            "adit_gateways{status=\"available\"} 1".to_owned(),
            "adit_connections_up 1".to_owned(),
            "adit_store_write_failures_total 5".to_owned(),
            "adit_reconcile_retries_total 6".to_owned(),
            "# TYPE adit_gateway_drops counter".to_owned(),
            "# TYPE adit_gateways gauge".to_owned(),
            "# TYPE process_open_fds gauge".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# EOF").count(), 1);
    }
}
