//! What handlers share.

use std::sync::Arc;

use adit_control::Control;

use crate::config::VpcConfig;

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) control: Control,
    pub(crate) config: Arc<VpcConfig>,
}
