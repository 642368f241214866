//! `SoftLayer_Network_Tunnel_Module_Context`: a tunnel context, with what is staged of it. Nothing of that takes effect until it
//! is applied.

mod edit;
mod parameters;
mod shown;
mod translations;

use adit_control::connection::{DeadPeerRule, Overlaps, Rules};
use adit_control::tunnel_context::Listing;
use adit_control::{Allowance, Naming, NumberOf};
use adit_model::{Cidr, SubnetId, TunnelContext, TunnelContextId};
use serde_json::Value;

use crate::arguments::{at_most, needed, number, object, thing};
use crate::call::{Answer, Call, Cx};
use crate::customer_subnets;
use crate::fault::Fault;
use crate::shape::taken;
use shown::shown;
pub(crate) use shown::{all, billing_item, date};

/// What holds for every face, and nothing more.
const CONNECTIONS: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    overlaps: Overlaps::Nested,
    dead_peer: DeadPeerRule::Longer,
};

/// Of a context's relations, those that are lists, by the methods that get them.
const LISTS: [(&str, &str); 6] = [
    ("getAddressTranslations", "addressTranslations"),
    (
        "getAllAvailableServiceSubnets",
        "allAvailableServiceSubnets",
    ),
    ("getCustomerSubnets", "customerSubnets"),
    ("getInternalSubnets", "internalSubnets"),
    ("getServiceSubnets", "serviceSubnets"),
    ("getStaticRouteSubnets", "staticRouteSubnets"),
];

/// Those that are one object.
const OBJECTS: [(&str, &str); 3] = [
    ("getAccount", "account"),
    ("getBillingItem", "billingItem"),
    ("getDatacenter", "datacenter"),
];

pub(crate) async fn call(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    if let Some(value) = parameters::value(&call.method) {
        at_most(&call.arguments, 0)?;
        return Ok(Answer::Plain(value));
    }
    let (method, arguments) = (call.method.as_str(), &call.arguments[..]);
    let id = || call.object();
    if let Some((_, relation)) = LISTS.iter().find(|(get, _)| *get == method) {
        at_most(arguments, 0)?;
        let row = find(cx, id()?).await?;
        let items = match taken(shown(cx, &row).await?, relation) {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        return Ok(Answer::Many(relation, items));
    }
    if let Some((_, relation)) = OBJECTS.iter().find(|(get, _)| *get == method) {
        at_most(arguments, 0)?;
        let row = find(cx, id()?).await?;
        return Ok(Answer::One(taken(shown(cx, &row).await?, relation)));
    }
    match method {
        "getObject" => {
            at_most(arguments, 0)?;
            let row = find(cx, id()?).await?;
            Ok(Answer::One(shown(cx, &row).await?))
        }
        "editObject" => {
            at_most(arguments, 1)?;
            let row = find(cx, id()?).await?;
            let template = object(arguments, 0, "templateObject")?;
            let change = edit::read(template, &shown(cx, &row).await?)?;
            cx.control
                .update_tunnel_context(&cx.caller, row.id, change)
                .await?;
            Ok(Answer::Plain(true.into()))
        }
        "applyConfigurationsToDevice" => {
            at_most(arguments, 0)?;
            let row = find(cx, id()?).await?;
            cx.control
                .apply_tunnel_context(&cx.caller, CONNECTIONS, row.id)
                .await?;
            Ok(Answer::Plain(true.into()))
        }
        "downloadParameterConfigurations" | "getParameterConfigurationsForCustomerView" => {
            at_most(arguments, 0)?;
            let row = find(cx, id()?).await?;
            let text = shown::parameters(&shown(cx, &row).await?);
            Ok(Answer::Plain(file(call, "parameters.txt", &text)))
        }
        _ => listing(cx, call).await,
    }
}

/// Methods on what is reachable, and on translations.
async fn listing(cx: &Cx, call: &Call) -> Result<Answer, Fault> {
    let (method, arguments) = (call.method.as_str(), &call.arguments[..]);
    let row = || async { find(cx, call.object()?).await };
    let numbered = |name| number(name, needed(arguments, 0, name)?);
    let listing = match method {
        "addPrivateSubnetToNetworkTunnel" | "removePrivateSubnetFromNetworkTunnel" => {
            let id = numbered("subnetId")?;
            let subnet: Option<SubnetId> = thing(cx, NumberOf::Subnet, id).await?.parse().ok();
            let subnet = subnet.ok_or_else(|| Fault::not_found(id))?;
            match method.starts_with("add") {
                true => Listing::AddSubnet(subnet),
                false if row().await?.staged.subnets.contains(&subnet) => {
                    Listing::RemoveSubnet(subnet)
                }
                false => return Err(Fault::not_found(id)),
            }
        }
        "addCustomerSubnetToNetworkTunnel" | "removeCustomerSubnetFromNetworkTunnel" => {
            let id = numbered("subnetId")?;
            let cidr = customer_subnets::find(cx, id).await?;
            match method.starts_with("add") {
                true => Listing::AddPeerCidr(cidr),
                false if row().await?.staged.peer_cidrs.contains(&cidr) => {
                    Listing::RemovePeerCidr(cidr)
                }
                false => return Err(Fault::not_found(id)),
            }
        }
        "addServiceSubnetToNetworkTunnel" | "removeServiceSubnetFromNetworkTunnel" => {
            let id = numbered("subnetId")?;
            let block: Option<Cidr> = thing(cx, NumberOf::ServiceSubnet, id).await?.parse().ok();
            let block = block.ok_or_else(|| Fault::not_found(id))?;
            let known = match method.starts_with("add") {
                true => cx.control.service_blocks().contains(&block),
                false => row().await?.staged.services.contains(&block),
            };
            if !known {
                return Err(Fault::not_found(id));
            }
            match method.starts_with("add") {
                true => Listing::AddService(block),
                false => Listing::RemoveService(block),
            }
        }
        "createAddressTranslation"
        | "createAddressTranslations"
        | "deleteAddressTranslation"
        | "editAddressTranslation"
        | "editAddressTranslations" => {
            at_most(arguments, 1)?;
            let row = row().await?;
            return translations::call(cx, call, &row).await;
        }
        "downloadAddressTranslationConfigurations" | "getAddressTranslationConfigurations" => {
            at_most(arguments, 0)?;
            let hosts = translations::hosts(&row().await?);
            return Ok(Answer::Plain(file(call, "hosts.txt", &hosts)));
        }
        _ => return Err(call.no_method()),
    };
    at_most(arguments, 1)?;
    let row = row().await?;
    cx.control
        .list_in_tunnel_context(&cx.caller, row.id, vec![listing])
        .await?;
    Ok(Answer::Plain(true.into()))
}

/// A text; as a file, where that is to be downloaded.
fn file(call: &Call, name: &str, text: &str) -> Value {
    if call.method.starts_with("download") {
        serde_json::json!({"name": name, "contentType": "text/plain", "content": text})
    } else {
        text.into()
    }
}

async fn find(cx: &Cx, number: u32) -> Result<TunnelContext, Fault> {
    let id = thing(cx, NumberOf::TunnelContext, number).await?;
    let id: TunnelContextId = id.parse().map_err(|_| Fault::not_found(number))?;
    Ok(cx.control.tunnel_context(&cx.caller, id).await?)
}
