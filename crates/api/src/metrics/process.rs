//! This process, under the names that Prometheus' own clients use.

use std::fs;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub(super) fn register(registry: &mut Registry) {
    let mut gauge = |name: &str, help: &str, value: Option<u64>| {
        if let Some(value) = value {
            let gauge = Gauge::<u64, AtomicU64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
    };
    let open = fs::read_dir("/proc/self/fd").ok();
    let open = open.map(|all| all.count() as u64);
    gauge("process_open_fds", "Open descriptors of the service", open);
    let limit = field("/proc/self/limits", "Max open files");
    gauge("process_max_fds", "The most open descriptors", limit);
    let resident = field("/proc/self/status", "VmRSS:");
    let resident = resident.map(|kilobytes| kilobytes.saturating_mul(1024));
    let help = "Memory of the service in RAM, without its workers";
    gauge("process_resident_memory_bytes", help, resident);
    let threads = field("/proc/self/status", "Threads:");
    gauge("process_threads", "Threads of the service", threads);
}

/// The first number behind a name in a file of the kernel's.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
