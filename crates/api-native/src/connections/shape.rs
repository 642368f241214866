//! What a connection looks like, and what a change of one may say.

use std::net::IpAddr;

use adit_api::answer;
use adit_control::Rates;
use adit_control::connection::{ConnectionChange, ConnectionView, EndsChange};
use adit_model::connection::{DeadPeerDetection, DpdAction, Initiator};
use adit_model::observed::{ChildObserved, Traffic, TunnelState};
use adit_model::{Cidr, EndpointGroupId, IkePolicyId, IpsecPolicyId, Name, Psk};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::authentication::{self, CertificatesShape, CertificatesWish, PpkShape, PpkWish};
use super::translations::{self, TranslationShape};
use crate::context::{name, said};
use crate::ladder::{Rung, ladder};
use crate::problem::Problem;
use crate::reasons::ReasonShape;

/// What something is known by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct Reference {
    id: Uuid,
    name: String,
}

impl Reference {
    fn of((id, name): (Uuid, &Name)) -> Self {
        let name = name.to_string();
        Self { id, name }
    }
}

/// One end of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct EndShape {
    /// Its address; the unspecified one is any, or, of a name, that it is not known yet.
    #[schema(value_type = String)]
    address: IpAddr,
    /// Its name, where it was given by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// What it calls itself in IKE; its address, where nothing is said.
    identity: Option<String>,
    /// What is reachable behind it.
    #[schema(value_type = Vec<String>)]
    cidrs: Vec<Cidr>,
    /// The endpoint group that says so, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Uuid>,
}

/// How a dead peer is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DpdShape {
    /// What becomes of the tunnel: `clear`, `hold`, `none` (don't look), `restart` or `restart-by-peer`.
    #[schema(value_type = String)]
    pub(crate) action: DpdAction,
    /// Seconds without anything from the peer until it is asked.
    pub(crate) interval_s: u32,
    /// Seconds without an answer until it is dead; more than the interval.
    pub(crate) timeout_s: u32,
}

impl From<DeadPeerDetection> for DpdShape {
    fn from(row: DeadPeerDetection) -> Self {
        let DeadPeerDetection {
            action,
            interval_s,
            timeout_s,
        } = row;
        Self {
            action,
            interval_s,
            timeout_s,
        }
    }
}

/// A Child SA that carries packets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct ChildShape {
    /// The SPI of what comes from the peer, as other programs write it.
    #[schema(example = "c4a1f00d")]
    spi_in: String,
    /// The SPI of what goes to the peer.
    spi_out: String,
    /// What was agreed on, such as `aes256gcm16`.
    suite: String,
    #[schema(value_type = Vec<String>)]
    local_cidrs: Vec<Cidr>,
    #[schema(value_type = Vec<String>)]
    peer_cidrs: Vec<Cidr>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    /// When this end replaces it; not known while that is under way. There is no bound on its octets; only sequence
    /// numbers that run out have it replaced earlier.
    #[serde(with = "time::serde::rfc3339::option")]
    rekey_at: Option<OffsetDateTime>,
    /// What went through it.
    traffic: TrafficShape,
}

impl ChildShape {
    fn of(child: &ChildObserved) -> Self {
        Self {
            spi_in: format!("{:08x}", child.spi_in),
            spi_out: format!("{:08x}", child.spi_out),
            suite: child.suite.clone(),
            local_cidrs: child.local_cidrs.clone(),
            peer_cidrs: child.peer_cidrs.clone(),
            since: child.times.since,
            rekey_at: child.times.rekey_at,
            traffic: child.traffic.into(),
        }
    }
}

/// What went through a tunnel since the gateway's worker began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub(crate) struct TrafficShape {
    packets_in: u64,
    bytes_in: u64,
    packets_out: u64,
    bytes_out: u64,
}

impl From<Traffic> for TrafficShape {
    fn from(traffic: Traffic) -> Self {
        let Traffic {
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
        } = traffic;
        Self {
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
        }
    }
}

/// What goes through a tunnel each second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct RatesShape {
    packets_in: u64,
    bytes_in: u64,
    packets_out: u64,
    bytes_out: u64,
    /// From when on it was counted.
    #[serde(with = "time::serde::rfc3339")]
    from: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
}

impl From<Rates> for RatesShape {
    fn from(rates: Rates) -> Self {
        let each = rates.each_second;
        Self {
            packets_in: each.packets_in,
            bytes_in: each.bytes_in,
            packets_out: each.packets_out,
            bytes_out: each.bytes_out,
            from: rates.from,
            until: rates.until,
        }
    }
}

/// A connection: the wish, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionShape {
    id: Uuid,
    name: String,
    description: String,
    /// The gateway at this end.
    gateway: Uuid,
    local: EndShape,
    peer: EndShape,
    /// What of both ends the opposite one knows by other addresses.
    translations: Vec<TranslationShape>,
    /// By what both ends show who they are, where that is not a pre-shared key.
    certificates: Option<CertificatesShape>,
    /// When its pre-shared key was last set to another one; none where it has none, and where nobody knows: of those that
    /// were made before that was written down.
    #[serde(with = "time::serde::rfc3339::option")]
    psk_set_at: Option<OffsetDateTime>,
    /// What keys rest on beside that.
    ppk: Option<PpkShape>,
    /// Phase 1; without one it negotiates.
    ike_policy: Option<Reference>,
    /// Phase 2; without one it negotiates.
    ipsec_policy: Option<Reference>,
    /// The most octets of an inner packet; 0 leaves it to the path.
    mtu: u32,
    /// Who begins: `bi-directional` or `response-only`.
    #[schema(value_type = String)]
    initiator: Initiator,
    dead_peer_detection: DpdShape,
    /// Whether the tunnel is wanted up.
    enabled: bool,
    /// `up`, `connecting` or `down`.
    #[schema(value_type = String)]
    state: TunnelState,
    /// Since when it is in that state, as far as the gateway's worker has said.
    #[serde(with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    /// Why it is not as wished; while it is up, what to be warned of.
    reasons: Vec<ReasonShape>,
    /// How far it has come, from the bottom up.
    ladder: Vec<Rung>,
    /// What phase 1 agreed on.
    ike_suite: Option<String>,
    /// When its IKE SA was made.
    #[serde(with = "time::serde::rfc3339::option")]
    ike_since: Option<OffsetDateTime>,
    /// When this end replaces it; not known while that is under way.
    #[serde(with = "time::serde::rfc3339::option")]
    ike_rekey_at: Option<OffsetDateTime>,
    /// The Child SAs that carry packets.
    children: Vec<ChildShape>,
    traffic: TrafficShape,
    /// What goes through it each second, from the counters of two looks; none while there was but one look.
    rates: Option<RatesShape>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

impl ConnectionShape {
    pub(crate) fn of(view: &ConnectionView) -> Self {
        let row = &view.connection;
        let observed = view.observed.as_ref();
        let policy = |known: Option<(Uuid, &Name)>| known.map(Reference::of);
        let [local_group, peer_group] = match row.ends.groups() {
            Some(groups) => groups.map(|id| Some(id.uuid())),
            None => [None, None],
        };
        let ike = view.ike_policy.as_ref();
        let ipsec = view.ipsec_policy.as_ref();
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            description: row.description.clone(),
            gateway: row.gateway.uuid(),
            local: EndShape {
                address: view.local_address,
                host: None,
                identity: row.local_id.clone(),
                cidrs: row.ends.local().to_vec(),
                group: local_group,
            },
            peer: EndShape {
                address: row.peer_address,
                host: row.peer_host.clone(),
                identity: row.peer_id.clone(),
                cidrs: row.ends.peer().to_vec(),
                group: peer_group,
            },
            translations: row.translations.iter().map(|one| (*one).into()).collect(),
            certificates: authentication::certificates(row),
            psk_set_at: row.psk_set_at,
            ppk: authentication::ppk(row),
            ike_policy: policy(ike.map(|(id, name)| (id.uuid(), name))),
            ipsec_policy: policy(ipsec.map(|(id, name)| (id.uuid(), name))),
            mtu: row.mtu,
            initiator: row.initiator,
            dead_peer_detection: row.dead_peer_detection.into(),
            enabled: row.admin_state_up,
            state: view.state,
            since: observed.map(|observed| observed.since),
            reasons: view.reasons.iter().map(ReasonShape::of).collect(),
            ladder: ladder(view),
            ike_suite: observed.and_then(|observed| observed.ike_suite.clone()),
            ike_since: observed.and_then(|observed| observed.ike_times.since),
            ike_rekey_at: observed.and_then(|observed| observed.ike_times.rekey_at),
            children: observed.map_or_else(Vec::new, |observed| {
                observed.children.iter().map(ChildShape::of).collect()
            }),
            traffic: observed
                .map(|observed| observed.traffic.into())
                .unwrap_or_default(),
            rates: view.rates.map(Into::into),
            created_at: row.created_at,
            revision: row.revision.0,
        }
    }
}

/// A connection that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeShape {
    #[serde(flatten)]
    pub(crate) connection: ConnectionShape,
    /// The pre-shared key, where none was given and one was made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) psk: Option<String>,
}

/// A pre-shared key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyShape {
    /// As it was given; octets that are no text stand as U+FFFD.
    psk: String,
}

impl KeyShape {
    pub(crate) fn of(psk: &Psk) -> Self {
        let psk = answer::key(psk, true).into_owned();
        Self { psk }
    }
}

/// What of an end is to change.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LocalChange {
    /// What this end calls itself; `null` is the gateway's address.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    identity: Option<Option<String>>,
    #[schema(value_type = Option<Vec<String>>)]
    cidrs: Option<Vec<Cidr>>,
    /// Another endpoint group of subnets, where there is one.
    group: Option<Uuid>,
}

/// What of the other end is to change.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PeerChange {
    /// An address, or a host's name; `0.0.0.0` is any.
    address: Option<String>,
    /// What it has to call itself; `null` is its address.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    identity: Option<Option<String>>,
    #[schema(value_type = Option<Vec<String>>)]
    cidrs: Option<Vec<Cidr>>,
    /// Another endpoint group of blocks, where there is one.
    group: Option<Uuid>,
}

/// What of dead peer detection is to change.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DpdChange {
    #[schema(value_type = Option<String>)]
    action: Option<DpdAction>,
    interval_s: Option<u32>,
    timeout_s: Option<u32>,
}

/// What to change of a connection; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeShape {
    name: Option<String>,
    description: Option<String>,
    local: Option<LocalChange>,
    peer: Option<PeerChange>,
    /// All that are to be, in the place of those that are.
    translations: Option<Vec<TranslationShape>>,
    psk: Option<String>,
    /// In place of a pre-shared key.
    certificates: Option<CertificatesWish>,
    /// `null` does without.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<PpkWish>)]
    ppk: Option<Option<PpkWish>>,
    /// `null` negotiates.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Uuid>)]
    ike_policy: Option<Option<Uuid>>,
    /// `null` negotiates.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Uuid>)]
    ipsec_policy: Option<Option<Uuid>>,
    mtu: Option<u32>,
    #[schema(value_type = Option<String>)]
    initiator: Option<Initiator>,
    dead_peer_detection: Option<DpdChange>,
    enabled: Option<bool>,
}

/// A key as a body has it.
pub(crate) fn read_key(field: &str, text: String) -> Result<Psk, Problem> {
    if answer::is_hidden(&text) {
        let detail = "these asterisks stand for a key that is hidden, and are none";
        return Err(Problem::invalid(field, detail));
    }
    Psk::new(text.into_bytes()).map_err(|error| Problem::invalid(field, error.to_string()))
}

impl ChangeShape {
    pub(crate) fn read(self) -> Result<ConnectionChange, Problem> {
        let name = self.name.map(|text| name("name", &text));
        let local = self.local.unwrap_or_default();
        let peer = self.peer.unwrap_or_default();
        let dpd = self.dead_peer_detection.unwrap_or_default();
        Ok(ConnectionChange {
            name: name.transpose()?,
            description: self.description,
            peer_address: peer.address,
            peer_id: peer.identity,
            local_id: local.identity,
            authentication: authentication::read(self.psk, self.certificates)?,
            ppk: self
                .ppk
                .map(|wish| wish.map(PpkWish::read).transpose())
                .transpose()?,
            ends: EndsChange {
                local_cidrs: local.cidrs,
                peer_cidrs: peer.cidrs,
                local_group: local.group.map(|id| Some(EndpointGroupId::from_uuid(id))),
                peer_group: peer.group.map(|id| Some(EndpointGroupId::from_uuid(id))),
            },
            translations: self.translations.map(translations::read),
            distribute_traffic: None,
            mtu: self.mtu,
            initiator: self.initiator,
            dpd_action: dpd.action,
            dpd_interval_s: dpd.interval_s,
            dpd_timeout_s: dpd.timeout_s,
            ike_policy: self.ike_policy.map(|id| id.map(IkePolicyId::from_uuid)),
            ipsec_policy: self.ipsec_policy.map(|id| id.map(IpsecPolicyId::from_uuid)),
            admin_state_up: self.enabled,
        })
    }
}
