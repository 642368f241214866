//! What handlers share.

use std::sync::Arc;

use adit_control::Control;

/// What the operator decides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NativeConfig {
    /// Whether members may read pre-shared keys back; else a key is told once, where the service made it up.
    pub show_psk: bool,
}

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Native {
    pub(crate) control: Control,
    pub(crate) config: Arc<NativeConfig>,
}
