//! What an operator's monitoring reads, as OpenMetrics text: everybody's gateways and connections
//! (under the names that IBM's monitoring gives its own), what was asked of the API, and this
//! process.

mod process;
mod requests;
mod snapshot;

use adit_control::snapshot::Snapshot;
use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::registry::Registry;

pub use requests::{Requests, layer};

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of it.
#[must_use]
pub fn render(snapshot: &Snapshot, requests: &Requests) -> String {
    let mut out = String::new();
    let mut registry = Registry::default();
    snapshot::register(&mut registry, snapshot);
    process::register(&mut registry);
    // Writing to a String can't fail.
    let _ = encode_registry(&mut out, &registry);
    let _ = encode(&mut out, requests.registry());
    out
}
