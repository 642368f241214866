//! A tunnel that is edited first and made later: what it is to be is staged, until all of it is applied at once to a
//! connection. For dialects in which nothing takes effect until a user says so.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::policy::{
    Authentication, DhGroup, Encapsulation, Encryption, IkeParameters, IkeVersion, IpsecParameters,
    NegotiationMode, Transform,
};
use crate::{
    Cidr, ConnectionId, GatewayId, IkePolicyId, IpsecPolicyId, Name, ProjectId, Psk, Revision,
    SubnetId, TranslationId, TunnelContextId,
};

/// An address here that stands for one at the other end, both ways.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Translation {
    /// Random, made with it, and its own for good.
    pub id: TranslationId,
    /// The address here, of those that were assigned.
    pub internal: Ipv4Addr,
    /// The other end's.
    pub customer: Ipv4Addr,
    /// What the user calls it.
    pub notes: String,
}

/// What a tunnel is to be, but for its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TunnelSettings {
    /// What the user calls it; may be empty.
    pub friendly_name: Name,
    /// The other end, once it is known.
    pub peer_address: Option<Ipv4Addr>,
    /// Phase 1; one algorithm of each kind.
    pub ike: IkeParameters,
    /// Phase 2; one algorithm of each kind, and the group of perfect forward secrecy where that is wanted.
    pub ipsec: IpsecParameters,
    /// The group that perfect forward secrecy has as soon as it is wanted.
    pub pfs_group: Option<DhGroup>,
    /// What is reachable here, in the order in which it was added.
    pub subnets: Vec<SubnetId>,
    /// Blocks of the operator's services that are reachable for the other end, in the order in which they were added.
    #[serde(default)]
    pub services: Vec<Cidr>,
    /// What is reachable at the other end, in the order in which it was added.
    pub peer_cidrs: Vec<Cidr>,
    /// The addresses here that may stand for some at the other end: assigned when it was ordered.
    #[serde(default)]
    pub assigned: Option<Cidr>,
    /// Which stand for which, in the order in which they were added.
    #[serde(default)]
    pub translations: Vec<Translation>,
}

impl TunnelSettings {
    /// What one begins with that was just ordered: IKEv1 with what old equipment has in common.
    #[must_use]
    pub fn of_old_equipment() -> Self {
        let group = DhGroup::MODP_1024;
        Self {
            friendly_name: Name::default(),
            peer_address: None,
            ike: IkeParameters {
                version: IkeVersion::V1,
                negotiation_mode: NegotiationMode::Main,
                encryption: vec![Encryption::TripleDes],
                authentication: vec![Authentication::Md5],
                groups: vec![group],
                lifetime_s: 3600,
            },
            ipsec: IpsecParameters {
                transform: Transform::Esp,
                encapsulation: Encapsulation::Tunnel,
                encryption: vec![Encryption::TripleDes],
                authentication: vec![Authentication::Md5],
                pfs: vec![group],
                lifetime_s: 28_800,
            },
            pfs_group: Some(group),
            subnets: Vec::new(),
            services: Vec::new(),
            peer_cidrs: Vec::new(),
            assigned: None,
            translations: Vec::new(),
        }
    }
}

/// What was made when it was applied. Somebody may have deleted some of it since.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunningTunnel {
    /// The connection.
    pub connection: ConnectionId,
    /// Its phase 1.
    pub ike_policy: IkePolicyId,
    /// Its phase 2.
    pub ipsec_policy: IpsecPolicyId,
    /// Blocks of the operator's services that the other end reaches.
    #[serde(default)]
    pub services: Vec<Cidr>,
}

/// A tunnel that is edited first and made later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunnelContext {
    /// Random, made with the row, and its own for good.
    pub id: TunnelContextId,
    /// Whose it is.
    pub project: ProjectId,
    /// What the service calls it.
    pub name: Name,
    /// The gateway that was made with it. Somebody may have deleted it since.
    pub gateway: GatewayId,
    /// What it is to be.
    pub staged: TunnelSettings,
    /// The pre-shared key that it is to have.
    pub psk: Psk,
    /// What it is, once it was applied.
    pub running: Option<RunningTunnel>,
    /// When it is to be deleted by itself, UTC, if it was cancelled for then.
    pub ends_at: Option<OffsetDateTime>,
    /// When it was made, UTC.
    pub created_at: OffsetDateTime,
    /// When it was last changed, UTC.
    pub updated_at: OffsetDateTime,
    /// Its version.
    pub revision: Revision,
}
