//! The operator's settings: a TOML file, all of it optional. `docs/adit.toml` lists every key with
//! its default; a key that is not known is refused.

mod keystone;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use adit_control::{CryptoProfile, Limits};
use adit_model::Cidr;
use serde::Deserialize;

pub(crate) use keystone::ExternalKeystone;
use keystone::{IdentitySource, KeystoneSettings, KeystoneSettingsError};

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    // The library's own text shows the line itself, which may hold a password.
    #[error("the settings in {path}, line {line}: {message}")]
    Malformed {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("the settings file {path} can't be read")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Keystone(#[from] KeystoneSettingsError),
    #[error("{setting} {block} is too small: at least 8 addresses are needed")]
    ExternalTooSmall { setting: &'static str, block: Cidr },
    #[error("{setting} {block} is not a block of IPv{version} addresses")]
    ExternalFamily {
        setting: &'static str,
        block: Cidr,
        version: u8,
    },
    #[error("network.tunnel_mtu {0} is not between 1280 and 9000")]
    TunnelMtu(u32),
}

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The address and port of the API.
    pub(crate) listen: SocketAddr,
    /// The address clients use, when it is another one.
    pub(crate) public_url: Option<String>,
    /// Whether namespaces stay when the service ends.
    pub(crate) keep_networks: bool,
    /// Which algorithms policies may name.
    pub(crate) crypto_profile: CryptoProfile,
    /// Who knows users, projects and tokens.
    identity: IdentitySource,
    keystone: KeystoneSettings,
    pub(crate) network: NetworkSettings,
    pub(crate) workers: WorkerSettings,
    pub(crate) vpc: VpcSettings,
    pub(crate) openstack: OpenstackSettings,
    pub(crate) quotas: QuotaSettings,
}

/// The embedded network provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NetworkSettings {
    /// How names of links and namespaces begin: 1 to 5 lower-case letters or digits.
    pub(crate) prefix: String,
    /// Where gateways get public addresses.
    pub(crate) external_cidr: Cidr,
    /// Where they get public IPv6 addresses, if they do.
    pub(crate) external_cidr_v6: Option<Cidr>,
    /// The MTU inside tunnels, 1280 to 9000 octets.
    pub(crate) tunnel_mtu: u32,
}

/// The processes of gateways.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkerSettings {
    /// The first of the numbers of users that they run as, one for each gateway.
    pub(crate) first_user: u32,
}

/// The IBM VPC dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VpcSettings {
    /// The region's name; zones are called after it.
    pub(crate) region: String,
    /// Whether pre-shared keys are shown in answers, as IBM's API does.
    pub(crate) show_psk: bool,
}

/// The OpenStack dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenstackSettings {
    /// Whether pre-shared keys are shown in answers, as Neutron does.
    pub(crate) show_psk: bool,
}

/// How many of each there may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuotaSettings {
    vpcs: usize,
    subnets_per_vpc: usize,
    instances: usize,
    vpn_gateways: usize,
    vpn_gateways_per_zone: usize,
    connections_per_gateway: usize,
    ike_policies: usize,
    ipsec_policies: usize,
    cidrs_per_connection: usize,
    cidrs_per_gateway: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9696).into(),
            public_url: None,
            keep_networks: false,
            crypto_profile: CryptoProfile::default(),
            identity: IdentitySource::default(),
            keystone: KeystoneSettings::default(),
            network: NetworkSettings::default(),
            workers: WorkerSettings::default(),
            vpc: VpcSettings::default(),
            openstack: OpenstackSettings::default(),
            quotas: QuotaSettings::default(),
        }
    }
}

impl Default for NetworkSettings {
    fn default() -> Self {
        let external = Cidr::new(Ipv4Addr::new(198, 51, 100, 0).into(), 24);
        Self {
            prefix: "adit".to_owned(),
            external_cidr: external
                .unwrap_or_else(|_| Cidr::host(Ipv4Addr::new(198, 51, 100, 0).into())),
            external_cidr_v6: None,
            tunnel_mtu: 1400,
        }
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        // The first number of a range that no distribution gives to anybody: systemd's
        // "Users, Groups, UIDs and GIDs" lists them.
        Self {
            first_user: 0x7000_0000,
        }
    }
}

impl Default for VpcSettings {
    fn default() -> Self {
        Self {
            region: "us-south".to_owned(),
            show_psk: true,
        }
    }
}

impl Default for OpenstackSettings {
    fn default() -> Self {
        Self { show_psk: true }
    }
}

impl Default for QuotaSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            vpcs: limits.routers,
            subnets_per_vpc: limits.subnets,
            instances: limits.instances,
            vpn_gateways: limits.gateways,
            vpn_gateways_per_zone: limits.gateways_in_zone,
            connections_per_gateway: limits.connections,
            ike_policies: limits.ike_policies,
            ipsec_policies: limits.ipsec_policies,
            cidrs_per_connection: limits.cidrs_of_connection,
            cidrs_per_gateway: limits.cidrs_of_gateway,
        }
    }
}

impl QuotaSettings {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            routers: self.vpcs,
            subnets: self.subnets_per_vpc,
            instances: self.instances,
            gateways: self.vpn_gateways,
            gateways_in_zone: self.vpn_gateways_per_zone,
            connections: self.connections_per_gateway,
            ike_policies: self.ike_policies,
            ipsec_policies: self.ipsec_policies,
            cidrs_of_connection: self.cidrs_per_connection,
            cidrs_of_gateway: self.cidrs_per_gateway,
            ..Limits::default()
        }
    }
}

impl Settings {
    /// The settings in `path`, or the defaults.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, SettingsError> {
        let settings = match path {
            None => Self::default(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
                        path: path.to_owned(),
                        source,
                    })?;
                Self::parse(&text, path)?
            }
        };
        settings.check()
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            SettingsError::Malformed {
                path: path.to_owned(),
                line: before.unwrap_or_default().matches('\n').count() + 1,
                message: error.message().to_owned(),
            }
        })
    }

    /// The Keystone elsewhere that says who asks, if one does.
    pub(crate) fn external_keystone(&self) -> Result<Option<ExternalKeystone>, SettingsError> {
        match self.identity {
            IdentitySource::Adit => Ok(None),
            IdentitySource::Keystone => Ok(Some(self.keystone.read()?)),
        }
    }

    fn check(self) -> Result<Self, SettingsError> {
        let network = &self.network;
        check_external("network.external_cidr", network.external_cidr, 4)?;
        if let Some(block) = network.external_cidr_v6 {
            check_external("network.external_cidr_v6", block, 6)?;
        }
        if !(1280..=9000).contains(&network.tunnel_mtu) {
            return Err(SettingsError::TunnelMtu(network.tunnel_mtu));
        }
        Ok(self)
    }
}

fn check_external(setting: &'static str, block: Cidr, version: u8) -> Result<(), SettingsError> {
    if block.is_ipv4() != (version == 4) {
        return Err(SettingsError::ExternalFamily {
            setting,
            block,
            version,
        });
    }
    if block.address_count() < 8 {
        return Err(SettingsError::ExternalTooSmall { setting, block });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_blocks_are_of_their_version_and_not_too_small() {
        let check = |line: &str| {
            let settings: Settings = toml::from_str(&format!("[network]\n{line}")).unwrap();
            settings.check().err().map(|error| error.to_string())
        };
        for (line, refusal) in [
            ("external_cidr_v6 = \"2001:db8:0:1::/64\"", None),
            ("external_cidr_v6 = \"2001:db8::/125\"", None),
            (
                "external_cidr_v6 = \"2001:db8::/126\"",
                Some(
                    "network.external_cidr_v6 2001:db8::/126 is too small: at least 8 addresses are needed",
                ),
            ),
            (
                "external_cidr_v6 = \"192.0.2.0/24\"",
                Some("network.external_cidr_v6 192.0.2.0/24 is not a block of IPv6 addresses"),
            ),
            (
                "external_cidr = \"2001:db8::/64\"",
                Some("network.external_cidr 2001:db8::/64 is not a block of IPv4 addresses"),
            ),
            (
                "external_cidr = \"192.0.2.0/30\"",
                Some(
                    "network.external_cidr 192.0.2.0/30 is too small: at least 8 addresses are needed",
                ),
            ),
        ] {
            assert_eq!(check(line).as_deref(), refusal, "{line}");
        }
    }

    #[test]
    fn the_documented_file_says_the_defaults() {
        let text = include_str!("../../../docs/adit.toml");
        let documented: Settings = toml::from_str(text).unwrap();
        assert_eq!(
            format!("{documented:?}"),
            format!("{:?}", Settings::default())
        );
    }

    fn refusal(text: &str) -> String {
        let refused = Settings::parse(text, Path::new("adit.toml"));
        refused.unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = refusal("keep_networks = true\nlisen = \"127.0.0.1:1\"");
        let words = "the settings in adit.toml, line 2: unknown field `lisen`";
        assert!(error.starts_with(words), "{error}");
    }

    #[test]
    fn a_refusal_shows_no_password() {
        for text in [
            "[keystone]\npassword = \"planted",
            "[keystone]\npassword = \"planted\" and more",
            "[keystone]\npassword = 4711",
            "[keystone]\npasswort = \"planted\"",
        ] {
            let error = refusal(text);
            assert!(error.contains("line 2"), "{error}");
            assert!(
                !error.contains("planted") && !error.contains("4711"),
                "{error}"
            );
        }
    }
}
