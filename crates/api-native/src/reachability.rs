//! `reachability`: whether one can reach another, and if not, what is in the way.

use std::net::IpAddr;

use adit_control::reachability::{End, Question, Step, Verdict};
use adit_model::PortId;
use adit_model::security_group::{Family, protocol_number};
use axum::Json as Answer;
use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::Context;
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Who is to reach whom, and how.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WantedWay {
    /// Who begins: a machine's id, or an address, of a machine, behind a peer, or outside.
    #[param(example = "10.1.0.5")]
    from: String,
    /// Who is to be reached, by the same. One of both is a machine of the project, or a floating IP.
    #[param(example = "10.2.0.7")]
    to: String,
    /// The protocol's name, such as `tcp`, `udp` or `icmp`, or its number; any, if it is left out.
    protocol: Option<String>,
    /// The port; of ICMP, the type. Any, if it is left out.
    port: Option<u16>,
}

impl FromRequestParts<Native> for WantedWay {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Native) -> Result<Self, Problem> {
        let read = Parameters::<Self>::try_from_uri(&parts.uri);
        Ok(read
            .map_err(|error| Problem::invalid("", error.body_text()))?
            .0)
    }
}

fn end(field: &str, text: &str) -> Result<End, Problem> {
    match (text.parse(), Uuid::try_parse(text)) {
        (Ok(address), _) => Ok(End::Address(address)),
        (_, Ok(id)) => Ok(End::Machine(PortId::from_uuid(id))),
        _ => {
            let detail = format!("{field} is a machine's id, or an address");
            Err(Problem::invalid(field, detail))
        }
    }
}

impl WantedWay {
    fn read(self) -> Result<Question, Problem> {
        let (from, to) = (end("from", &self.from)?, end("to", &self.to)?);
        let is_v6 = |end| matches!(end, End::Address(IpAddr::V6(_)));
        let family = match is_v6(from) || is_v6(to) {
            true => Family::V6,
            false => Family::V4,
        };
        let protocol = match self.protocol.as_deref() {
            None | Some("" | "any") => None,
            Some(text) => {
                let number = protocol_number(text, family);
                let refused = || {
                    let detail = "protocol is a name, such as tcp, udp or icmp, or a number";
                    Problem::invalid("protocol", detail)
                };
                Some(number.ok_or_else(refused)?)
            }
        };
        Ok(Question {
            from,
            to,
            protocol,
            port: self.port,
        })
    }
}

/// Something on the way.
#[derive(Serialize, ToSchema)]
struct WayStepShape {
    /// `passes`, `depends`, or `stopped`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// What kind of thing decides; a `port` is a machine.
    #[schema(example = "security_group")]
    noun: &'static str,
    /// Which.
    id: Uuid,
    /// What it is called, if it has a name.
    name: String,
    /// The rule of it that decides, where one does.
    rule: Option<Uuid>,
    /// In a sentence.
    text: String,
}

impl WayStepShape {
    fn of(step: Step) -> Self {
        Self {
            verdict: step.verdict,
            noun: step.noun.as_str(),
            id: step.id,
            name: step.name,
            rule: step.rule,
            text: step.text,
        }
    }
}

/// Whether one can reach another.
#[derive(Serialize, ToSchema)]
struct ReachabilityShape {
    /// `passes`; `depends`, on what was not said or is not known here; or `stopped`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// What decides, in a sentence.
    text: String,
    /// The addresses that it was worked out for.
    #[schema(value_type = String)]
    from: IpAddr,
    #[schema(value_type = String)]
    to: IpAddr,
    /// The way, as far as it goes. The last one stops it, where something does.
    steps: Vec<WayStepShape>,
}

/// Says whether one can reach another, and if not, what is in the way: security groups, network ACLs, routes, tunnels. It
/// is worked out from what these are made of and what is seen of tunnels; no packet is sent.
#[utoipa::path(
    get, path = "/reachability", tag = "networks", operation_id = "show_reachability", params(WantedWay),
    responses(
        (status = 200, description = "Whether, and by what.", body = ReachabilityShape),
        (status = 404, description = "The machine is not there.", body = Problem),
        refusals::Listed,
    ),
)]
async fn show(cx: Context, wanted: WantedWay) -> Result<impl IntoResponse, Problem> {
    let question = wanted.read()?;
    let found = cx.control().reachability(&cx.caller, question).await?;
    // Of a way that nothing stops, the last step says where it leads.
    let decides = found
        .steps
        .iter()
        .rev()
        .find(|step| step.verdict == found.verdict);
    let text = decides.map(|step| step.text.clone()).unwrap_or_default();
    Ok(Answer(ReachabilityShape {
        verdict: found.verdict,
        text,
        from: found.from,
        to: found.to,
        steps: found.steps.into_iter().map(WayStepShape::of).collect(),
    }))
}
