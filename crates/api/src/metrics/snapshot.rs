//! Everybody's gateways and connections.

use adit_control::snapshot::Snapshot;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;

use super::page::{Page, connections, escaped, of_gateway};

pub(super) fn register(page: &mut Page, snapshot: &Snapshot) {
    totals(page, snapshot);
    of_gateways(page, snapshot);
    of_connections(page, snapshot);
}

fn totals(page: &mut Page, snapshot: &Snapshot) {
    let all = snapshot.gateways.iter();
    let count = |status| all.clone().filter(|one| one.status == status).count() as u64;
    let connections = || all.clone().flat_map(|one| &one.connections);
    let up = connections().filter(|one| one.state == TunnelState::Up);
    page.gauge("adit_routers", "Routers there are", snapshot.routers);
    let by_status = [
        ("available", GatewayStatus::Available),
        ("failed", GatewayStatus::Failed),
        ("pending", GatewayStatus::Pending),
    ]
    .map(|(word, status)| (vec![("status", word.to_owned())], count(status)));
    let help = "Gateways there are, by status";
    page.gauges("adit_gateways", help, by_status);
    let there = connections().count();
    page.gauge("adit_connections", "Connections there are", there);
    let help = "Connections that are up";
    page.gauge("adit_connections_up", help, up.count());
    let help = "Changes that could not be kept";
    page.counter("adit_store_write_failures", help, snapshot.write_failures);
    let help = "How often something could not be made as wished and was to be tried again";
    page.counter("adit_reconcile_retries", help, snapshot.retries);
}

fn of_gateways(page: &mut Page, snapshot: &Snapshot) {
    let all = || snapshot.gateways.iter();
    let drops = all().flat_map(|one| {
        one.drops.0.iter().map(move |(cause, count)| {
            let mut labels = of_gateway(one);
            labels.push(("cause", escaped(cause)));
            (labels, *count)
        })
    });
    let help = "Packets and messages dropped since the gateway's worker was started, by cause";
    page.counters("adit_gateway_drops", help, drops);
    let half_open = all().map(|one| (of_gateway(one), one.half_open));
    let help = "IKE SAs whose peer has not shown who it is";
    page.gauges("adit_gateway_half_open", help, half_open);
    let starts = all().map(|one| (of_gateway(one), one.starts));
    let help = "How often the gateway's worker was started";
    page.counters("adit_gateway_starts", help, starts);
}

fn of_connections(page: &mut Page, snapshot: &Snapshot) {
    let help = "How often the connection's keys were replaced while it was up";
    let rekeys = connections(snapshot).map(|(labels, one)| (labels, one.rekeys));
    page.counters("adit_connection_rekeys", help, rekeys);
}

#[cfg(test)]
mod tests {
    use adit_control::snapshot::{ConnectionSnapshot, GatewaySnapshot};
    use adit_model::observed::{Drops, Traffic};
    use adit_model::{ConnectionId, GatewayId, Name};

    use super::super::{Requests, render};
    use super::*;

    fn added(page: &mut Page, snapshot: &Snapshot) {
        page.gauge("a_face_routers", "What a face adds", snapshot.routers);
    }

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
        let text = render(&snapshot, &Requests::default(), &[added]);
        let of_connection =
            format!("{labels},connection=\"{id}\",connection_name=\"say \\\"hi\\\"\"}}");
        for line in [
            format!("adit_gateway_drops_total{labels},cause=\"no_sa\"}} 7"),
            format!("adit_gateway_half_open{labels}}} 4"),
            format!("adit_gateway_starts_total{labels}}} 3"),
            format!("adit_connection_rekeys_total{of_connection} 2"),
            "adit_gateways{status=\"available\"} 1".to_owned(),
            "adit_connections_up 1".to_owned(),
            "a_face_routers 1".to_owned(),
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
