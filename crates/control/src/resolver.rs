//! Names of hosts to addresses.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Finds addresses of hosts, so that tests can.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The host's addresses, the one to use first.
    ///
    /// # Errors
    /// The name is unknown, or nobody answers.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
