//! What can be done with networks, routers, gateways and connections, by whom, and how wishes
//! become true.
//!
//! ```text
//!   face --> Control: use cases --write--> Store
//!                |                           | read
//!                +--wakes-> Reconciler <-----+
//!                               |  ^
//!                      RouterSpec, |  AgentEvent
//!                      GatewaySpec v  |
//!                              Agent -+--> View (what was seen; status is computed from both)
//! ```
//!
//! A use case checks and writes in one unit of work ([`Together`] is several in one), which also
//! writes the change log and wakes the reconciler for what was changed.
//! This crate knows neither HTTP nor SQL nor sockets.

pub mod account;
mod address;
pub mod agent;
pub mod application_credential;
mod change;
pub mod change_log;
mod cidr_rules;
pub mod config;
pub mod connection;
pub mod crypto_profile;
mod ending;
pub mod endpoint_group;
pub mod error;
pub mod external;
mod external_address;
#[cfg(feature = "fake")]
pub mod fake;
pub mod floating_ip;
pub mod gateway;
mod hashing;
pub mod identity;
mod listed;
pub mod login;
mod misfit;
pub mod network;
mod on_router;
pub mod outside_port;
pub mod password;
mod policies;
pub mod policy;
pub mod port;
pub mod project;
pub mod quota;
pub mod reconcile;
pub mod resolver;
pub mod role_assignment;
pub mod router;
pub mod router_interface;
mod rules;
pub mod security_group;
mod sessions;
pub mod snapshot;
mod spec;
pub mod subnet;
mod throttle;
pub mod token;
mod touch;
pub mod user;
mod view;
mod wake;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use adit_crypto::Random;
use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::{NetworkId, ProjectId, UserId};
use adit_store::Store;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

pub use adit_model::Noun;
pub use adit_store::{Order, OrderBy, Query};
pub use agent::{Agent, AgentError, AgentErrorCode, AgentEvent};
pub use change::Together;
pub use change_log::{LogLimits, LogPage};
pub use config::{Config, ExternalPool, Limits, Timing};
pub use crypto_profile::CryptoProfile;
pub use error::{Error, Quota, Rule};
pub use external::ExternalSubnets;
pub use identity::IdentityProvider;
pub use listed::{Listed, Part};
pub use misfit::Misfit;
pub use password::Password;
pub use policy::PolicyEdit;
pub use quota::{Allowance, Resource};
pub use reconcile::Reconciler;
pub use resolver::{Resolver, SystemResolver};
pub use rules::{Naming, OnDelete};
pub use throttle::LoginLimits;
pub use token::Session;
use view::View;
use wake::Wakes;

/// Tells the time, so that tests can.
pub trait Clock: Send + Sync {
    /// This moment, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The user of what the service does itself. Ids of users are random.
const NOBODY: UserId = UserId::from_uuid(uuid::Uuid::nil());

/// On whose behalf something is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Whose things.
    pub project: ProjectId,
    /// Who asks.
    pub user: UserId,
    /// What it may do.
    pub role: Role,
    /// Whether it may also see and change what other projects have, by id.
    pub all_projects: bool,
}

impl Caller {
    /// The service itself, in a project.
    pub(crate) const fn service(project: ProjectId) -> Self {
        Self {
            project,
            user: NOBODY,
            role: Role::Admin,
            all_projects: false,
        }
    }

    /// Who changes something on its behalf.
    pub(crate) fn actor(&self) -> Actor {
        match self.user {
            NOBODY => Actor::Service,
            user => Actor::User(user),
        }
    }

    /// Whose rows it may find.
    #[must_use]
    pub fn scope(&self) -> Option<ProjectId> {
        (!self.all_projects).then_some(self.project)
    }

    /// A query, kept to what the caller may see.
    #[must_use]
    pub fn within(&self, mut query: Query) -> Query {
        if let Some(own) = self.scope() {
            if query.project.is_some_and(|asked| asked != own) {
                query.ids = Some(Vec::new());
            }
            query.project = Some(own);
        }
        query
    }

    /// A query, kept to what the caller may see: what every project may see too.
    #[must_use]
    pub fn within_or_public(&self, query: Query) -> Query {
        let all = query.project.is_none() || query.project == self.scope();
        let mut query = self.within(query);
        query.or_public = all && query.project.is_some();
        query
    }

    /// Refuses all but administrators.
    pub(crate) fn must_be_admin(&self) -> Result<(), Error> {
        if self.role >= Role::Admin {
            Ok(())
        } else {
            Err(Error::Forbidden("administrators"))
        }
    }

    /// Refuses those who may only look.
    pub(crate) fn may_write(&self) -> Result<(), Error> {
        if self.role >= Role::Member {
            Ok(())
        } else {
            Err(Error::Forbidden("members"))
        }
    }
}

/// The use cases. Cheap to clone. Those of a [`Together`] are parts of its unit of work.
#[derive(Clone)]
pub struct Control(Arc<Inner>, Option<change::Shared>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Mutex<Box<dyn Random>>,
    pub(crate) hashing: hashing::Hashing,
    pub(crate) throttle: throttle::Throttle,
    pub(crate) lookups: resolver::Lookups,
    pub(crate) config: Config,
    /// The network and the subnets that external addresses are of, once [`Control::bootstrap`] has
    /// made sure of them. None can be deleted while they are.
    pub(crate) external: OnceLock<(NetworkId, ExternalSubnets)>,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) foreign_projects: identity::KnownProjects,
    pub(crate) quotas: quota::Known,
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
    pub(crate) fn external_subnets(&self, network: NetworkId) -> Option<ExternalSubnets> {
        let (known, subnets) = *self.external.get()?;
        (known == network).then_some(subnets)
    }

    pub(crate) fn is_external(&self, network: NetworkId) -> bool {
        self.external_subnets(network).is_some()
    }
}

impl Control {
    /// The use cases over a store, and the reconciler that makes their outcome true by an agent.
    /// [`Reconciler::run`] is to be spawned by the caller.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        agent: Arc<dyn Agent>,
        clock: Arc<dyn Clock>,
        random: Box<dyn Random>,
        config: Config,
    ) -> (Self, Reconciler) {
        let view = View::new(clock.now(), config.timing.pending);
        let inner = Arc::new(Inner {
            store,
            clock,
            random: Mutex::new(random),
            hashing: hashing::Hashing::default(),
            throttle: throttle::Throttle::new(config.login),
            lookups: resolver::Lookups::new(Arc::clone(&config.resolver)),
            config,
            external: OnceLock::new(),
            sessions: sessions::Sessions::default(),
            foreign_projects: identity::KnownProjects::default(),
            quotas: quota::Known::default(),
            retries: AtomicU64::new(0),
            view,
            wakes: Wakes::default(),
            endings: Notify::new(),
            newest: watch::Sender::new(0),
        });
        (
            Self::over(Arc::clone(&inner)),
            Reconciler::new(inner, agent),
        )
    }

    /// The use cases, each a unit of work of its own.
    pub(crate) const fn over(inner: Arc<Inner>) -> Self {
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

    fn random_octets<const N: usize>(&self) -> [u8; N] {
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
