//! `summary`: how a project is, for a first page.

use adit_control::Query;
use adit_control::connection::ConnectionView;
use adit_control::gateway::GatewayView;
use adit_model::Reason;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;
use axum::Json as Answer;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::Context;
use crate::page::Whole;
use crate::problem::Problem;
use crate::quotas::{self, QuotaShape};
use crate::reasons::ReasonShape;
use crate::state::Native;

/// How many that need attention are told one by one.
const MOST: usize = 50;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Connections, by how they are.
#[derive(Default, Serialize, ToSchema)]
struct ConnectionsShape {
    /// All of them.
    total: usize,
    /// Those that are wanted up, and whose gateways are.
    wanted: usize,
    /// Those whose tunnel is up.
    up: usize,
    /// Those that are up and have carried packets both ways.
    with_traffic: usize,
    connecting: usize,
    /// Those that are down though they are wanted up.
    down: usize,
    /// Those that are not wanted up.
    disabled: usize,
}

/// Gateways, by how they are.
#[derive(Default, Serialize, ToSchema)]
struct GatewaysShape {
    total: usize,
    available: usize,
    pending: usize,
    failed: usize,
}

/// Something that needs attention.
#[derive(Serialize, ToSchema)]
struct AttentionShape {
    /// What kind of thing: `connection` or `gateway`.
    noun: &'static str,
    id: Uuid,
    name: String,
    /// `down`, where it is not as wished, or `warning`, where it is, and something is to be known.
    severity: &'static str,
    /// Why, and what to do next.
    reason: ReasonShape,
}

/// How a project is.
#[derive(Serialize, ToSchema)]
struct SummaryShape {
    /// In a sentence.
    #[schema(example = "11 of 12 connections are up; 9 carry traffic both ways.")]
    text: String,
    connections: ConnectionsShape,
    gateways: GatewaysShape,
    /// What the project may have, and has.
    quota: QuotaShape,
    /// What needs attention, what is down first; the first 50.
    attention: Vec<AttentionShape>,
    /// How many need attention, with those that are not told one by one.
    attention_total: usize,
}

impl GatewaysShape {
    const fn count(&mut self, view: &GatewayView) {
        self.total += 1;
        match view.status {
            GatewayStatus::Available => self.available += 1,
            GatewayStatus::Pending => self.pending += 1,
            GatewayStatus::Failed => self.failed += 1,
        }
    }
}

fn is_disabled(reasons: &[Reason]) -> bool {
    let down = adit_model::ReasonCode::AdministrativelyDown;
    reasons.iter().any(|reason| reason.code == down)
}

impl ConnectionsShape {
    fn count(&mut self, view: &ConnectionView) {
        self.total += 1;
        if is_disabled(&view.reasons) {
            self.disabled += 1;
            return;
        }
        self.wanted += 1;
        match view.state {
            TunnelState::Up => self.up += 1,
            TunnelState::Connecting => self.connecting += 1,
            TunnelState::Down => self.down += 1,
        }
        let traffic = view.observed.as_ref().map(|seen| seen.traffic);
        let traffic = traffic.filter(|_| view.state == TunnelState::Up);
        self.with_traffic +=
            usize::from(traffic.is_some_and(|seen| seen.packets_in > 0 && seen.packets_out > 0));
    }

    fn text(&self) -> String {
        let ones = |count: usize, one: &str, many: &str| match count {
            1 => one.to_owned(),
            _ => many.replace("{}", &count.to_string()),
        };
        let mut text = match (self.total, self.wanted) {
            (0, _) => return "There are no connections yet.".to_owned(),
            (total, 0) => {
                return ones(
                    total,
                    "The one connection is switched off.",
                    "All {} connections are switched off.",
                );
            }
            (_, 1) if self.with_traffic == 1 => "The one connection carries traffic.".to_owned(),
            (_, 1) if self.up == 1 => {
                "The one connection is up; no traffic both ways yet.".to_owned()
            }
            (_, 1) => "The one connection is down.".to_owned(),
            (_, wanted) if wanted == self.with_traffic => {
                format!("All {wanted} connections carry traffic.")
            }
            (_, wanted) if self.up == 0 => format!("None of {wanted} connections is up."),
            (_, wanted) => {
                let up = match self.up {
                    1 => format!("1 of {wanted} connections is up"),
                    up if up == wanted => format!("All {wanted} connections are up"),
                    up => format!("{up} of {wanted} connections are up"),
                };
                let traffic = match self.with_traffic {
                    0 => "none carries".to_owned(),
                    1 => "1 carries".to_owned(),
                    many => format!("{many} carry"),
                };
                format!("{up}; {traffic} traffic both ways.")
            }
        };
        if self.disabled > 0 {
            text.push_str(&ones(
                self.disabled,
                " One more is switched off.",
                " {} more are switched off.",
            ));
        }
        text
    }
}

fn attention_of(view: &ConnectionView) -> Option<AttentionShape> {
    let reason = view
        .reasons
        .first()
        .filter(|_| !is_disabled(&view.reasons))?;
    let severity = match view.state {
        TunnelState::Up => "warning",
        TunnelState::Connecting | TunnelState::Down => "down",
    };
    Some(AttentionShape {
        noun: "connection",
        id: view.connection.id.uuid(),
        name: view.connection.name.to_string(),
        severity,
        reason: ReasonShape::of(reason),
    })
}

fn attention_of_gateway(view: &GatewayView) -> Option<AttentionShape> {
    let reason = view
        .reasons
        .first()
        .filter(|_| view.status == GatewayStatus::Failed)?;
    Some(AttentionShape {
        noun: "gateway",
        id: view.gateway.id.uuid(),
        name: view.gateway.name.to_string(),
        severity: "down",
        reason: ReasonShape::of(reason),
    })
}

/// Shows how the project is: connections and gateways by their states, what needs attention and why, and what of the quota
/// is used.
#[utoipa::path(
    get, path = "/summary", tag = "summary", operation_id = "show_summary",
    responses(
        (status = 200, description = "How it is.", body = SummaryShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
    ),
)]
async fn show(cx: Context) -> Result<impl IntoResponse, Problem> {
    let (control, caller) = (cx.control(), &cx.caller);
    let all = || Query::of_project(caller.project);
    let (mut connections, mut gateways) = (ConnectionsShape::default(), GatewaysShape::default());
    let mut attention = Vec::new();
    let mut whole = Whole::new(all());
    while let Some(query) = whole.query() {
        let found = control.page_gateways(caller, query).await?;
        for view in whole.cut(found, crate::gateways::place) {
            gateways.count(&view);
            attention.extend(attention_of_gateway(&view));
        }
    }
    let mut whole = Whole::new(all());
    while let Some(query) = whole.query() {
        let found = control.page_connections(caller, query).await?;
        for view in whole.cut(found, crate::connections::place) {
            connections.count(&view);
            attention.extend(attention_of(&view));
        }
    }
    // Oldest first otherwise.
    attention.sort_by_key(|one| one.severity != "down");
    let attention_total = attention.len();
    attention.truncate(MOST);
    Ok(Answer(SummaryShape {
        text: connections.text(),
        connections,
        gateways,
        quota: quotas::of(&cx, caller.project).await?,
        attention,
        attention_total,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_how_many_are_up_and_carry_traffic() {
        let said = |total, wanted, up, with_traffic| {
            let disabled = total - wanted;
            let counts = ConnectionsShape {
                total,
                wanted,
                up,
                with_traffic,
                disabled,
                ..ConnectionsShape::default()
            };
            counts.text()
        };
        assert_eq!(said(0, 0, 0, 0), "There are no connections yet.");
        assert_eq!(
            said(12, 12, 11, 9),
            "11 of 12 connections are up; 9 carry traffic both ways."
        );
        assert_eq!(
            said(12, 12, 12, 1),
            "All 12 connections are up; 1 carries traffic both ways."
        );
        assert_eq!(said(12, 12, 0, 0), "None of 12 connections is up.");
        assert_eq!(
            said(13, 12, 12, 12),
            "All 12 connections carry traffic. One more is switched off."
        );
        assert_eq!(
            said(3, 1, 0, 0),
            "The one connection is down. 2 more are switched off."
        );
        assert_eq!(
            said(1, 1, 1, 0),
            "The one connection is up; no traffic both ways yet."
        );
        assert_eq!(said(2, 0, 0, 0), "All 2 connections are switched off.");
    }
}
