//! `[classic]`: the dialect of IBM's Classic infrastructure (SoftLayer).

use adit_api_softlayer::SoftLayerConfig;
use adit_control::CryptoProfile;
use adit_model::Cidr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

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
    /// Blocks of services that tunnels may lead to: the host knows the way.
    #[serde(deserialize_with = "services")]
    pub(crate) service_subnets: Vec<Cidr>,
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
            service_subnets: Vec::new(),
            crypto_profile: CryptoProfile::Legacy,
        }
    }
}

/// Blocks by IPv4 that share no addresses.
fn services<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Cidr>, D::Error> {
    let blocks = Vec::<Cidr>::deserialize(from)?;
    for (index, one) in blocks.iter().enumerate() {
        if !one.is_ipv4() {
            let said = format!("{one} is not of IPv4, which service subnets are");
            return Err(D::Error::custom(said));
        }
        let mut others = blocks.iter().skip(index + 1);
        if let Some(other) = others.find(|other| other.overlaps(*one)) {
            let said = format!("the service subnets {one} and {other} share addresses");
            return Err(D::Error::custom(said));
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_subnets_are_apart_and_of_ipv4() {
        let read = |blocks: &str| {
            let text = format!("service_subnets = {blocks}");
            toml::from_str::<ClassicSettings>(&text).map(|read| read.service_subnets.len())
        };
        assert_eq!(read(r#"["10.0.64.0/19", "10.0.96.0/19"]"#).ok(), Some(2));
        for (blocks, why) in [
            (r#"["10.0.64.0/19", "10.0.65.0/24"]"#, "share addresses"),
            (r#"["fd00::/64"]"#, "not of IPv4"),
            (r#"["10.0.64.1/19"]"#, "host bits"),
        ] {
            let refused = read(blocks).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
