//! The operator's settings: a TOML file, all of it optional. `docs/adit.toml` lists every key with
//! its default; a key that is not known is refused.

mod change_log;
mod classic;
mod keystone;
mod tls;
mod workers;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_api::server;
use adit_api_native::NativeConfig;
use adit_control::{CryptoProfile, Limits, LogLimits, LoginLimits, Resource};
use adit_model::Cidr;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::certificate::is_private;

use change_log::ChangeLogSettings;
use classic::ClassicSettings;
pub(crate) use keystone::ExternalKeystone;
use keystone::{IdentitySource, KeystoneSettings, KeystoneSettingsError};
pub(crate) use tls::TlsSettings;
pub(crate) use workers::{UdpEncapsulation, WorkerSettings};

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
    #[error(
        "passwords and keys would cross the network in clear on {0}: set tls (docs/adit.toml), or allow_plain_http = true where a proxy does it"
    )]
    PlainHttp(SocketAddr),
    #[error("project_quotas has nothing that is called {0}")]
    UnknownQuota(String),
    #[error("quotas.address_headroom_percent {0} is not between 0 and 90")]
    Headroom(usize),
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    #[error("{setting} {path} can't be read")]
    Secret {
        setting: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("metrics.token_file {0} has no token of 16 characters or more in its first line")]
    ShortToken(PathBuf),
}

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The address and port of the API.
    pub(crate) listen: SocketAddr,
    /// The address clients use, when it is another one.
    pub(crate) public_url: Option<String>,
    /// Whether it may be served without TLS to others than this host.
    allow_plain_http: bool,
    /// The certificate, where it is served by TLS.
    pub(crate) tls: Option<TlsSettings>,
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
    pub(crate) native: NativeSettings,
    pub(crate) classic: ClassicSettings,
    pub(crate) quotas: QuotaSettings,
    project_quotas: BTreeMap<String, i64>,
    connections: ConnectionSettings,
    login: LoginSettings,
    change_log: ChangeLogSettings,
    pub(crate) metrics: MetricsSettings,
}

/// How many clients may be connected.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConnectionSettings {
    /// In all.
    most: usize,
    /// From one address.
    most_of_source: usize,
    /// Whose `X-Forwarded-For` is believed.
    trusted_proxies: Vec<IpAddr>,
}

/// How often somebody may be wrong about a password.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LoginSettings {
    failures_of_account: u32,
    account_pause: u64,
    failures_of_source: u32,
    source_pause: u64,
    lockout_failure_attempts: u32,
    lockout_duration: u64,
}

/// Who may read metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsSettings {
    /// An address for them alone.
    pub(crate) listen: Option<SocketAddr>,
    /// A file with the token by which they are read at the API's address.
    token_file: Option<PathBuf>,
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

/// Adit's own API.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NativeSettings {
    /// Whether members may read pre-shared keys back.
    pub(crate) show_psk: bool,
    /// After how many days a pre-shared key is called old.
    pub(crate) old_key_days: u32,
}

/// How many of each there may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuotaSettings {
    vpcs: usize,
    subnets_per_vpc: usize,
    security_groups_per_vpc: usize,
    rules_per_security_group: usize,
    network_acls_per_vpc: usize,
    rules_per_network_acl: usize,
    floating_ips_per_zone: usize,
    keys: usize,
    instances: usize,
    machines: usize,
    address_headroom_percent: usize,
    address_headroom_of_project: usize,
    vpn_gateways: usize,
    vpn_gateways_per_zone: usize,
    connections_per_gateway: usize,
    routes_per_vpc: usize,
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
            allow_plain_http: false,
            tls: None,
            keep_networks: false,
            crypto_profile: CryptoProfile::default(),
            identity: IdentitySource::default(),
            keystone: KeystoneSettings::default(),
            network: NetworkSettings::default(),
            workers: WorkerSettings::default(),
            vpc: VpcSettings::default(),
            openstack: OpenstackSettings::default(),
            native: NativeSettings::default(),
            classic: ClassicSettings::default(),
            quotas: QuotaSettings::default(),
            project_quotas: Resource::ALL
                .iter()
                .map(|one| (one.as_str().to_owned(), one.default_limit()))
                .collect(),
            connections: ConnectionSettings::default(),
            login: LoginSettings::default(),
            change_log: ChangeLogSettings::default(),
            metrics: MetricsSettings::default(),
        }
    }
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        let limits = server::Limits::default();
        Self {
            most: limits.connections,
            most_of_source: limits.of_source,
            trusted_proxies: limits.proxies,
        }
    }
}

impl Default for LoginSettings {
    fn default() -> Self {
        let limits = LoginLimits::default();
        Self {
            failures_of_account: limits.of_account,
            account_pause: limits.account_pause.as_secs(),
            failures_of_source: limits.of_source,
            source_pause: limits.source_pause.as_secs(),
            lockout_failure_attempts: limits.lockout_failures,
            lockout_duration: limits.lockout.as_secs(),
        }
    }
}

impl MetricsSettings {
    /// The token, from its file.
    pub(crate) fn token(&self) -> Result<Option<Zeroizing<String>>, SettingsError> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| SettingsError::Secret {
            setting: "metrics.token_file",
            path: path.clone(),
            source,
        })?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.len() < 16 {
            return Err(SettingsError::ShortToken(path.clone()));
        }
        Ok(Some(Zeroizing::new(token.to_owned())))
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

impl Default for NativeSettings {
    fn default() -> Self {
        Self {
            show_psk: true,
            old_key_days: NativeConfig::default().old_key_days,
        }
    }
}

impl Default for QuotaSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            vpcs: limits.routers,
            subnets_per_vpc: limits.subnets,
            security_groups_per_vpc: limits.security_groups,
            rules_per_security_group: limits.rules_of_security_group,
            network_acls_per_vpc: limits.network_acls,
            rules_per_network_acl: limits.rules_of_network_acl,
            floating_ips_per_zone: limits.floating_ips_in_zone,
            keys: limits.ssh_keys,
            instances: limits.instances,
            machines: limits.machines,
            address_headroom_percent: limits.headroom_percent,
            address_headroom_of_project: limits.headroom_of_project,
            vpn_gateways: limits.gateways,
            vpn_gateways_per_zone: limits.gateways_in_zone,
            connections_per_gateway: limits.connections,
            routes_per_vpc: limits.routes,
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
            security_groups: self.security_groups_per_vpc,
            rules_of_security_group: self.rules_per_security_group,
            network_acls: self.network_acls_per_vpc,
            rules_of_network_acl: self.rules_per_network_acl,
            floating_ips_in_zone: self.floating_ips_per_zone,
            ssh_keys: self.keys,
            instances: self.instances,
            machines: self.machines,
            headroom_percent: self.address_headroom_percent,
            headroom_of_project: self.address_headroom_of_project,
            gateways: self.vpn_gateways,
            gateways_in_zone: self.vpn_gateways_per_zone,
            connections: self.connections_per_gateway,
            routes: self.routes_per_vpc,
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

    /// Refuses to be heard by others in clear, unless that is meant.
    pub(crate) fn check_listen(&self) -> Result<(), SettingsError> {
        if self.tls.is_some() || is_private(self.listen.ip()) {
            return Ok(());
        }
        if !self.allow_plain_http {
            return Err(SettingsError::PlainHttp(self.listen));
        }
        tracing::warn!(
            address = %self.listen,
            "the API is served without TLS: passwords, tokens and pre-shared keys can be read on the way"
        );
        Ok(())
    }

    /// How many of each a project may have where its own quota counts.
    pub(crate) fn project_quotas(&self) -> BTreeMap<Resource, i64> {
        let named = |one: &Resource| Some((*one, *self.project_quotas.get(one.as_str())?));
        Resource::ALL.iter().filter_map(named).collect()
    }

    /// How many connections there may be, of the descriptors that the process may have: the most of
    /// them are for workers.
    pub(crate) fn connections(&self, descriptors: u64) -> server::Limits {
        let share = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
        let most = self.connections.most.min(share.max(1));
        server::Limits {
            connections: most,
            of_source: self.connections.most_of_source.min(most),
            proxies: self.connections.trusted_proxies.clone(),
        }
    }

    /// How often somebody may be wrong about a password.
    pub(crate) fn login(&self) -> LoginLimits {
        let login = &self.login;
        LoginLimits {
            of_account: login.failures_of_account,
            account_pause: Duration::from_secs(login.account_pause),
            of_source: login.failures_of_source,
            source_pause: Duration::from_secs(login.source_pause),
            lockout_failures: login.lockout_failure_attempts,
            lockout: Duration::from_secs(login.lockout_duration),
        }
    }

    /// How much of the change log is kept.
    pub(crate) fn change_log(&self) -> LogLimits {
        self.change_log.limits()
    }

    fn check(self) -> Result<Self, SettingsError> {
        let known = |name: &String| Resource::ALL.iter().any(|one| one.as_str() == name);
        if let Some(name) = self.project_quotas.keys().find(|name| !known(name)) {
            return Err(SettingsError::UnknownQuota(name.clone()));
        }
        if self.quotas.address_headroom_percent > 90 {
            return Err(SettingsError::Headroom(
                self.quotas.address_headroom_percent,
            ));
        }
        let counts = [
            ("connections.most", self.connections.most),
            (
                "connections.most_of_source",
                self.connections.most_of_source,
            ),
            (
                "login.failures_of_account",
                self.login.failures_of_account as usize,
            ),
            (
                "login.failures_of_source",
                self.login.failures_of_source as usize,
            ),
            (
                "change_log.keep_entries",
                usize::try_from(self.change_log.keep_entries).unwrap_or(usize::MAX),
            ),
            ("change_log.keep_days", self.change_log.keep_days as usize),
            ("native.old_key_days", self.native.old_key_days as usize),
        ];
        if let Some((setting, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(SettingsError::Zero(setting));
        }
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
