//! What handlers share.

use std::sync::Arc;

use adit_api::origin::Scheme;
use adit_control::Control;
use axum::Extension;

/// What the operator decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NativeConfig {
    /// Under which address clients reach the service, where that is not the one they say.
    pub public_url: Option<String>,
    /// Whether members may read pre-shared keys back; else a key is told once, where the service made it up.
    pub show_psk: bool,
    /// After how many days a pre-shared key is shown to administrators as old.
    pub old_key_days: u32,
}

impl Default for NativeConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            show_psk: false,
            old_key_days: 365,
        }
    }
}

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Native {
    pub(crate) control: Control,
    pub(crate) config: Arc<NativeConfig>,
}

impl Native {
    /// How clients reach this service, as far as they or the operator say.
    pub(crate) fn scheme(&self, came: Option<Extension<Scheme>>) -> Scheme {
        let url = self.config.public_url.as_deref();
        match (came, url) {
            (_, Some(url)) if url.starts_with("https://") => Scheme::Https,
            (Some(Extension(scheme)), _) => scheme,
            (None, _) => Scheme::Http,
        }
    }
}
