//! What handlers share.

use std::sync::Arc;

use adit_api::origin;
use adit_control::Control;
use axum::http::{Extensions, HeaderMap};

use crate::config::KeystoneConfig;

/// Where this API begins.
pub(crate) const V3: &str = "/identity/v3";

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Keystone {
    pub(crate) control: Control,
    pub(crate) config: Arc<KeystoneConfig>,
}

impl Keystone {
    pub(crate) fn origin(&self, headers: &HeaderMap, extensions: &Extensions) -> String {
        origin::of(self.config.public_url.as_deref(), headers, extensions)
    }
}
