//! Where a request comes from.

use std::net::IpAddr;

use axum::http::Extensions;

/// The client's address, as who accepted its connection knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of the client that a request came from, if it is known.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<Self>().map(|client| client.0)
    }
}
