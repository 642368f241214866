//! `connections/{id}/explain`: the ladder in sentences, for people.

use std::fmt::Write as _;

use adit_control::connection::ConnectionView;
use adit_model::observed::TunnelState;
use adit_model::{ReasonCode, Whose};
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::connections::find;
use crate::context::Context;
use crate::ladder::{Progress, Rung, Step, ladder, step_of};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Says in sentences how far a connection has come, why no farther, and what to change.
#[utoipa::path(
    get, path = "/connections/{id}/explain", tag = "connections", operation_id = "explain_connection",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Lines of text.", body = String, content_type = "text/plain"),
        refusals::Shown,
    ),
)]
async fn explain(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let view = find(&cx, id).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text(&view)))
}

/// A line, whatever the text has in it.
fn line(to: &mut String, text: impl AsRef<str>) {
    // Writing to a text can't fail.
    let _ = writeln!(to, "{}", text.as_ref());
}

pub(crate) fn text(view: &ConnectionView) -> String {
    let mut out = String::new();
    let row = &view.connection;
    let verdict = match view.state {
        TunnelState::Up if view.reasons.is_empty() => "is up",
        TunnelState::Up => "is up, with a warning",
        TunnelState::Connecting => "is not up yet",
        TunnelState::Down => "is down",
    };
    line(&mut out, format!("{} {verdict}.", row.name));
    line(&mut out, "");
    for rung in ladder(view) {
        line(&mut out, rung_line(view, &rung));
    }
    for reason in &view.reasons {
        line(&mut out, "");
        line(&mut out, reason.to_string());
    }
    out
}

fn rung_line(view: &ConnectionView, rung: &Rung) -> String {
    let mark = match rung.progress {
        Progress::Done => "+",
        Progress::Stopped => "x",
        Progress::NotYet => "-",
    };
    format!("  {mark} {}", words(view, rung))
}

fn has(view: &ConnectionView, code: ReasonCode) -> bool {
    view.reasons.iter().any(|one| one.code == code)
}

/// Whether it is for the peer to begin.
fn awaits_peer(view: &ConnectionView) -> bool {
    let mut reasons = view.reasons.iter();
    reasons.any(|one| one.code == ReasonCode::Negotiating && one.whose == Whose::Peer)
}

/// What a rung says.
fn words(view: &ConnectionView, rung: &Rung) -> String {
    let observed = view.observed.as_ref();
    let row = &view.connection;
    let peer = match &row.peer_host {
        Some(host) => host.clone(),
        None if row.peer_address.is_unspecified() => "the peer, at any address,".to_owned(),
        None => row.peer_address.to_string(),
    };
    let stops_here = view
        .reasons
        .iter()
        .any(|one| step_of(one) == Some(rung.step));
    let pair = rung.pair.as_deref().unwrap_or_default();
    match (rung.step, rung.progress) {
        (Step::Configured, Progress::Done) => {
            format!("The gateway is there, at {}.", view.local_address)
        }
        (Step::Configured, _) if has(view, ReasonCode::AdministrativelyDown) => {
            "It is not wanted up.".to_owned()
        }
        (Step::Configured, _) if stops_here => "What is wished for can't be as it is.".to_owned(),
        (Step::Configured, _) => "The gateway is not there yet.".to_owned(),
        (Step::PeerReachable, Progress::Done) => format!("{peer} answers."),
        (Step::PeerReachable, Progress::Stopped) if awaits_peer(view) => {
            format!("{peer} has not begun yet.")
        }
        (Step::PeerReachable, Progress::Stopped) => format!("{peer} does not answer."),
        (Step::PeerReachable, Progress::NotYet) => format!("Whether {peer} answers is not known."),
        (Step::IkeSa, Progress::Done) => {
            let suite = observed.and_then(|observed| observed.ike_suite.as_deref());
            let suite = suite.map_or_else(String::new, |suite| format!(": {suite}"));
            format!("Both ends agree on phase 1{suite}.")
        }
        (Step::IkeSa, Progress::Stopped) => "The ends don't agree on phase 1.".to_owned(),
        (Step::IkeSa, Progress::NotYet) => "Phase 1 has not begun.".to_owned(),
        (Step::Authenticated, Progress::Done) => "Each end has shown who it is.".to_owned(),
        (Step::Authenticated, Progress::Stopped) => {
            "The ends don't take each other for who they should be.".to_owned()
        }
        (Step::Authenticated, Progress::NotYet) => "Nobody has shown who he is.".to_owned(),
        (Step::ChildSa, Progress::Done) => format!("{pair} is carried."),
        (Step::ChildSa, Progress::Stopped) if rung.is_partly_there => {
            format!("{pair} is carried in part alone.")
        }
        (Step::ChildSa, Progress::Stopped) => format!("{pair} is not carried."),
        (Step::ChildSa, Progress::NotYet) => format!("{pair} waits for that."),
        (Step::TrafficIn, Progress::Done) => {
            let traffic = observed
                .map(|observed| observed.traffic)
                .unwrap_or_default();
            format!("{} packets have come through.", traffic.packets_in)
        }
        (Step::TrafficIn, _) => "No packet has come through.".to_owned(),
        (Step::TrafficOut, Progress::Done) => {
            let traffic = observed
                .map(|observed| observed.traffic)
                .unwrap_or_default();
            format!("{} packets have gone in.", traffic.packets_out)
        }
        (Step::TrafficOut, _) => "No packet has gone in.".to_owned(),
    }
}
