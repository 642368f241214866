//! A Keystone elsewhere, where the operator wants one to say who asks.

use std::sync::Arc;

use adit_keystone::{Keystone, SetupError};

use crate::Chain;
use crate::config::ExternalKeystone;

/// A Keystone that is asked, and the address that clients are told.
#[derive(Debug)]
pub(crate) struct ExternalIdentity {
    pub(crate) provider: Arc<Keystone>,
    pub(crate) url: String,
}

impl ExternalIdentity {
    pub(crate) fn new(external: ExternalKeystone) -> Result<Self, SetupError> {
        Ok(Self {
            provider: Arc::new(Keystone::new(external.config)?),
            url: external.public_url.to_string(),
        })
    }

    /// Tells the log whether Keystone is there. Nobody waits for it: requests are answered with 503
    /// until it is.
    pub(crate) fn greet(&self) {
        let (provider, url) = (Arc::clone(&self.provider), self.url.clone());
        tokio::spawn(async move {
            match provider.check().await {
                Ok(()) => tracing::info!(keystone = url, "Keystone says who asks"),
                Err(error) => tracing::warn!(
                    keystone = url,
                    error = %Chain(&error),
                    "Keystone can't be asked yet; requests are answered with 503 until it can"
                ),
            }
        });
    }
}
