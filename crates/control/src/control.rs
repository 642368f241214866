//! What all use cases share.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use adit_crypto::Random;
use adit_model::{NetworkId, SubnetId};
use adit_store::Store;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

use crate::agents::Agents;
use crate::change::Shared;
use crate::clock::Clock;
use crate::config::Config;
use crate::hashing::Hashing;
use crate::identity::KnownProjects;
use crate::known_quotas::KnownQuotas;
use crate::resolver::Lookups;
use crate::sessions::Sessions;
use crate::throttle::Throttle;
use crate::view::View;
use crate::wake::Wakes;

/// The subnets that external addresses are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalSubnets {
    /// That of the IPv4 block.
    pub v4: SubnetId,
    /// That of the IPv6 block, if one is configured.
    pub v6: Option<SubnetId>,
}

impl ExternalSubnets {
    pub(crate) fn contains(self, subnet: SubnetId) -> bool {
        self.v4 == subnet || self.v6 == Some(subnet)
    }
}

/// The use cases. Cheap to clone. Those of a [`crate::Together`] are parts of its unit of work.
#[derive(Clone)]
pub struct Control(pub(crate) Arc<Inner>, pub(crate) Option<Shared>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) agents: Agents,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Mutex<Box<dyn Random>>,
    pub(crate) hashing: Hashing,
    pub(crate) throttle: Throttle,
    pub(crate) lookups: Lookups,
    pub(crate) config: Config,
    /// The network and the subnets that external addresses are of, once [`Control::bootstrap`] has
    /// made sure of them. None can be deleted while they are.
    pub(crate) external: OnceLock<(NetworkId, ExternalSubnets)>,
    pub(crate) sessions: Sessions,
    pub(crate) foreign_projects: KnownProjects,
    pub(crate) quotas: KnownQuotas,
    /// How often a lane had to try again.
    pub(crate) retries: AtomicU64,
    pub(crate) view: View,
    pub(crate) wakes: Wakes,
    /// Rings when a project ended.
    pub(crate) endings: Notify,
    /// The last revision of the change log, for those who wait for the next.
    pub(crate) newest: watch::Sender<u64>,
}

impl Inner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        agents: Agents,
        clock: Arc<dyn Clock>,
        mut random: Box<dyn Random>,
        config: Config,
    ) -> Self {
        let mut start = [0; 4];
        random.fill(&mut start);
        let start = u32::from_be_bytes(start);
        Self {
            store,
            agents,
            view: View::new(clock.now(), config.timing.pending, start),
            clock,
            random: Mutex::new(random),
            hashing: Hashing::default(),
            throttle: Throttle::new(config.login),
            lookups: Lookups::new(Arc::clone(&config.resolver)),
            config,
            external: OnceLock::new(),
            sessions: Sessions::default(),
            foreign_projects: KnownProjects::default(),
            quotas: KnownQuotas::default(),
            retries: AtomicU64::new(0),
            wakes: Wakes::default(),
            endings: Notify::new(),
            newest: watch::Sender::new(0),
        }
    }

    pub(crate) fn external_subnets(&self, network: NetworkId) -> Option<ExternalSubnets> {
        let (known, subnets) = *self.external.get()?;
        (known == network).then_some(subnets)
    }

    pub(crate) fn is_external(&self, network: NetworkId) -> bool {
        self.external_subnets(network).is_some()
    }
}

impl Control {
    /// The use cases, each a unit of work of its own.
    pub(crate) const fn of(inner: Arc<Inner>) -> Self {
        Self(inner, None)
    }

    /// Ticks whenever something new was seen, so that a reader can wait instead of polling.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.view.changes()
    }

    /// What the operator decided.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// This moment by the clock that was given.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    pub(crate) fn random_octets<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        let mut random = self.0.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill(&mut out);
        out
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}
