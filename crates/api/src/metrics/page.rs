//! A page of metrics that is being written, by us and by faces that have names of their own.

use std::sync::atomic::AtomicU64;

use adit_control::snapshot::{ConnectionSnapshot, GatewaySnapshot, Snapshot};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What one series is told from others of its name by. Values are [`escaped`].
pub type Labels = Vec<(&'static str, String)>;

/// A page of metrics that is being written.
#[derive(Debug, Default)]
pub struct Page {
    pub(super) registry: Registry,
}

impl Page {
    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: usize) {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(value as u64);
        self.registry.register(name, help, gauge);
    }

    /// One that only grows. The text has the name with `_total` at its end.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter = Counter::<u64, AtomicU64>::default();
        counter.inc_by(value);
        self.registry.register(name, help, counter);
    }

    /// Numbers that go up and down.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let family = Family::<Labels, Gauge<u64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    /// Numbers that only grow. The text has the name with `_total` at its end.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.registry.register(name, help, family);
    }
}

/// A label's value as the text format wants it, which the library leaves to us: users choose names,
/// and are not to make up lines.
#[must_use]
pub fn escaped(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('"', "\\\"");
    text.replace('\n', r"\n")
}

/// The labels of a gateway.
#[must_use]
pub fn of_gateway(gateway: &GatewaySnapshot) -> Labels {
    vec![
        ("gateway", gateway.id.to_string()),
        ("gateway_name", escaped(gateway.name.as_str())),
    ]
}

/// All connections, each with its labels.
pub fn connections(snapshot: &Snapshot) -> impl Iterator<Item = (Labels, &ConnectionSnapshot)> {
    snapshot.gateways.iter().flat_map(|gateway| {
        gateway.connections.iter().map(|connection| {
            let mut labels = of_gateway(gateway);
            labels.push(("connection", connection.id.to_string()));
            labels.push(("connection_name", escaped(connection.name.as_str())));
            (labels, connection)
        })
    })
}
