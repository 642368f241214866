//! Why a use case did not do as asked, in no dialect's words.
//!
//! `Display` is what the caller may read; sources are for the log. Each error names the rule, so
//! that a dialect finds its own code without reading text.

pub use adit_model::Noun;
use adit_model::Revision;
use adit_store::StoreError;
use uuid::Uuid;

use crate::agent::Cause;
use crate::misfit::Misfit;
use crate::resource::Resource;

/// Which rule was broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// An address is none that can be given.
    AddressOutside,
    /// Somebody has the address.
    AddressTaken,
    /// Two blocks that must be apart share addresses.
    CidrOverlap,
    /// A block is listed twice.
    CidrRepeated,
    /// A block is too wide or too narrow.
    CidrSize,
    /// Interval and timeout of dead peer detection don't fit together, or are out of range.
    DeadPeerDetection,
    /// The same blocks to the same peer are there already.
    DuplicatePair,
    /// It would be over before it began.
    Expiry,
    /// Something hangs on it.
    InUse(Noun),
    /// The last block of a list can't go.
    LastCidr,
    /// A lifetime is out of range.
    Lifetime,
    /// A list that needs an entry has none.
    ListEmpty,
    /// The link address is taken.
    MacTaken,
    /// The network's MTU is too small for what is on it.
    Mtu,
    /// The name is none.
    Name,
    /// In the place where it must be the only one, such as a VPC.
    NameTaken(Noun),
    /// No external address is left.
    NoExternalAddress,
    /// The subnet has not enough addresses left.
    NoPrivateAddress,
    /// The password is empty or too long.
    Password,
    /// The peer's address can't be a peer's.
    PeerAddress,
    /// It was changed since it was read.
    Revision,
    /// The role is more than who gives it has.
    Role,
    /// It names something that can't be named there.
    Reference,
    /// The same is there already.
    Repeated,
    /// The policy's algorithms don't go together.
    Suite,
    /// An algorithm is weaker than this service allows.
    WeakAlgorithm,
}

/// Which quota is used up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Quota {
    /// Requests for connections of a project.
    ConnectionRequests,
    /// Connections of a gateway.
    Connections,
    /// Floating IPs of a project in one zone.
    FloatingIpsInZone,
    /// Gateways of a project.
    Gateways,
    /// Gateways of a project in one zone.
    GatewaysInZone,
    /// IKE policies of a project.
    IkePolicies,
    /// Instances of a project.
    Instances,
    /// IPsec policies of a project.
    IpsecPolicies,
    /// Local blocks of a connection.
    LocalCidrsOfConnection,
    /// Local blocks of a gateway's connections.
    LocalCidrsOfGateway,
    /// Network ACLs of a router.
    NetworkAcls,
    /// Ports of a project that are machines.
    Machines,
    /// Numbers of a project's things, of one kind.
    Numbers,
    /// Peer blocks of a connection.
    PeerCidrsOfConnection,
    /// Peer blocks of a gateway's connections.
    PeerCidrsOfGateway,
    /// Public gateways in one zone of a router.
    PublicGatewaysInZone,
    /// Routers of a project.
    Routers,
    /// Routes of a router.
    Routes,
    /// Rules of a network ACL.
    RulesOfNetworkAcl,
    /// Rules of a security group.
    RulesOfSecurityGroup,
    /// Security groups of a router.
    SecurityGroups,
    /// SSH keys of a project.
    SshKeys,
    /// Subnets of a router.
    Subnets,
    /// Tunnel contexts of a project.
    TunnelContexts,
}

impl Quota {
    /// Refuses one more where `count` of `limit` are there already.
    pub(crate) fn check(self, count: usize, limit: usize) -> Result<(), Error> {
        if count < limit {
            Ok(())
        } else {
            Err(Error::QuotaExceeded { quota: self, limit })
        }
    }
}

/// Why a use case did not do as asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not in this project.
    #[error("the {0} could not be found")]
    NotFound(Noun),
    /// A block is not in a connection's list, or a router not on a subnet.
    #[error("the CIDR could not be found")]
    NotListed,
    /// It would contradict what is there.
    #[error("{message}")]
    Conflict {
        /// By which a face chooses its own code.
        rule: Rule,
        /// What to tell.
        message: String,
    },
    /// What was given can't be.
    #[error("{message}")]
    Invalid {
        /// Which field, in the model's words.
        field: &'static str,
        /// By which a face chooses its own code.
        rule: Rule,
        /// What to tell.
        message: String,
    },
    /// No router leads from there outside.
    #[error("{0}")]
    NoWayOutside(String),
    /// Others use it.
    #[error("the {noun} is used by the {by} {}", list(users))]
    Used {
        /// What it is.
        noun: Noun,
        /// What uses it.
        by: Noun,
        /// Which ones; never empty.
        users: Vec<Uuid>,
    },
    /// A connection's, or a gateway's, parts don't fit together.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The role doesn't allow it.
    #[error("this is for {0} alone")]
    Forbidden(&'static str),
    /// There are as many as the project's quota allows.
    #[error("the project's quota of {} is used up", .0.as_str())]
    ProjectQuota(Resource),
    /// There are as many as are allowed.
    #[error("the quota of {limit} is used up")]
    QuotaExceeded {
        /// What is counted, and in what.
        quota: Quota,
        /// How many are allowed.
        limit: usize,
    },
    /// Too many ask for what takes long.
    #[error("the service has too much to do; try again in {seconds} s")]
    Busy {
        /// When to come again.
        seconds: u64,
    },
    /// Somebody was wrong too often.
    #[error("there were too many failed attempts; try again in {seconds} s")]
    TooManyAttempts {
        /// When to come again.
        seconds: u64,
    },
    /// Not at this moment.
    #[error("the service can't answer at this moment")]
    Unavailable(#[source] Cause),
    /// A fault of ours.
    #[error("an internal error happened")]
    Internal(#[source] Cause),
}

fn list(ids: &[Uuid]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

impl Error {
    pub(crate) fn conflict(rule: Rule, message: impl Into<String>) -> Self {
        Self::Conflict {
            rule,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(field: &'static str, rule: Rule, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            rule,
            message: message.into(),
        }
    }

    /// Refuses when there are users.
    pub(crate) fn used(
        noun: Noun,
        by: Noun,
        users: impl Iterator<Item = Uuid>,
    ) -> Result<(), Self> {
        let users: Vec<_> = users.collect();
        if users.is_empty() {
            Ok(())
        } else {
            Err(Self::Used { noun, by, users })
        }
    }

    /// Refuses a row that is not of the revision that the caller saw.
    pub(crate) fn stale(expected: Option<Revision>, stored: Revision) -> Result<(), Self> {
        if expected.is_none_or(|expected| expected == stored) {
            Ok(())
        } else {
            Err(Self::changed())
        }
    }

    fn changed() -> Self {
        Self::conflict(
            Rule::Revision,
            "it was changed in the meantime, read it again",
        )
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::changed(),
            StoreError::Unavailable(source) => Self::Unavailable(source),
            other => Self::Internal(other.into()),
        }
    }
}
