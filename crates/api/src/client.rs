//! Where a request comes from, and how long its connection stays.

use std::net::IpAddr;

use axum::http::Extensions;
use tokio::sync::watch;

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

/// A request that came by the operator's socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operator;

/// Tells an answer that has no end of its own when its connection is to end.
#[derive(Clone, Debug)]
pub struct ConnectionEnd(pub(crate) watch::Receiver<bool>);

impl ConnectionEnd {
    /// That of a request's connection, where who accepted it says so.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// Waits for it.
    pub async fn comes(&mut self) {
        // Without a sender, the connection is gone.
        let _ = self.0.wait_for(|is_told| *is_told).await;
    }
}
