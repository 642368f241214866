//! `[classic]`: the dialect of IBM's Classic infrastructure (SoftLayer).

use adit_api_softlayer::SoftLayerConfig;
use adit_control::CryptoProfile;
use serde::Deserialize;

/// The Classic dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClassicSettings {
    /// The one datacenter, by its short name.
    pub(crate) datacenter: String,
    /// Whether pre-shared keys are shown in answers, as SoftLayer does.
    pub(crate) show_psk: bool,
    /// Which algorithms its tunnels may have.
    pub(crate) crypto_profile: CryptoProfile,
}

impl Default for ClassicSettings {
    fn default() -> Self {
        let SoftLayerConfig {
            datacenter,
            show_psk,
        } = SoftLayerConfig::default();
        Self {
            datacenter,
            show_psk,
            crypto_profile: CryptoProfile::Legacy,
        }
    }
}
