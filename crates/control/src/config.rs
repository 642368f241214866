//! What the operator decides: quotas, the external addresses, deadlines.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_model::Cidr;
use zeroize::Zeroizing;

use crate::crypto_profile::CryptoProfile;
use crate::identity::IdentityProvider;
use crate::resolver::{Resolver, SystemResolver};
use crate::resource::Resource;
use crate::throttle::LoginLimits;

/// How many of each there may be. The defaults are IBM VPC's of 2020.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Routers of a project.
    pub routers: usize,
    /// Subnets of a router.
    pub subnets: usize,
    /// Security groups of a router, its default one among them.
    pub security_groups: usize,
    /// Rules of a security group.
    pub rules_of_security_group: usize,
    /// Network ACLs of a router, its default one among them.
    pub network_acls: usize,
    /// Rules of a network ACL.
    pub rules_of_network_acl: usize,
    /// Floating IPs of a project in one zone.
    pub floating_ips_in_zone: usize,
    /// SSH keys of a project.
    pub ssh_keys: usize,
    /// Instances of a project.
    pub instances: usize,
    /// Ports of a project that are machines, where its own quota counts ports.
    pub machines: usize,
    /// Of a hundred public addresses, how many are kept for projects that have fewer than
    /// `headroom_of_project`.
    pub headroom_percent: usize,
    /// Up to how many public addresses a project may have of those.
    pub headroom_of_project: usize,
    /// Gateways of a project.
    pub gateways: usize,
    /// Gateways of a project in one zone.
    pub gateways_in_zone: usize,
    /// Connections of a gateway.
    pub connections: usize,
    /// Routes of a router that lead to connections.
    pub routes: usize,
    /// IKE policies of a project.
    pub ike_policies: usize,
    /// IPsec policies of a project.
    pub ipsec_policies: usize,
    /// Blocks of one side of a connection.
    pub cidrs_of_connection: usize,
    /// Blocks of one side of all connections of a gateway.
    pub cidrs_of_gateway: usize,
    /// Addresses that a gateway takes from its subnet.
    pub addresses_of_gateway: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            routers: 5,
            subnets: 15,
            security_groups: 25,
            rules_of_security_group: 25,
            network_acls: 25,
            rules_of_network_acl: 50,
            floating_ips_in_zone: 20,
            ssh_keys: 200,
            instances: 25,
            machines: 50,
            headroom_percent: 10,
            headroom_of_project: 3,
            gateways: 9,
            gateways_in_zone: 3,
            connections: 10,
            routes: 200,
            ike_policies: 20,
            ipsec_policies: 20,
            cidrs_of_connection: 15,
            cidrs_of_gateway: 50,
            addresses_of_gateway: 8,
        }
    }
}

/// Where gateways get their public addresses from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalPool {
    /// The block. Its first address, and of an IPv4 block the last one, are not given.
    pub cidr: Cidr,
    /// More addresses that are not given, such as the host's own.
    pub reserved: Vec<IpAddr>,
}

/// How patient the reconciler is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How long one call of the agent may take.
    pub call: Duration,
    /// How long something may be pending before it counts as failed.
    pub pending: Duration,
    /// The pause after a first failure; it doubles up to `retry_most`.
    pub retry_first: Duration,
    /// The longest pause between two tries.
    pub retry_most: Duration,
    /// How often everything is looked at although nothing happened.
    pub sweep: Duration,
    /// How often peers that were given by name are looked up again.
    pub resolve: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            pending: Duration::from_secs(60),
            retry_first: Duration::from_millis(500),
            retry_most: Duration::from_secs(60),
            sweep: Duration::from_secs(30),
            resolve: Duration::from_secs(30),
        }
    }
}

/// How much of the change log is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogLimits {
    /// At most so many entries.
    pub keep_entries: u64,
    /// None that is older.
    pub keep: Duration,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            keep_entries: 100_000,
            keep: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// What the operator decides.
#[derive(Clone)]
pub struct Config {
    /// Quotas.
    pub limits: Limits,
    /// How many of each a project may have where its own quota counts, as far as that is not
    /// [`Resource::default_limit`].
    pub project_quotas: BTreeMap<Resource, i64>,
    /// Where public addresses come from.
    pub external: ExternalPool,
    /// Where public IPv6 addresses come from, if there are any.
    pub external_v6: Option<ExternalPool>,
    /// Which algorithms policies may name.
    pub crypto_profile: CryptoProfile,
    /// The same of tunnel contexts' policies, which are made for old equipment.
    pub context_crypto_profile: CryptoProfile,
    /// Where tunnel contexts are assigned addresses of, to stand for others' at the other end.
    pub context_addresses: Option<Cidr>,
    /// Blocks of the operator's services by IPv4, which tunnel contexts may list: the host leads to them.
    pub context_services: Vec<Cidr>,
    /// Where peers are looked up that are given by name.
    pub resolver: Arc<dyn Resolver>,
    /// How much of the change log is kept.
    pub change_log: LogLimits,
    /// Deadlines.
    pub timing: Timing,
    /// The key that signs tokens; the same after a restart, so that they survive it.
    pub token_key: Zeroizing<[u8; 32]>,
    /// How long a token is good for.
    pub token_lifetime: Duration,
    /// How often somebody may be wrong about a password.
    pub login: LoginLimits,
    /// Another service that says who asks. While there is one, no token, key or password of this
    /// service's own is taken.
    pub identity: Option<Arc<dyn IdentityProvider>>,
}

impl Config {
    /// The defaults around what has none.
    #[must_use]
    pub fn new(external: ExternalPool, token_key: [u8; 32]) -> Self {
        Self {
            limits: Limits::default(),
            project_quotas: BTreeMap::new(),
            external,
            external_v6: None,
            crypto_profile: CryptoProfile::default(),
            context_crypto_profile: CryptoProfile::Legacy,
            context_addresses: None,
            context_services: Vec::new(),
            resolver: Arc::new(SystemResolver),
            change_log: LogLimits::default(),
            timing: Timing::default(),
            token_key: Zeroizing::new(token_key),
            token_lifetime: Duration::from_secs(3600),
            login: LoginLimits::default(),
            identity: None,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("external", &self.external)
            .field("external_v6", &self.external_v6)
            .field("crypto_profile", &self.crypto_profile)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}
