//! The sheet that answers a request: what has to be set up at the other end, as a text. The key is not on it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use adit_model::change::Actor;
use adit_model::connection_request::{PairReport, RequestStep};
use adit_model::{ConnectionRequest, Name};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use crate::connections::find;
use crate::context::Context;
use crate::peer_config::{self, Vendor};
use crate::policies::{IkeShape, IpsecShape};
use crate::problem::Problem;

/// Those whose configuration is on the sheet.
const VENDORS: [(Vendor, &str); 3] = [
    (Vendor::Strongswan, "strongSwan (swanctl.conf)"),
    (Vendor::CiscoIosXe, "Cisco IOS-XE"),
    (Vendor::Junos, "Juniper Junos"),
];

fn joined<T: ToString>(list: &[T]) -> String {
    let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The values of a policy, each on a line.
fn policy(text: &mut String, title: &str, shape: &impl serde::Serialize) {
    let _ = writeln!(text, "\n{title}");
    let Ok(Value::Object(values)) = serde_json::to_value(shape) else {
        return;
    };
    for (name, value) in values {
        let said = match value {
            Value::Array(list) if list.is_empty() => "none".to_owned(),
            Value::Array(list) => {
                let each = list
                    .iter()
                    .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
                each.collect::<Vec<_>>().join(", ")
            }
            Value::String(text) => text,
            other => other.to_string(),
        };
        let _ = writeln!(text, "  {:<15} {said}", name.replace('_', " "));
    }
}

fn step(text: &mut String, step: &RequestStep, names: &HashMap<Actor, Name>) {
    let at = step.at.replace_nanosecond(0).unwrap_or(step.at);
    let at = at.format(&Rfc3339).unwrap_or_default();
    let state = serde_json::to_value(step.state).unwrap_or_default();
    let state = state.as_str().unwrap_or_default().replace('_', " ");
    let by = match step.by {
        Some(Actor::Link) | None => "who has the link".to_owned(),
        Some(Actor::Operator) => "the operator".to_owned(),
        Some(Actor::Service) => "the service".to_owned(),
        Some(by) => names
            .get(&by)
            .map_or_else(|| by.to_string(), ToString::to_string),
    };
    let _ = writeln!(text, "  {state:<15} {at} by {by}");
}

fn pair(text: &mut String, pair: &PairReport) {
    let PairReport { local, peer, .. } = pair;
    let carried = match pair.is_carried {
        true => "a Child SA carries it",
        false => "no Child SA carries it",
    };
    let heard = match (pair.from, pair.answered, pair.after_us) {
        (None, ..) => "nothing was asked, since this end has no address in its block".to_owned(),
        (Some(from), Some(to), Some(after_us)) => {
            let after_ms = Duration::from_micros(after_us).as_secs_f64() * 1000.0;
            let mtu = match pair.path_mtu {
                Some(mtu) => format!("packets of up to {mtu} octets come through whole"),
                None => "no size was found that comes through whole".to_owned(),
            };
            format!("{to} answered {from} after {after_ms:.1} ms; {mtu}")
        }
        (Some(from), ..) => {
            let asked = joined(&pair.asked);
            format!(
                "none of {asked} answered {from}: packets may come through there all the same, if nobody there answers echo requests"
            )
        }
    };
    let _ = writeln!(text, "  {local} and {peer}: {carried}; {heard}.");
}

/// Writes the sheet.
pub(super) async fn write(cx: &Context, row: &ConnectionRequest) -> Result<String, Problem> {
    let view = find(cx, row.connection.uuid()).await?;
    let parameters = peer_config::parameters(cx, &view).await?;
    let (ike, ipsec) = &parameters;
    let mut text = String::new();
    let _ = writeln!(text, "VPN connection {}\n", row.name);
    let _ = writeln!(text, "Gateway IP here:     {}", view.local_address);
    let _ = writeln!(text, "Gateway IP there:    {}", row.peer_address);
    let _ = writeln!(text, "Subnets here:        {}", joined(&row.local_cidrs));
    let _ = writeln!(text, "Subnets there:       {}", joined(&row.peer_cidrs));
    let _ = writeln!(
        text,
        "Pre-shared key:      for {}, by the link that was made for it",
        row.recipient
    );
    let _ = writeln!(
        text,
        "Routes added here:   {}, through the tunnel",
        joined(&row.peer_cidrs)
    );
    policy(
        &mut text,
        "IKE policy (what this end takes, best first)",
        &IkeShape::from(ike),
    );
    policy(&mut text, "IPsec policy", &IpsecShape::from(ipsec));
    let _ = writeln!(text, "\nProgress");
    let actors = row.steps.iter().filter_map(|step| step.by);
    let names = cx.control().names_of(actors).await?;
    for one in &row.steps {
        step(&mut text, one, &names);
    }
    if !row.report.is_empty() {
        let _ = writeln!(text, "\nConnectivity test");
        for one in &row.report {
            pair(&mut text, one);
        }
    }
    for (vendor, title) in VENDORS {
        let _ = writeln!(text, "\n----- {title} -----");
        match peer_config::text(&view, &parameters, vendor, false) {
            Ok(configuration) => text.push_str(&configuration),
            Err(problem) => {
                let _ = writeln!(text, "{}", problem.detail());
            }
        }
    }
    Ok(text)
}
