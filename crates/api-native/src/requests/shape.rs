//! What requests look like.

use std::net::IpAddr;
use std::time::Duration;

use adit_control::connection_request::{LinkText, NewConnectionRequest};
use adit_model::change::Actor;
use adit_model::connection_request::{PairReport, RequestState, RequestStep};
use adit_model::{Cidr, ConnectionRequest};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ticket::Ticket;
use crate::context::name;
use crate::problem::Problem;

/// How long a link to a key is good, where nothing is said, in hours.
const HOURS: u32 = 7 * 24;

/// What somebody at the other end asks for: field by field, or as the text of a ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRequestShape {
    /// A ticket's text, in place of the next four fields: `a. Gateway IP: ...`, `b. Connection Name: ...`,
    /// `c. Subnets to be reached at customer location in CIDR notation: ...`,
    /// `d. Subnets to be reached in Power VS environment in CIDR form: ...`.
    ticket: Option<String>,
    /// What to call the connection.
    name: Option<String>,
    /// The gateway at the other end: an address, or a host's name.
    #[schema(example = "203.0.113.5")]
    peer_address: Option<String>,
    /// What is to be reached there.
    #[schema(value_type = Option<Vec<String>>, example = json!(["10.77.0.0/24"]))]
    peer_cidrs: Option<Vec<Cidr>>,
    /// What is to be reached here: within subnets of one router.
    #[schema(value_type = Option<Vec<String>>, example = json!(["10.240.0.0/24"]))]
    local_cidrs: Option<Vec<Cidr>>,
    /// Whom the pre-shared key is for.
    #[schema(example = "Ann Smith, network operations")]
    recipient: Option<String>,
    /// Addresses at the other end that answer echo requests; else the ends of each block are asked.
    #[schema(value_type = Option<Vec<String>>)]
    test_addresses: Option<Vec<IpAddr>>,
    /// How long the link to the key is good, in hours, up to 720.
    #[schema(default = 168)]
    secret_hours: Option<u32>,
}

pub(super) fn lasts(hours: Option<u32>) -> Duration {
    Duration::from_secs(u64::from(hours.unwrap_or(HOURS)) * 3600)
}

impl NewRequestShape {
    pub(super) fn read(self) -> Result<NewConnectionRequest, Problem> {
        let said = [
            ("name", self.name.is_some()),
            ("peer_address", self.peer_address.is_some()),
            ("peer_cidrs", self.peer_cidrs.is_some()),
            ("local_cidrs", self.local_cidrs.is_some()),
        ];
        let ticket = match &self.ticket {
            None => Ticket::default(),
            Some(text) => {
                if let Some((field, _)) = said.iter().find(|(_, is_said)| *is_said) {
                    return Err(Problem::invalid(field, "the ticket says it already"));
                }
                Ticket::read(text).map_err(|wrong| Problem::invalid_text("ticket", wrong))?
            }
        };
        let missing = |field: &str| Problem::invalid(field, "it is missing");
        let list = |field: &str, said: Option<Vec<Cidr>>, of_ticket: Vec<Cidr>| {
            let list = said.unwrap_or(of_ticket);
            (!list.is_empty())
                .then_some(list)
                .ok_or_else(|| missing(field))
        };
        let called = self.name.or(ticket.name);
        Ok(NewConnectionRequest {
            name: name("name", &called.ok_or_else(|| missing("name"))?)?,
            peer_address: self
                .peer_address
                .or(ticket.peer_address)
                .ok_or_else(|| missing("peer_address"))?,
            peer_cidrs: list("peer_cidrs", self.peer_cidrs, ticket.peer_cidrs)?,
            local_cidrs: list("local_cidrs", self.local_cidrs, ticket.local_cidrs)?,
            test_addresses: self.test_addresses.unwrap_or(ticket.test_addresses),
            recipient: self
                .recipient
                .or(ticket.recipient)
                .ok_or_else(|| missing("recipient"))?,
            secret_lasts: lasts(self.secret_hours),
        })
    }
}

/// A step that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct StepShape {
    /// `submitted`, `configured`, `secret_fetched`, `tested`, `confirmed` or `closed`.
    #[schema(value_type = String)]
    pub(super) state: RequestState,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    /// By whom: a user's id, `service`, or `link`: whoever had the link to the key and its passphrase.
    pub(super) by: Option<String>,
}

/// What came of trying one pair of blocks.
#[derive(Serialize, ToSchema)]
pub(super) struct PairShape {
    #[schema(value_type = String)]
    local: Cidr,
    #[schema(value_type = String)]
    peer: Cidr,
    /// Whether there was a Child SA for it.
    carried: bool,
    /// The address here that asked; nothing was asked where this end has none in the block.
    #[schema(value_type = Option<String>)]
    from: Option<IpAddr>,
    /// The addresses that were asked, until one answered.
    #[schema(value_type = Vec<String>)]
    asked: Vec<IpAddr>,
    /// The one that answered: packets come through in both directions.
    #[schema(value_type = Option<String>)]
    answered: Option<IpAddr>,
    /// After how many microseconds.
    after_us: Option<u64>,
    /// The largest packet that was answered and not broken up, in octets.
    path_mtu: Option<u16>,
}

impl PairShape {
    fn of(pair: &PairReport) -> Self {
        Self {
            local: pair.local,
            peer: pair.peer,
            carried: pair.is_carried,
            from: pair.from,
            asked: pair.asked.clone(),
            answered: pair.answered,
            after_us: pair.after_us,
            path_mtu: pair.path_mtu,
        }
    }
}

/// A request.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestShape {
    id: Uuid,
    /// What the connection is called.
    name: String,
    /// How far it has come: the last of its steps' states.
    #[schema(value_type = String)]
    state: RequestState,
    /// What was done, oldest first.
    steps: Vec<StepShape>,
    peer_address: String,
    #[schema(value_type = Vec<String>)]
    peer_cidrs: Vec<Cidr>,
    #[schema(value_type = Vec<String>)]
    local_cidrs: Vec<Cidr>,
    /// Whom the pre-shared key is for.
    recipient: String,
    /// The connection that was made. Somebody may have deleted it since.
    connection: Uuid,
    /// What came of the last test, pair by pair.
    report: Vec<PairShape>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    revision: u64,
}

impl RequestShape {
    pub(super) fn of(row: &ConnectionRequest) -> Self {
        let by = |actor: Actor| actor.to_string();
        let step = |step: &RequestStep| StepShape {
            state: step.state,
            at: step.at,
            by: step.by.map(by),
        };
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            state: row.state(),
            steps: row.steps.iter().map(step).collect(),
            peer_address: row.peer_address.clone(),
            peer_cidrs: row.peer_cidrs.clone(),
            local_cidrs: row.local_cidrs.clone(),
            recipient: row.recipient.clone(),
            connection: row.connection.uuid(),
            report: row.report.iter().map(PairShape::of).collect(),
            created_at: row.created_at,
            revision: row.revision.0,
        }
    }
}

/// A request, with what is told once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeRequestShape {
    #[serde(flatten)]
    request: RequestShape,
    secret: LinkShape,
}

/// How the recipient gets the pre-shared key: by a link that works once, and a passphrase that is told by another way.
#[derive(Serialize, ToSchema)]
struct LinkShape {
    /// For the recipient alone.
    link: String,
    /// What the link has for its code.
    code: String,
    /// To be told by another way than the link: by telephone, say.
    passphrase: String,
    /// When the link ends.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl MadeRequestShape {
    pub(super) fn of(row: &ConnectionRequest, link: &LinkText, origin: &str) -> Self {
        Self {
            request: RequestShape::of(row),
            secret: LinkShape {
                link: format!("{origin}/secret?code={}", link.code()),
                code: link.code().to_owned(),
                passphrase: link.passphrase().to_owned(),
                expires_at: row.secret.expires_at,
            },
        }
    }
}
