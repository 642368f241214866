//! What handlers share.

use std::sync::Arc;

use adit_control::Control;

use crate::config::NeutronConfig;

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Neutron {
    pub(crate) control: Control,
    pub(crate) config: Arc<NeutronConfig>,
}
