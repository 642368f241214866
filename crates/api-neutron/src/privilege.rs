//! What of a resource is not for every member to say, as Neutron's default policy has it: link and
//! IP addresses, filters and owners on somebody else's network, and addresses outside.

use adit_control::Error;
use adit_model::NetworkId;
use serde_json::Value;
use uuid::Uuid;

use crate::attribute::Privilege;
use crate::body::Values;
use crate::context::Context;
use crate::error::ApiError;
use crate::resource::Resource;

/// Whether one of a list of addresses names an address.
pub(crate) fn names_address(ips: &Value) -> bool {
    let named = |ip: &Value| ip.get("ip_address").is_some_and(|text| !text.is_null());
    match ips {
        Value::Array(ips) => ips.iter().any(named),
        one => named(one),
    }
}

/// Refuses what the caller may not say. `known` is what is changed, if something is.
pub(crate) async fn check<R: Resource>(
    cx: &Context,
    known: Option<Uuid>,
    values: &Values,
) -> Result<(), ApiError> {
    if cx.caller.all_projects {
        return Ok(());
    }
    let verb = if known.is_some() { "update" } else { "create" };
    for attribute in R::ATTRIBUTES {
        let Some(given) = values.get(attribute.name) else {
            continue;
        };
        for reserved in attribute
            .own
            .reserved
            .iter()
            .filter(|one| (one.says)(given))
        {
            let privilege = if known.is_some() {
                reserved.put
            } else {
                reserved.post
            };
            if privilege == Privilege::NetworkOwner && owns_network::<R>(cx, known, values).await? {
                continue;
            }
            let rule = format!("{verb}_{}:{}", R::WORDS.one, reserved.rule);
            return Err(ApiError::Policy { rule });
        }
    }
    Ok(())
}

/// Whether the network is the caller's. That one is not there at all is for the use case to say.
async fn owns_network<R: Resource>(
    cx: &Context,
    known: Option<Uuid>,
    values: &Values,
) -> Result<bool, ApiError> {
    let network = R::network(cx, known, values).await;
    let network = network.map_err(|failure| failure.about::<R>(""))?;
    let Some(network) = network else {
        return Ok(true);
    };
    match cx
        .control
        .network(&cx.caller, NetworkId::from_uuid(network))
        .await
    {
        Ok(view) => Ok(view.network.project == cx.caller.project),
        Err(Error::NotFound(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
