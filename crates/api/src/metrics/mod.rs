//! What an operator's monitoring reads, as OpenMetrics text: everybody's gateways and connections,
//! also under names that a face has for them, what was asked of the API, and this process.

mod page;
mod process;
mod requests;
mod snapshot;

use adit_control::snapshot::Snapshot;
use prometheus_client::encoding::text::{encode, encode_registry};

pub use page::{Labels, Page, connections, escaped, of_gateway};
pub use requests::{Requests, layer};

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a face adds, under names of its own.
pub type Addition = fn(&mut Page, &Snapshot);

/// All of it.
#[must_use]
pub fn render(snapshot: &Snapshot, requests: &Requests, additions: &[Addition]) -> String {
    let mut out = String::new();
    let mut page = Page::default();
    snapshot::register(&mut page, snapshot);
    for add in additions {
        add(&mut page, snapshot);
    }
    process::register(&mut page.registry);
    // Writing to a String can't fail.
    let _ = encode_registry(&mut out, &page.registry);
    let _ = encode(&mut out, requests.registry());
    out
}
