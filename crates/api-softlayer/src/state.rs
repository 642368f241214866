//! What handlers share.

use std::sync::Arc;

use adit_control::Control;

/// What the operator decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoftLayerConfig {
    /// The one datacenter that there is, such as `dal10`.
    pub datacenter: String,
    /// Whether pre-shared keys are shown, as SoftLayer does. If not, they are left out.
    pub show_psk: bool,
}

impl Default for SoftLayerConfig {
    fn default() -> Self {
        Self {
            datacenter: "dal10".to_owned(),
            show_psk: true,
        }
    }
}

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Classic {
    pub(crate) control: Control,
    pub(crate) config: Arc<SoftLayerConfig>,
}
