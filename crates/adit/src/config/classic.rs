//! `[classic]`: the dialect of IBM's Classic infrastructure (SoftLayer).

use adit_api_softlayer::SoftLayerConfig;
use adit_control::CryptoProfile;
use adit_model::Cidr;
use serde::Deserialize;

/// The Classic dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClassicSettings {
    /// The one datacenter, by its short name.
    pub(crate) datacenter: String,
    /// Whether pre-shared keys are shown in answers, as SoftLayer does.
    pub(crate) show_psk: bool,
    /// Where tunnels are assigned addresses of that stand for others', if they are.
    pub(crate) static_addresses: Option<Cidr>,
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
            static_addresses: None,
            crypto_profile: CryptoProfile::Legacy,
        }
    }
}
